"""Clients that send a whole body before they read: who is refused at once learns why, and is not waited for."""

import asyncio
import http.client
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.hostile import UPLOADS, Target, attacked
from tests.waiting import PATIENCE_SECONDS
from twinport.http.admission import Admission
from twinport.http.application import Application
from twinport.http.messages import Answer, AnyAnswer, Drain, Message, Request

# More than the buffers between two sockets hold, so that a client that is not listened to gets stuck.
BODY = bytes(32 << 20)
UNKNOWN = "/v2/team/nothing/blobs/uploads/"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with attacked(tmp_path_factory.mktemp("refused")) as target:
        yield target


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason"),
    [
        (UPLOADS, {}, 401, "Not Authorized"),
        (f"{UPLOADS}?digest=sha256:1", {"Authorization": "TOKEN"}, 400, "DIGEST_INVALID"),
        (UNKNOWN + f"?digest=sha256:{'0' * 64}", {"Authorization": "TOKEN"}, 404, "NAME_UNKNOWN"),
        ("/v2/team/api/tags/list", {"Authorization": "TOKEN"}, 405, "UNSUPPORTED"),
        ("/", {"X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"}, 413, ""),
        ("/console/sign-in", {"Content-Type": "application/x-www-form-urlencoded"}, 400, "262144 bytes"),
        (UPLOADS, {"Host": "somewhere.example"}, 403, "is not served here"),
    ],
    ids=["no credentials", "digest", "no repository", "method", "operation", "console", "host"],
)
def test_a_client_that_reads_only_after_it_has_sent_all_learns_why_it_is_refused(
    target: Target, path: str, headers: dict[str, str], status: int, reason: str
) -> None:
    headers = {name: value.replace("TOKEN", f"Basic {target.token}") for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", target.served.port, timeout=PATIENCE_SECONDS)
    connection.request("POST", path, BODY, headers)
    answer = connection.getresponse()
    said = answer.read().decode()
    assert (answer.status, reason in said) == (status, True), said
    connection.request("GET", "/_twinport/health")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_client_that_asks_whether_to_send_is_refused_before_it_does(target: Target) -> None:
    asked = target.ask(target.head("POST", UNKNOWN, str(1 << 30), "Expect: 100-continue\r\n"))
    assert asked.startswith("HTTP/1.1 404")
    with target.connect() as connection:
        connection.sendall(target.head("POST", UNKNOWN, str(1 << 30), "Expect: 100-continue\r\n"))
        said = b""
        while piece := connection.recv(1 << 16):
            said += piece
    assert said.startswith(b"HTTP/1.1 404")


class Refusing:
    """A door that reads nothing."""

    async def answer(self, _request: Request) -> AnyAnswer:
        return Answer(404)


class Endless:
    """A client that never comes to the end of its body, in pieces or in silence."""

    def __init__(self, pause: float) -> None:
        self.pause, self.sent = pause, 0

    async def __call__(self) -> Message:
        await asyncio.sleep(self.pause)
        self.sent += 1
        return {"type": "http.request", "body": b"x", "more_body": True}


@pytest.mark.parametrize("pause", [0.0, 3600.0], ids=["it goes on", "it is silent"])
async def test_a_client_that_never_ends_is_answered_and_then_left(pause: float) -> None:
    drain = Drain(limit=timedelta(milliseconds=300), silence=timedelta(milliseconds=100))
    application, client = Application(Admission((), ()), (("/", Refusing()),), drain), Endless(pause)
    answered: list[Any] = []

    async def send(message: Message) -> None:
        answered.append((message["type"], client.sent))

    headers = [(b"host", b"127.0.0.1"), (b"content-length", b"1000000000")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "client": ("127.0.0.1", 5)}
    await asyncio.wait_for(application(scope, client, send), PATIENCE_SECONDS)
    assert answered == [("http.response.start", 0), ("http.response.body", 0)]
    assert (client.sent > 1) == (pause == 0)
