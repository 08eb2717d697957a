"""The processes of a host in one scrape: the process that answers asks the others for their numbers.

Each process takes the lowest free slot. The slot is its name in the label `process`. So a replacement continues under
the name of the dead process, and its counters restart at zero, as Prometheus expects. A slot is a lock, which the
kernel releases when the process dies, and a socket beside it: docs/decisions/0032-metrics.md.
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

from twinport import __version__
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.metrics.values import Metric, Snapshot

# More than `serve` and several workers beside it need. A process without a slot works, but other scrapes lack it.
MOST_SLOTS = 512
_ALONE = "alone"
# How long a process waits for another's numbers, and for another process to read its own.
_LIMIT = timedelta(seconds=1)
# A process has at most a thousand series for each metric, of about a hundred bytes each.
_LARGEST = 1 << 23


@dataclass(slots=True)
class _Slot:
    name: str
    lock: int
    server: asyncio.Server


class ScrapedProcesses:
    """One of the processes with slots in `folder`. A process that gets no slot reports only its own numbers."""

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
        """Return the numbers of every process of this host, without processes that do not answer in time."""
        if self._slot is None:
            return [(_ALONE, names.snapshot())]
        try:
            slots = self._slots()
        except OSError:
            # The folder is gone, or no descriptor is free. Then this process's own numbers matter most.
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
            # A killed process left this socket. The process with the lock may remove it.
            self._socket_of(name).unlink(missing_ok=True)
            # Before the socket has a name: its file is created with this mode.
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
        """Yield a short address of a socket: a path may have only 107 bytes, so this is a descriptor of its folder."""
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
        # The asking process is gone. The next scrape asks again.
        pass
    finally:
        writer.close()


async def _heard(reader: asyncio.StreamReader) -> bytes:
    """Return the whole answer of a process. Raises ValueError for an answer that is too large."""
    try:
        await reader.readexactly(_LARGEST)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    raise ValueError(f"a process says more than {_LARGEST} bytes")


def _read(text: bytes) -> Snapshot:
    """Parse the values that fit our metrics: in another version's process a metric of the same name may differ."""
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
