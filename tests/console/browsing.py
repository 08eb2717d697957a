"""A browser without anything but cookies."""

import re
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from tests.waiting import PATIENCE_SECONDS

Opener = urllib.request.OpenerDirector


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
