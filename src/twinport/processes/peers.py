"""The processes on one data folder know each other: each has a socket there, through which the others wake it.

The socket also shows whether its process is dead. If no process holds a socket open, the kernel refuses a message to
it, at once and with certainty. So a killed process's work can be taken over before its leases end. This holds within
one host: a name contains the host of its process, and a process never judges the processes of another host.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import secrets
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.processes.wakeups import Heard, Topic

# A socket's path may have 107 bytes. A longer path is reached through a descriptor of its folder.
_LONGEST_PATH = 100
_LONGEST_WORD = 64
# Host, kind, process id and a random part.
_NAME = re.compile(r"[0-9a-f]+-([a-z]+)-([0-9]+)-[0-9a-f]+")


def this_host() -> str:
    """Return a name for this host until its next boot. Containers on one kernel are one host."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        boot = str(uuid.getnode())
    return hashlib.sha256(boot.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Peer:
    """A process with a socket in a folder. `is_alive` is None for a process of another host."""

    kind: str
    pid: int | None
    is_alive: bool | None


def peers_in(folder: Path, host: str) -> list[Peer]:
    """Return the processes of a folder, and whether those of this host are alive. Creates and removes nothing."""
    return list(named_peers_in(folder, host).values())


def named_peers_in(folder: Path, host: str) -> dict[str, Peer]:
    """As `peers_in`, by the names of the processes."""
    looking = Peers(folder, host)
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError:
        return {}
    return {name: looking.look_at(name) for name in names}


class Peers:
    """One of the processes with sockets in `folder`. If it cannot create a socket it works alone, which is no error.

    `kind` is the kind of process that others see in the folder, in lower case.
    """

    def __init__(self, folder: Path, host: str, kind: str = "process") -> None:
        self.name = f"{host}-{kind}-{os.getpid()}-{secrets.token_hex(8)}"
        self._folder, self._host = folder, host
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Open this process's socket for the other processes."""
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        own.setblocking(False)  # noqa: FBT003 — the standard library's
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            # The socket has no name yet: its file is created with this mode.
            os.fchmod(own.fileno(), 0o600)
            with self._address(self.name) as address:
                own.bind(address)
        except OSError as error:
            own.close()
            telemetry.warning(Event.WORKER_HINDERED, worker="peers", reason=str(error))
        else:
            self._socket = own

    def close(self) -> None:
        """Remove this process's socket, so that no other process takes its end for a death."""
        if self._socket is not None:
            self._remove(self.name)
            self._socket.close()
            self._socket = None

    async def tell(self, topic: Topic) -> None:
        for name in self._others():
            self._send(name, topic.value.encode())

    async def listen(self, heard: Heard) -> None:
        if self._socket is None:
            await asyncio.Event().wait()
            return
        loop = asyncio.get_running_loop()
        while True:
            word = await loop.sock_recv(self._socket, _LONGEST_WORD)
            # An empty message only checks whether this process is alive.
            with contextlib.suppress(ValueError):
                heard(Topic(word.decode(errors="replace")))

    def dead(self) -> list[str]:
        """Return the processes of this host that died. Call `forget` once all of their work is taken over."""
        return [name for name in self._others() if not self._send(name, b"")]

    def look_at(self, name: str) -> Peer:
        """Parse the name of a process, and check whether it is alive if it is on this host."""
        found = _NAME.fullmatch(name)
        is_alive = self._send(name, b"") if name.startswith(f"{self._host}-") else None
        return Peer("process", None, is_alive) if found is None else Peer(found[1], int(found[2]), is_alive)

    def forget(self, name: str) -> None:
        """Remove a dead process's socket, so that no process finds it any more."""
        self._remove(name)

    def _others(self) -> list[str]:
        if self._socket is None:
            return []
        try:
            return sorted(each.name for each in self._folder.iterdir() if self._is_peer(each.name))
        except OSError:
            return []

    def _is_peer(self, name: str) -> bool:
        return name.startswith(f"{self._host}-") and name != self.name

    def _send(self, name: str, word: bytes) -> bool:
        """Return False if certainly no process has the socket open. A full queue, for one, means a live process."""
        try:
            with self._address(name) as address, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)  # noqa: FBT003 — the standard library's
                sender.sendto(word, address)
        except OSError as error:
            return error.errno != errno.ECONNREFUSED
        return True

    @contextlib.contextmanager
    def _address(self, name: str) -> Iterator[str]:
        path = self._folder / name
        if len(os.fsencode(path)) <= _LONGEST_PATH:
            yield str(path)
            return
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            yield f"/proc/self/fd/{folder}/{name}"
        finally:
            os.close(folder)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)
