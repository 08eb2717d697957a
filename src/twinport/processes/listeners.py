"""The addresses that the running servers of a data folder listen on. Each process notes its own, for commands.

A note is a file in `listeners` with the name of the process's socket in `processes`, which shows whether the process
lives. So the note of a killed process is never used, and the next server removes it.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.processes.peers import Peers, this_host

_LONGEST_NOTE = 1 << 14


@dataclass(frozen=True, slots=True)
class Listening:
    """A server's note. `accounts` says for which clients accounts are open. `pid` is the process to end."""

    url: str
    accounts: str
    pid: int


@contextlib.contextmanager
def noted(data: Path, name: str, listening: Listening) -> Iterator[None]:
    """Keep a note of the address of process `name` during the block. If the folder cannot be written, there is none."""
    folder = data / "listeners"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for each in folder.iterdir():
            if not _may_live(data, each.name):
                each.unlink(missing_ok=True)
        _write(folder / name, orjson.dumps(asdict(listening)))
    except OSError as error:
        telemetry.warning(Event.WORKER_HINDERED, worker="listeners", reason=str(error))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def running(data: Path) -> list[Listening]:
    """Return the notes of this host's servers that run on a folder, each address once."""
    try:
        names = sorted(each.name for each in (data / "listeners").iterdir())
        notes = [_read(data / "listeners" / name) for name in names if _lives(data, name)]
    except OSError:
        return []
    return list({each.url: each for each in notes if each is not None}.values())


def _lives(data: Path, name: str) -> bool:
    return _may_live(data, name) and name.startswith(f"{this_host()}-")


def _may_live(data: Path, name: str) -> bool:
    """Return False if the process is certainly gone. Its socket's file is removed at its end, or after its death."""
    processes = data / "processes"
    return (processes / name).exists() and Peers(processes, this_host()).look_at(name).is_alive is not False


def _write(path: Path, text: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, text)
    finally:
        os.close(handle)


def _read(path: Path) -> Listening | None:
    """Return a note; None if it is incomplete, is gone, or is not one that a server on this host writes."""
    try:
        found = orjson.loads(_text_of(path))
        listening = Listening(str(found["url"]), str(found["accounts"]), int(found["pid"]))
        return listening if _leads_here(listening.url) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _text_of(path: Path) -> bytes:
    """Read a file. Does not wait for a pipe, and does not follow a link."""
    with open(path, "rb", opener=_opened) as file:
        return file.read(_LONGEST_NOTE) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _leads_here(url: str) -> bool:
    """Tell whether an address is this machine's. A command connects to it, and another user may own the folder."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Refusals show the original text, and `urlsplit` drops some characters from its result.
    is_whole = url.isprintable() and url in (f"http://{parts.netloc}", f"https://{parts.netloc}")
    if not is_whole or not host or not parts.port:
        return False
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        # The system binds sockets only to its own addresses.
        probe.bind((host, 0))
    return True
