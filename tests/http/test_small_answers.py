"""Small answers leave at once: no accepted connection waits for acknowledgments before it sends a second piece."""

import ctypes
import http.client
import os
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.served import Served, start, start_secure
from tests.waiting import PATIENCE_SECONDS
from twinport.commands.certificates import make, names_for

# Its number is the same on every architecture; Python has no function for it.
_PIDFD_GETFD = 438


def processes(served: Served) -> list[int]:
    parent = served.process.pid
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [parent, *map(int, listed.split())]


def borrowed(pid: int, descriptor: int) -> socket.socket:
    """Return another process's socket, to look at its options."""
    libc, process = ctypes.CDLL(None, use_errno=True), os.pidfd_open(pid)
    try:
        own = libc.syscall(_PIDFD_GETFD, process, descriptor, 0)
    finally:
        os.close(process)
    if own < 0:
        pytest.skip(f"this system lets no test look at another process's socket: {os.strerror(ctypes.get_errno())}")
    return socket.socket(fileno=own)


def accepted(served: Served, client: tuple[str, int]) -> socket.socket:
    """Return the server's end of the connection whose client has this address."""
    for pid in processes(served):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            if not str(entry.readlink()).startswith("socket:"):
                continue
            found = borrowed(pid, int(entry.name))
            if is_end_of(found, client):
                return found
            found.close()
    raise AssertionError(f"no process has a connection from {client}")


def is_end_of(found: socket.socket, client: tuple[str, int]) -> bool:
    try:
        return found.family == socket.AF_INET and bool(found.getpeername() == client)
    except OSError:
        return False


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_accepted_connection_holds_small_writes_back(scheme: str, workers: str, tmp_path: Path) -> None:
    if scheme == "http":
        served = start(tmp_path / "data", TWINPORT_WORKERS=workers)
    else:
        files = make(tmp_path / "tls", names_for((), ("localhost",), ("eu-west-1",)), datetime.now(UTC))
        served = start_secure(tmp_path / "data", files, TWINPORT_WORKERS=workers)
    try:
        with closing(connected(served)) as connection:
            connection.request("GET", "/_twinport/health")
            assert connection.getresponse().read()
            with accepted(served, connection.sock.getsockname()) as end:
                assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    finally:
        served.stop()


def connected(served: Served) -> http.client.HTTPConnection:
    if served.trust is None:
        return http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE_SECONDS)
    return http.client.HTTPSConnection("127.0.0.1", served.port, context=served.trust, timeout=PATIENCE_SECONDS)
