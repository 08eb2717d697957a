"""How one blob gets onto a disk: collected while it is small, else in batches, one of them under way in a thread.

Few hand-overs to threads make small pushes fast: a body that fits in memory is hashed, written, synced and named in one
job. A body that does not fit is hashed and written a batch at a time, while the next batch is collected.
"""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Self, TypeVar

from twinport.blobs.digests import Digests
from twinport.blobs.operations import FileOperations, NewFile
from twinport.blobs.running import RunningHash
from twinport.blobs.store import BlobReader, Serving, StoredFile, StoredStream, WrittenBlob
from twinport.model.content import Digest, Key
from twinport.processes.pools import BLOBS
from twinport.refusals.storage import BlobMissing, BlobUnreadable, StorageUnavailable

T = TypeVar("T")
COLLECTED_WHOLE = 4 << 20
_BATCH = 1 << 20
# The batch of a body for which the budget has no room, so that a thousand stalled clients hold little memory.
_SMALL_BATCH = 1 << 16
# How many bytes are joined between two checks of whether the blob is abandoned.
_JOINED = 16 << 20


class Budget:
    """How many bytes the bodies under way may hold together, apart from a small batch each."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, size: int) -> bool:
        granted = size <= self._left
        if granted:
            self._left -= size
        return granted

    def give(self, size: int) -> None:
        self._left += size


class Folders:
    """Makes the folders of a store, and remembers which of them will be there after a crash."""

    def __init__(self, root: Path, durable: Path, disk: FileOperations) -> None:
        """`durable` is a folder above `root` that is there for good."""
        self.root = root
        self._base, self._disk = durable, disk
        self._durable: set[Path] = set()

    def ensure(self, folder: Path) -> None:
        """Make `folder` and those above it durable.

        A folder that another writer just made is synced again: that writer's sync may not have ended.
        """
        if folder == self._base or folder in self._durable:
            return
        self.ensure(folder.parent)
        self._disk.make_folder(folder)
        self._disk.sync_folder(folder.parent)
        self._durable.add(folder)

    def forget(self) -> None:
        """Forget which folders are durable, because another program removed some."""
        self._durable.clear()


class NewBlob:
    """The file of a blob under way. Its methods run in threads, one at a time; after `abandon` they do nothing."""

    def __init__(
        self, key: Key, path: Path, algorithms: tuple[str, ...], folders: Folders, disk: FileOperations
    ) -> None:
        self.key, self._path, self._folders, self._disk = key, path, folders, disk
        self._digests = Digests(algorithms)
        self._lock = Lock()
        self._file: NewFile | None = None
        self._is_abandoned = False

    def begin_with(self, known: RunningHash) -> None:
        """Take `known` as the digest of the bytes that `join` brings, which are then not read again."""
        self._digests.begin_with(known)

    def also_update(self, onward: RunningHash) -> None:
        """Update `onward` with these bytes."""
        self._digests.also_update(onward)

    def join(self, source: Path, key: Key, size: int) -> None:
        """Append the first `size` bytes of another blob. Raises BlobMissing, also if it is shorter, BlobUnreadable."""
        with self._lock, _opened_source(source, key) as descriptor, _storage_errors():
            file, copied = self._opened(), 0
            while copied < size and not self._is_abandoned:
                step = file.append_from(descriptor, copied, min(_JOINED, size - copied))
                if step == 0:
                    raise BlobMissing(key)
                if self._digests.is_known:
                    self._digests.skip(step)
                else:
                    self._hash_copied(step)
                copied += step

    def take_joined(self, piece: bytes) -> None:
        """Append bytes of another blob that passed through this process."""
        with self._lock, _storage_errors():
            if self._is_abandoned:
                return
            if self._digests.is_known:
                self._digests.skip(len(piece))
            else:
                self._digests.update(piece)
            self._opened().write(piece)

    def append(self, batch: bytearray) -> None:
        with self._lock, _storage_errors():
            if not self._is_abandoned:
                self._digests.update(batch)
                self._opened().write(batch)

    def clone(self, source: Path) -> bool:
        """Take the bytes of `source` as a copy on write, and hash them; False if that cannot be done here."""
        with self._lock, _storage_errors():
            if self._is_abandoned or not self._opened().clone(source):
                return False
            with self._path.open("rb", buffering=0) as copy:
                while (piece := copy.read(_BATCH)) and not self._is_abandoned:
                    self._digests.update(piece)
            return True

    def copy_small(self, source: Path, key: Key, size: int) -> WrittenBlob:
        """Copy a whole blob of this size, and make the copy durable. Raises BlobMissing, BlobUnreadable."""
        with self._lock, _opened_source(source, key) as descriptor:
            content = _read_small(descriptor, key, size)
            with _storage_errors():
                self._digests.update(content)
                return self._settled(content)

    def finish(self, rest: bytearray) -> WrittenBlob:
        """Append `rest`, and make file and name durable."""
        with self._lock, _storage_errors():
            self._digests.update(rest)
            return self._settled(rest)

    def finish_as(self, rest: bytearray, candidates: tuple[Digest, ...]) -> WrittenBlob:
        """As `finish`, but raise DigestMismatch, before anything more is written, if no candidate is right."""
        with self._lock, _storage_errors():
            self._digests.update(rest)
            self._digests.require(candidates)
            return self._settled(rest)

    def give_up(self) -> None:
        """Make a job that waits or runs do nothing more. Takes no lock, and no thread."""
        self._is_abandoned = True

    def abandon(self) -> None:
        """Remove the file. If the disk does not allow it, an orphaned file stays, which no row names."""
        self.give_up()
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._disk.remove(self._path)

    def _settled(self, rest: bytearray) -> WrittenBlob:
        self._digests.hand_over()
        if not self._is_abandoned:
            file = self._opened()
            file.write(rest)
            file.sync()
            file.close()
            # The name must be durable before the row that holds it: docs/write-order.md, law 1.
            self._disk.sync_folder(self._path.parent)
        return WrittenBlob(self.key, self._digests.size, self._digests.computed())

    def _hash_copied(self, size: int) -> None:
        """Hash the bytes that the system copied, as they arrived: they are mostly still in memory."""
        with self._path.open("rb", buffering=0) as copy:
            copy.seek(self._digests.size)
            end = self._digests.size + size
            while self._digests.size < end and not self._is_abandoned:
                piece = copy.read(min(_BATCH, end - self._digests.size))
                if not piece:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                self._digests.update(piece)

    def _opened(self) -> NewFile:
        if self._file is None:
            try:
                self._file = self._create()
            except FileNotFoundError:
                self._folders.forget()
                self._file = self._create()
        return self._file

    def _create(self) -> NewFile:
        self._folders.ensure(self._path.parent)
        return self._disk.create(self._path)


class FileWriter:
    """The side of a writer that waits; `NewBlob` does the work."""

    def __init__(self, blob: NewBlob, budget: Budget) -> None:
        self._blob, self._budget = blob, budget
        self._waiting = bytearray()
        self._reserved = 0
        self._batch = _SMALL_BATCH
        self._is_collecting = True
        self._job: Awaitable[object] | None = None
        self._is_kept = False
        self.size = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release()
        if self._job is not None and not self._is_kept:
            # A job that waits or runs does nothing more. Its file is removed, also when this task is canceled.
            self._blob.give_up()
            jobs = asyncio.gather(self._job, BLOBS.start_ending(self._blob.abandon), return_exceptions=True)
            await asyncio.shield(jobs)

    async def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self._waiting += piece
        if self._is_collecting and not self._reserve(len(piece)):
            self._write_in_batches()
        if not self._is_collecting and len(self._waiting) >= self._batch:
            batch, self._waiting = self._waiting, bytearray()
            await self._previous_job()
            self._job = BLOBS.start(lambda: self._blob.append(batch))
            if self._batch == _SMALL_BATCH:
                # Nothing more is read meanwhile, which limits the memory of many bodies on a slow disk.
                await self._job

    async def join(self, source: BlobReader, key: Key, size: int) -> None:
        """Take the first bytes of another blob, after earlier joined bytes and before any piece."""
        self.size += size
        match await source.serving(key):
            case StoredFile(path=path):
                await self._do(lambda: self._blob.join(path, key, size))
            case StoredStream(read=read):
                async for piece in read(0, size):
                    await self._do(partial(self._blob.take_joined, piece))

    async def clone(self, source: Serving) -> bool:
        """Take all bytes of another blob without copying them, if the disk can do that. Nothing was written before."""
        match source:
            case StoredFile(path=path):
                return await self._do(lambda: self._blob.clone(path))
            case StoredStream():
                return False

    async def copy_small(self, source: Serving, key: Key, size: int) -> WrittenBlob | None:
        """Copy a whole blob of COLLECTED_WHOLE bytes at most in one job.

        Return None, and take nothing, if it is no file, or if there is no room for its bytes now.
        """
        if not (isinstance(source, StoredFile) and self._budget.take(size)):
            return None
        self._reserved, path = size, source.path
        written = await self._do(lambda: self._blob.copy_small(path, key, size))
        self._is_kept = True
        self._release()
        return written

    async def _do(self, job: Callable[[], T]) -> T:
        """Do a job after the previous one, and wait for it."""
        await self._previous_job()
        self._job = started = BLOBS.start(job)
        return await started

    async def finish(self) -> WrittenBlob:
        return await self._finish(lambda: self._blob.finish(self._waiting))

    async def finish_as(self, *candidates: Digest) -> WrittenBlob:
        return await self._finish(lambda: self._blob.finish_as(self._waiting, candidates))

    async def _finish(self, last_job: Callable[[], WrittenBlob]) -> WrittenBlob:
        written = await self._do(last_job)
        self._is_kept = True
        return written

    async def _previous_job(self) -> None:
        if self._job is not None:
            await self._job

    def _reserve(self, size: int) -> bool:
        granted = self.size <= COLLECTED_WHOLE and self._budget.take(size)
        self._reserved += size if granted else 0
        return granted

    def _write_in_batches(self) -> None:
        """Collect no more than a batch at a time: a large one, and another being written, if the budget has room."""
        self._is_collecting = False
        self._release()
        if self._budget.take(2 * _BATCH):
            self._reserved, self._batch = 2 * _BATCH, _BATCH

    def _release(self) -> None:
        self._budget.give(self._reserved)
        self._reserved = 0


def _read_small(descriptor: int, key: Key, size: int) -> bytearray:
    """Read a file of this size. One that was cut short has another digest."""
    content = bytearray()
    try:
        while len(content) < size and (piece := os.read(descriptor, size - len(content))):
            content += piece
    except OSError as error:
        raise BlobUnreadable(key, error.strerror or str(error), error.errno) from error
    return content


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Translate the errors of a full, failing or read-only disk."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(error.strerror or str(error)) from error


@contextmanager
def _opened_source(path: Path, key: Key) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise BlobMissing(key) from None
    except OSError as error:
        raise BlobUnreadable(key, error.strerror or str(error), error.errno) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
