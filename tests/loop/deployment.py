"""A watched server as its clients reach it: raw requests, answers, and the longest turn since the last one."""

import base64
import http.client
import re
import socket
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.loop.seeds import ACCOUNT, REGION
from tests.loop.turns import Reader, Turn
from tests.served import Served, start
from tests.signed import Signer

_WITHIN = 120
BASIC = base64.b64encode


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Deployment:
    """One server. `cookie` and `csrf` are those of a session of the console, `token` is docker's password."""

    served: Served
    turns: Reader
    token: str = ""
    cookie: str = ""
    csrf: str = ""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.served.port}"

    @property
    def signer(self) -> Signer:
        return Signer(self.host, ACCOUNT, REGION)

    def send(self, request: bytes) -> Answer:
        with socket.create_connection(("127.0.0.1", self.served.port), timeout=_WITHIN) as connection:
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection, method=request.split(b" ", 1)[0].decode())
            answer.begin()
            return Answer(answer.status, answer.headers, answer.read())

    def longest_turn(self) -> Turn:
        """Return the longest turn since the last question. All turns up to now have been written down by then."""
        for _ in range(2):
            self.send(self.plain("GET", "/_twinport/health"))
        return self.turns.longest()

    def plain(self, method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
        named = {"Host": self.host, "Content-Length": str(len(body)), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
        return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def oci(self, method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
        return self.plain(method, target, body, Authorization=f"Basic {self.token}", **headers)

    def page(self, target: str) -> bytes:
        return self.plain("GET", target, Cookie=self.cookie)

    def form(self, target: str, fields: dict[str, str]) -> bytes:
        body = urllib.parse.urlencode({"csrf": self.csrf, **fields}).encode()
        kind = "application/x-www-form-urlencoded"
        return self.plain("POST", target, body, Cookie=self.cookie, Content_Type=kind)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    turns = folder / "turns"
    turns.touch()
    served = start(folder / "data", program="tests.loop.program", LOOP_TURNS=str(turns))
    try:
        found = Deployment(served, Reader(turns))
        _log_in(found)
        yield found
    finally:
        served.process.kill()
        served.process.wait()


def _log_in(found: Deployment) -> None:
    ecr = found.served.client("ecr", ACCOUNT, REGION)
    found.token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    page = found.send(found.page("/console/sign-in"))
    found.csrf = _csrf(page)
    found.cookie = _cookies(page)
    session = found.send(found.form("/console/sign-in", {"way": "open", "account": ACCOUNT}))
    found.cookie = _cookies(session)
    found.csrf = _csrf(found.send(found.page(f"/console/{REGION}/repositories/new")))


def _csrf(page: Answer) -> str:
    return str(re.findall(r'name="csrf" value="(\w+)"', page.body.decode())[0])


def _cookies(answer: Answer) -> str:
    given = answer.headers.get_all("set-cookie") or []
    return "; ".join(each.partition(";")[0] for each in given)
