"""Browsers with nothing but cookies: an opener for pages, and a visitor who sends forms, too."""

import re
import urllib.error
import urllib.parse
import urllib.request
from html import unescape
from http.cookiejar import CookieJar

from tests.served import Served
from tests.waiting import PATIENCE_SECONDS

Opener = urllib.request.OpenerDirector
# A form that shows no data of an account.
_BLANK = "eu-west-1/repositories/new"


def signed_in(url: str, account: str) -> Opener:
    """Sign in as the root of an open account."""
    made = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    (token, *_) = re.findall(r'name="csrf" value="(\w+)"', read(made, f"{url}/console/sign-in"))
    form = urllib.parse.urlencode({"csrf": token, "way": "open", "account": account})
    made.open(f"{url}/console/sign-in", form.encode(), timeout=PATIENCE_SECONDS).close()
    return made


def read(opener: Opener, url: str) -> str:
    with opener.open(url, timeout=PATIENCE_SECONDS) as answer:
        return str(answer.read().decode())


class Visitor:
    """A user who is signed in, with a browser that keeps cookies and nothing else."""

    def __init__(self, server: Served, form: dict[str, str]) -> None:
        self._base = f"{server.url}/console"
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.send("sign-in", form)

    def comes_from(self, page: str) -> None:
        """Say from now on which page led here."""
        self._opener.addheaders = [("Referer", page)]

    def get(self, page: str) -> str:
        return self._read(f"{self._base}/{page}", None)

    def send(self, page: str, fields: dict[str, str]) -> str:
        """Send a form. Every page of a session holds the token that makes its forms genuine."""
        place = page if page == "sign-in" else _BLANK
        (token, *_) = re.findall(r'name="csrf" value="(\w+)"', self.get(place))
        return self._read(f"{self._base}/{page}", urllib.parse.urlencode({**fields, "csrf": token}).encode())

    def form(self, page: str, sent_to: str = "") -> dict[str, str]:
        """Return what a form of a page holds before the user types: the only one, or the one that is sent there."""
        forms = re.findall(r'<form method="post"[^>]* class="card">.*?</form>', self.get(page), re.DOTALL)
        (form,) = forms if len(forms) == 1 else [each for each in forms if f'/{sent_to}" class' in each]
        held = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
        return {name: unescape(value) for name, value in held}

    def _read(self, url: str, body: bytes | None) -> str:
        try:
            with self._opener.open(url, body, timeout=PATIENCE_SECONDS) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.read().decode()
