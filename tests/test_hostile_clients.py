"""Clients that stall, lie and go away: others are served, and what they cost is bounded and given back."""

import resource
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.served import Served, start

ACCOUNT = "111111111111"
UPLOADS = "/v2/team/api/blobs/uploads/"
MANY = 1000
WITHIN = 10.0
# A reset instead of an orderly end.
AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Target:
    """A server of our own, and credentials for one repository."""

    served: Served
    token: str

    @property
    def descriptors(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.served.process.pid}/fd").iterdir())

    @property
    def megabytes(self) -> int:
        status = Path(f"/proc/{self.served.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def blob_files(self) -> list[Path]:
        return [each for each in self.served.data.glob("regions/*/blobs/**/*") if each.is_file()]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.served.port), timeout=WITHIN)

    def head(self, method: str, target: str, length: str = "0", more: str = "") -> bytes:
        lines = (
            f"{method} {target} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Basic {self.token}",
            f"Content-Length: {length}",
        )
        return ("\r\n".join(lines) + f"\r\n{more}\r\n").encode()

    def ask(self, sent: bytes, on: socket.socket | None = None) -> str:
        """Send bytes and return the head that is answered."""
        if on is None:
            with self.connect() as connection:
                return self.ask(sent, connection)
        on.sendall(sent)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = on.recv(65536)
            assert piece, f"the connection ended after {answer!r}"
            answer += piece
        return answer.partition(b"\r\n\r\n")[0].decode()

    def begin(self, on: socket.socket | None = None) -> str:
        """Begin an upload and return where it goes on."""
        head = self.ask(self.head("POST", UPLOADS), on)
        return next(line.split(": ")[1] for line in head.splitlines() if line.startswith("location"))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    served = start(tmp_path_factory.mktemp("hostile") / "data")
    ecr = served.client("ecr", ACCOUNT)
    ecr.create_repository(repositoryName="team/api")
    yield Target(served, ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])
    served.stop()


@pytest.fixture
def crowd(target: Target) -> Iterator[list[socket.socket]]:
    """A thousand connections, which are reset at the end; what they cost must have been given back then."""
    before, files = target.descriptors, target.blob_files()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 2 * MANY, hard))
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect()) for _ in range(MANY)]
        for each in connections:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        yield connections
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: target.descriptors <= before and target.blob_files() == files)


def wait_until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not claim():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def status(head: str) -> int:
    return int(head.split()[1])


@pytest.mark.parametrize("said", [b"", b"GET /v2/ HTTP/1.1\r\nHo"], ids=["nothing", "half a head"])
def test_a_thousand_clients_that_say_little_keep_nobody_out(
    target: Target, crowd: list[socket.socket], said: bytes
) -> None:
    for each in crowd:
        each.sendall(said)
    assert status(target.ask(target.head("GET", "/v2/"))) == 200


def test_a_thousand_stalled_bodies_hold_little_memory_and_keep_nobody_out(
    target: Target, crowd: list[socket.socket]
) -> None:
    before = target.megabytes
    sent = target.head("PATCH", target.begin(), "100000000") + b"x" * 500_000
    for each in crowd:
        each.sendall(sent)
    # All but the few whose bodies are collected are written as they come.
    wait_until(lambda: len(target.blob_files()) > MANY * 0.8)
    assert status(target.ask(target.head("GET", "/v2/"))) == 200
    # What is read ahead and one small batch for each, beside what may be collected.
    assert target.megabytes - before < 700


def test_clients_that_go_away_in_mid_body_leave_nothing(target: Target) -> None:
    files, descriptors = target.blob_files(), target.descriptors
    upload = target.begin()
    for _ in range(100):
        with target.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            connection.sendall(target.head("PATCH", upload, "8000000") + b"x" * 2_000_000)
    wait_until(lambda: target.descriptors <= descriptors and target.blob_files() == files)
    assert "range: 0-0" in target.ask(target.head("GET", upload))


@pytest.mark.parametrize(
    ("length", "more", "expected"),
    [
        ("5", "Content-Range: 0-9\r\n", 400),
        ("5", "Content-Range: 0-3\r\n", 400),
        ("5", "Content-Range: 4-0\r\n", 416),
        ("5", "Content-Range: 0-99999999999999999999\r\n", 416),
        ("-1", "", 400),
        ("+5", "", 400),
        ("5, 6", "", 400),
        ("5\r\nContent-Length: 6", "", 400),
        ("99999999999999999999", "", 400),
    ],
)
def test_a_length_that_lies_is_refused_and_nothing_of_its_body_kept(
    target: Target, length: str, more: str, expected: int
) -> None:
    upload = target.begin()
    assert status(target.ask(target.head("PATCH", upload, length, more) + b"12345")) == expected
    assert "range: 0-0" in target.ask(target.head("GET", upload))


def test_uploads_that_are_never_finished_cost_no_memory(target: Target) -> None:
    with target.connect() as connection:
        for _ in range(100):
            target.begin(connection)
        before, descriptors = target.megabytes, target.descriptors
        for _ in range(MANY):
            target.begin(connection)
        assert target.megabytes - before < 20
        assert target.descriptors <= descriptors + 2
