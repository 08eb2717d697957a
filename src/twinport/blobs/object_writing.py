"""How one blob gets into a bucket: small ones by one request, large ones part by part.

A body of up to 4 MiB is collected in memory while the budget allows it. Anything else goes to a nameless file on this
machine's disk, a batch at a time, and from there to the store, a part at a time. So a client that stalls holds
a batch in memory, whatever it has sent, and a store that stalls holds up as many parts as have a turn.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, Self, TypeVar

from twinport.blobs.bucket import Bucket, measured
from twinport.blobs.digests import Digests
from twinport.blobs.parts import PART
from twinport.blobs.running import RunningHash
from twinport.blobs.store import BlobReader, WrittenBlob
from twinport.blobs.writing import COLLECTED_WHOLE, Budget
from twinport.model.content import Digest, Key
from twinport.processes.pools import BLOBS
from twinport.refusals.storage import BlobMissing, BlobUnreadable, StorageUnavailable

T = TypeVar("T")
_BATCH = 256 << 10


class Sending:
    """What the writers of a process share: memory for collecting, turns for sending, and a folder for what waits."""

    def __init__(self, folder: Path, budget: Budget, turns: int) -> None:
        self.folder, self.budget = folder, budget
        self.turns = asyncio.Semaphore(turns)


class ObjectWriter:
    """One new object under way."""

    def __init__(self, bucket: Bucket, key: Key, path: str, algorithms: tuple[str, ...], sending: Sending) -> None:
        self._bucket, self._key, self._path, self._sending = bucket, key, path, sending
        self._digests = Digests(algorithms)
        self._waiting = bytearray()
        self._reserved = 0
        self._spool: _Spool | None = None
        self._upload: _Upload | None = None
        self._is_kept = False
        self.size = 0

    def begin_with(self, known: RunningHash) -> None:
        """Take `known` as the digest of the bytes that `join` brings."""
        self._digests.begin_with(known)

    def also_update(self, onward: RunningHash) -> None:
        self._digests.also_update(onward)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release()
        if self._spool is not None:
            # In a thread: a job that was begun for a task that is canceled may still be writing.
            BLOBS.start_ending(self._spool.close)
        if self._upload is not None and not self._is_kept:
            await asyncio.shield(asyncio.ensure_future(self._upload.abort()))

    async def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self._waiting += piece
        if self._spool is None and not self._reserve(len(piece)):
            self._spool = _Spool(self._sending.folder)
            self._release()
        if self._spool is not None and len(self._waiting) >= _BATCH:
            await self._spill(self._spool)

    async def join(self, source: BlobReader, key: Key, size: int) -> None:
        """Take the first bytes of another blob, after earlier joined bytes and before any piece."""
        self.size += size
        async for piece in source.read(key, 0, size):
            digests = self._digests
            take = partial(digests.skip, len(piece)) if digests.is_known else partial(digests.update, piece)
            # Each full part leaves another file for the next piece.
            self._spool = self._spool or _Spool(self._sending.folder)
            await self._spooled(self._spool, piece, take)

    async def finish(self) -> WrittenBlob:
        return await self._finish(())

    async def finish_as(self, *candidates: Digest) -> WrittenBlob:
        return await self._finish(candidates)

    async def _finish(self, candidates: tuple[Digest, ...]) -> WrittenBlob:
        if self._spool is not None:
            await self._spill(self._spool)
        else:
            await BLOBS.run(partial(self._digests.update, self._waiting))
        if candidates:
            self._digests.require(candidates)
        if self._upload is not None:
            await self._complete(self._upload)
        else:
            await self._put()
        self._digests.hand_over()
        self._is_kept = True
        return WrittenBlob(self._key, self._digests.size, self._digests.computed())

    async def _put(self) -> None:
        """Store all bytes, fewer than a part, by one request."""
        async with self._sending.turns:
            content = self._waiting if self._spool is None else await _do(self._spool.taken)
            await self._bucket.put(self._path, content)

    async def _complete(self, upload: "_Upload") -> None:
        assert self._spool is not None, "a part was sent"  # noqa: S101 — only a spool sends parts
        if self._spool.size:
            await upload.send(self._spool)
        await upload.complete(self._digests.size)

    async def _spill(self, spool: "_Spool") -> None:
        batch, self._waiting = self._waiting, bytearray()
        await self._spooled(spool, batch, partial(self._digests.update, batch))

    async def _spooled(self, spool: "_Spool", batch: bytes | bytearray, take: Callable[[], None]) -> None:
        """Hash a batch and let it wait. Send each full part; the next one is collected meanwhile."""
        rest = memoryview(batch)
        await _do(take)
        while len(rest) > (left := PART - spool.size):
            await _do(partial(spool.append, rest[:left]))
            rest, full = rest[left:], spool
            self._upload = self._upload or _Upload(self._bucket, self._path, self._sending)
            await self._upload.send(full)
            spool = self._spool = _Spool(self._sending.folder)
        await _do(partial(spool.append, rest))

    def _reserve(self, size: int) -> bool:
        granted = self.size <= COLLECTED_WHOLE and self._sending.budget.take(size)
        self._reserved += size if granted else 0
        return granted

    def _release(self) -> None:
        self._sending.budget.give(self._reserved)
        self._reserved = 0


class _Upload:
    """The parts of one object: the next one is under way while the writer collects another."""

    def __init__(self, bucket: Bucket, path: str, sending: Sending) -> None:
        self._bucket, self._path, self._sending = bucket, path, sending
        self._id: str | None = None
        self._tags: list[str] = []
        self._sent: asyncio.Task[None] | None = None
        self._waiting: _Spool | None = None

    async def send(self, spool: "_Spool") -> None:
        """Begin to send a part, once the one before is stored. Raises StorageUnavailable if that one was not."""
        await self._wait()
        self._waiting = spool
        self._sent = asyncio.create_task(self._send(spool))

    async def complete(self, size: int) -> None:
        """Make the object of its parts. Raises StorageUnavailable unless the store then has an object of this size."""
        await self._wait()
        with measured("write"):
            await self._bucket.parts.complete(self._path, self._begun(), self._tags)
        try:
            found = await self._bucket.size(self._path)
        except (BlobMissing, BlobUnreadable) as refusal:
            raise StorageUnavailable(f"the object store confirms no object: {refusal.message}") from refusal
        if found != size:
            raise StorageUnavailable(f"the object store made an object of {found} bytes of {size} bytes")

    async def abort(self) -> None:
        """Give up the object. What the store keeps of it is removed as an unfinished object, later."""
        if self._sent is not None:
            self._sent.cancel()
            await asyncio.wait([self._sent])
        if self._waiting is not None:
            BLOBS.start_ending(self._waiting.close)
        if self._id is not None:
            with suppress(StorageUnavailable):
                await self._bucket.parts.abort(self._path, self._id)

    async def _wait(self) -> None:
        if self._sent is not None:
            await self._sent

    async def _send(self, spool: "_Spool") -> None:
        async with self._sending.turns:
            content = await _do(spool.taken)
            with measured("write"):
                if self._id is None:
                    self._id = await self._bucket.parts.begin(self._path)
                tag = await self._bucket.parts.put(self._path, self._id, len(self._tags) + 1, content)
        self._tags.append(tag)

    def _begun(self) -> str:
        assert self._id is not None, "a part was sent"  # noqa: S101 — an order that this module keeps
        return self._id


class _Spool:
    """A nameless file of this machine, gone with its process. Its methods run in threads."""

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._folder, self._lock = folder, Lock()
        self._file: IO[bytes] | None = None
        self._is_closed = False

    def append(self, batch: memoryview) -> None:
        with self._lock:
            if self._is_closed:
                return
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 — `close` closes it
            with batch:
                written = 0
                while written < len(batch):
                    written += self._file.write(batch[written:])
            self.size += written

    def taken(self) -> bytes:
        """Return all bytes, and let them go."""
        try:
            with self._lock:
                return b"" if self._file is None else os.pread(self._file.fileno(), self.size, 0)
        finally:
            self.close()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._file is not None:
                self._file.close()
                self._file = None


async def _do(job: Callable[[], T]) -> T:
    """Do a job in a thread. Raises StorageUnavailable if this machine's disk fails it."""
    try:
        return await BLOBS.run(job)
    except OSError as error:
        raise StorageUnavailable(f"the disk of this machine: {error.strerror or error}") from error
