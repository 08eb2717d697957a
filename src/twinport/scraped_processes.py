"""The processes of a host that are shown in one scrape: the one that answers asks the others for their numbers.

Each has a slot, the lowest that is free, which names it in the label `process`; so one that is replaced goes on under
the name of the one that died, and its counters begin anew as Prometheus expects. A slot is a lock that the kernel
takes back with the life of its process, and a socket beside it: docs/decisions/0032-metrics.md.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import time

import orjson

from twinport import __version__, telemetry
from twinport.metrics import names
from twinport.metrics.values import Metric, Snapshot
from twinport.telemetry import Event

# More than `serve` and several workers beside it have. A process that finds no slot works, and no scrape shows it.
MOST_SLOTS = 512
_ALONE = "alone"
# How long a process waits for the numbers of another, and for another to read its own.
_LIMIT = timedelta(seconds=1)
# A process has at most a thousand series a metric, of about a hundred bytes each.
_LARGEST = 1 << 23


@dataclass(slots=True)
class _Slot:
    name: str
    lock: int
    server: asyncio.Server


class ScrapedProcesses:
    """One process among those whose slots are in `folder`. A process that can have no slot shows itself alone."""

    def __init__(self, folder: Path, host: str) -> None:
        self._folder, self._host = folder, host
        self._slot: _Slot | None = None

    async def open(self) -> None:
        """Take a slot, so that the other processes find this one."""
        names.STARTED.set(time(), __version__)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._slot = await self._take_slot()
        except OSError as error:
            telemetry.warning(Event.WORKER_HINDERED, worker="metrics", reason=str(error))

    async def close(self) -> None:
        """Give the slot back."""
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.server.close()
            with contextlib.suppress(OSError):
                self._socket_of(slot.name).unlink(missing_ok=True)
            os.close(slot.lock)

    async def numbers(self) -> Sequence[tuple[str, Snapshot]]:
        """Return the numbers of every process of this host. One that does not answer in time is left out."""
        if self._slot is None:
            return [(_ALONE, names.snapshot())]
        try:
            slots = self._slots()
        except OSError:
            # The folder is gone, or there is no descriptor left: its own numbers say so when they are needed most.
            return [(self._slot.name, names.snapshot())]
        answers = await asyncio.gather(*(self._ask(name) for name in slots))
        return [(name, numbers) for name, numbers in zip(slots, answers, strict=True) if numbers is not None]

    def _slots(self) -> list[str]:
        prefix = f"{self._host}-"
        found = (each.name.removeprefix(prefix) for each in self._folder.iterdir() if each.name.startswith(prefix))
        return sorted((name for name in found if name.isdecimal()), key=int)

    async def _take_slot(self) -> _Slot:
        for number in range(1, MOST_SLOTS + 1):
            if (lock := self._lock(str(number))) is not None:
                return await self._listen(str(number), lock)
        raise OSError(f"all {MOST_SLOTS} slots in '{self._folder}' are taken")

    def _lock(self, name: str) -> int | None:
        handle = os.open(self._folder / f"{self._host}-{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    async def _listen(self, name: str, lock: int) -> _Slot:
        own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Left by a process that was killed; the process that holds the lock may remove it.
            self._socket_of(name).unlink(missing_ok=True)
            # Before the socket has a name: its file is made with this mode.
            os.fchmod(own.fileno(), 0o600)
            with self._address(name) as address:
                own.bind(address)
            server = await asyncio.start_unix_server(_tell, sock=own)
        except BaseException:
            own.close()
            os.close(lock)
            raise
        return _Slot(name, lock, server)

    async def _ask(self, name: str) -> Snapshot | None:
        if self._slot is not None and name == self._slot.name:
            return names.snapshot()
        try:
            async with asyncio.timeout(_LIMIT.total_seconds()):
                with self._address(name) as address:
                    reader, writer = await asyncio.open_unix_connection(address)
                try:
                    return _read(await _heard(reader))
                finally:
                    writer.close()
        except (OSError, TimeoutError, TypeError, ValueError):
            return None

    def _socket_of(self, name: str) -> Path:
        return self._folder / f"{self._host}-{name}"

    @contextlib.contextmanager
    def _address(self, name: str) -> Iterator[str]:
        """A socket's path may have 107 bytes, so it is reached by a descriptor of its folder."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            yield f"/proc/self/fd/{folder}/{self._host}-{name}"
        finally:
            os.close(folder)


async def _tell(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_LIMIT.total_seconds()):
            writer.write(orjson.dumps(names.snapshot()))
            await writer.drain()
    except (OSError, TimeoutError):
        # The process that asked is gone; the next scrape asks again.
        pass
    finally:
        writer.close()


async def _heard(reader: asyncio.StreamReader) -> bytes:
    """Return all that a process says. Raises ValueError for more than any process has to say."""
    try:
        await reader.readexactly(_LARGEST)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    raise ValueError(f"a process says more than {_LARGEST} bytes")


def _read(text: bytes) -> Snapshot:
    """Take what has the form of these metrics: a process of another version may have others of the same names."""
    found = orjson.loads(text)
    if not isinstance(found, dict):
        raise TypeError("a process says no numbers")
    return {metric.name: list(_fitting(found.get(metric.name), metric)) for metric in names.OF_PROCESSES}


def _fitting(all_: object, metric: Metric) -> Iterator[tuple[list[str], list[float]]]:
    for each in all_ if isinstance(all_, list) else []:
        match each:
            case [[*labels], [*numbers]] if (len(labels), len(numbers)) == (len(metric.labels), metric.size):
                if {*map(type, labels)} <= {str} and {*map(type, numbers)} <= {int, float}:
                    yield labels, numbers
