"""A server of our own for clients that mean no good, and what it costs to serve them."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.served import Served, start
from tests.waiting import PATIENCE_SECONDS

ACCOUNT, OTHER_ACCOUNT = "111111111111", "222222222222"
UPLOADS = "/v2/team/api/blobs/uploads/"
WITHIN = PATIENCE_SECONDS
# A reset instead of an orderly end.
AT_ONCE = struct.pack("ii", 1, 0)
# SQLAlchemy's pool keeps so many connections to a database once they are open.
KEPT_CONNECTIONS = 5


@dataclass(frozen=True)
class Target:
    """A server of our own, and credentials for one repository."""

    served: Served
    token: str

    @property
    def descriptors(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.served.process.pid}/fd").iterdir())

    @property
    def database_connections(self) -> int:
        """Those to the database of the one Region."""
        return sum(1 for each in self._opened() if each.endswith("/catalog.db"))

    def _opened(self) -> Iterator[str]:
        for each in Path(f"/proc/{self.served.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                yield str(each.readlink())

    @property
    def megabytes(self) -> int:
        status = Path(f"/proc/{self.served.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    @property
    def log(self) -> str:
        return (self.served.data.parent / f"{self.served.data.name}.log").read_text()

    def blob_files(self) -> list[Path]:
        """Every file of the stores but the one that names the catalog, which the server makes when it sees fit."""
        files = self.served.data.glob("regions/*/blobs/**/*")
        return [each for each in files if each.is_file() and each.name != "owner"]

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.served.port), timeout=WITHIN, source_address=(source, 0))

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


@contextmanager
def attacked(folder: Path) -> Iterator[Target]:
    """Serve an account with two repositories; nothing may fail in it but what clients do."""
    # What many unfinished uploads cost is looked at here; that an account may not have so many is shown elsewhere.
    served = start(folder / "data", TWINPORT_OPEN_UPLOADS="100000")
    with closing(served.client("ecr", ACCOUNT)) as ecr:
        for name in ("team/api", "team/web"):
            ecr.create_repository(repositoryName=name)
        target = Target(served, ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])
    open_database_connections(target)
    yield target
    served.stop()
    defects = [line for line in target.log.splitlines() if '"level":"error"' in line]
    assert defects == [], defects


def open_database_connections(target: Target) -> None:
    """List repositories at once until the Region's database has every connection that it keeps.

    Upkeep opens some of them, too, at times of its own. Once all are open, a rise in descriptors is due to clients.
    """
    asked = target.head("GET", "/v2/_catalog", more="Connection: close\r\n")

    def are_open() -> bool:
        with ExitStack() as stack:
            clients = [stack.enter_context(target.connect()) for _ in range(2 * KEPT_CONNECTIONS)]
            for each in clients:
                each.sendall(asked)
            for each in clients:
                while each.recv(65536):
                    pass
        return target.database_connections >= KEPT_CONNECTIONS

    wait_until(are_open)


def wait_until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not claim():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def status(head: str) -> int:
    return int(head.split()[1])
