"""Ports for servers of tests, which no other test run on this machine takes meanwhile.

A port that the system chooses for a moment is free again before the server listens, and the next connection that any
program opens may get it. These lie below those that Linux gives to connections, and are held by a lock while this
process lives.
"""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

_RANGE = range(12_000, 32_000)
_TRIES = 1_000
_held: list[IO[bytes]] = []


def free_port() -> int:
    """Return a port of the loopback address at which nothing listens, and which no other test run is given."""
    folder = Path(tempfile.gettempdir()) / f"twinport-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Not the generator that tests seed: then two runs would try the same ports one after the other.
    for port in random.SystemRandom().sample(_RANGE, _TRIES):
        if _hold(folder / str(port)):
            if _is_free(port):
                return port
            _held.pop().close()
    raise AssertionError(f"of {_TRIES} ports none is free")


def _hold(path: Path) -> bool:
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _held.append(lock)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
