"""Blobs as files: `ROOT/ab/abcdef…`, each written once, durable with its name before the writer returns its key.

A crash leaves at most files that no row names. See docs/write-order.md.
"""

import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path

from twinport.blobs.operations import FileOperations, OwnDisk
from twinport.blobs.running import RunningHash
from twinport.blobs.store import (
    SHA256_ALONE,
    BlobReader,
    ListedBlob,
    Serving,
    StoredFile,
    WrittenBlob,
    is_key,
    random_key,
)
from twinport.blobs.writing import COLLECTED_WHOLE, Budget, FileWriter, Folders, NewBlob
from twinport.files import disks
from twinport.model.content import Digest, Key
from twinport.model.names import RegionName
from twinport.processes.pools import BLOBS, HEALTH
from twinport.refusals.storage import BlobMissing, BlobUnreadable, StorageUnavailable

_PIECE = 1 << 20
# How many bytes all bodies together may collect before they are written; beyond it they are written as they come.
_COLLECTED_TOGETHER = 32 << 20


class FileBlobStores:
    """`DATA/regions/REGION/blobs/` for each Region. The data folder itself must be durable."""

    def __init__(self, data: Path, disk: FileOperations | None = None) -> None:
        self._data, self._disk = data, disk or OwnDisk()
        self._budget = Budget(_COLLECTED_TOGETHER)
        self._stores: dict[RegionName, FileBlobStore] = {}

    def region(self, name: RegionName) -> "FileBlobStore":
        if name not in self._stores:
            folders = Folders(self._data / "regions" / name / "blobs", self._data, self._disk)
            self._stores[name] = FileBlobStore(folders, self._disk, self._budget)
        return self._stores[name]

    async def claim(self, catalog: str) -> None:
        """Do nothing: the data folder itself notes its catalog."""
        del catalog

    async def with_blobs(self) -> list[str]:
        return await BLOBS.run(lambda: sorted(path.parent.name for path in self._data.glob("regions/*/blobs")))

    async def close(self) -> None:
        """Do nothing: no file is open between two calls."""

    async def check(self) -> None:
        await HEALTH.run(partial(_check_disks, self._data))


class FileBlobStore:
    """A folder of blobs."""

    def __init__(
        self, folders: Folders, disk: FileOperations, budget: Budget, new_key: Callable[[], Key] = random_key
    ) -> None:
        self._folders, self._disk, self._budget, self._new_key = folders, disk, budget, new_key

    def path(self, key: Key) -> Path:
        """Return the path of a blob's file, whether or not it is there."""
        return self._folders.root / key[:2] / key

    async def serving(self, key: Key) -> Serving:
        return StoredFile(self.path(key))

    async def size(self, key: Key) -> int:
        return self._size(key)

    def _size(self, key: Key) -> int:
        with _reading(key):
            return self.path(key).stat().st_size

    async def read(self, key: Key, first: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        left = self._size(key) - first if size is None else size
        # Opened on the event loop: it takes microseconds, and a file that a thread opens would stay open if the reader
        # is canceled.
        with self._open(key) as file:
            file.seek(first)
            while left > 0:
                with _reading(key):
                    piece = await BLOBS.run(partial(file.read, min(_PIECE, left)))
                if not piece:
                    raise BlobMissing(key)
                left -= len(piece)
                yield piece

    def create(self, algorithms: tuple[str, ...] = SHA256_ALONE, onward: RunningHash | None = None) -> FileWriter:
        blob = self._new_blob(algorithms)
        if onward is not None:
            blob.also_update(onward)
        return FileWriter(blob, self._budget)

    def create_joined(self, known: RunningHash) -> FileWriter:
        blob = self._new_blob(SHA256_ALONE)
        blob.begin_with(known)
        return FileWriter(blob, self._budget)

    def _new_blob(self, algorithms: tuple[str, ...]) -> NewBlob:
        key = self._new_key()
        return NewBlob(key, self.path(key), algorithms, self._folders, self._disk)

    async def adopt(self, source: BlobReader, key: Key, algorithms: tuple[str, ...] = SHA256_ALONE) -> WrittenBlob:
        size, serving = await source.size(key), await source.serving(key)
        is_large = size > COLLECTED_WHOLE
        async with self.create(algorithms) as writer:
            written = None if is_large else await writer.copy_small(serving, key, size)
            if written is not None:
                return written
            if not (is_large and await writer.clone(serving)):
                async for piece in source.read(key):
                    await writer.write(piece)
            return await writer.finish()

    async def digest(self, key: Key, algorithm: str) -> Digest:
        sum_ = hashlib.new(algorithm)
        async for piece in self.read(key):
            await BLOBS.run(partial(sum_.update, piece))
        return Digest(algorithm, sum_.hexdigest())

    async def remove(self, key: Key) -> None:
        try:
            await BLOBS.run(partial(self._disk.remove, self.path(key)))
        except OSError as error:
            raise StorageUnavailable(error.strerror or str(error)) from error

    async def listed(self, part: str) -> list[ListedBlob]:
        return await BLOBS.run(partial(_list, self._folders.root / part))

    async def give_up_unfinished(self, before: datetime) -> int:
        """Do nothing: a file that was begun is listed."""
        del before
        return 0

    async def is_there(self) -> bool:
        return await BLOBS.run(self._folders.root.is_dir)

    async def owner(self, asking: str) -> str:
        return await BLOBS.run(partial(self._owner, asking))

    def _owner(self, asking: str) -> str:
        path = self._folders.root / "owner"
        if not path.exists():
            self._folders.ensure(self._folders.root)
            _write_once(path, asking)
            self._disk.sync_folder(path.parent)
        return path.read_text()

    def _open(self, key: Key) -> FileIO:
        with _reading(key):
            return FileIO(self.path(key))


def _check_disks(data: Path) -> None:
    """Check every disk of blobs. The blobs of a Region may be on a disk of their own."""
    disks.check(data)
    for folder in data.glob("regions/*/blobs"):
        disks.check(folder)


@contextmanager
def _reading(key: Key) -> Iterator[None]:
    """Translate the errors of a disk that does not have the bytes, or cannot read them."""
    try:
        yield
    except FileNotFoundError:
        raise BlobMissing(key) from None
    except OSError as error:
        raise BlobUnreadable(key, error.strerror or str(error), error.errno) from error


def _write_once(path: Path, content: str) -> None:
    """Give a file its content, whole and for good, unless another process was faster."""
    own = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w") as file:  # noqa: PTH123 — a descriptor with its mode from the beginning
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(own)
    own.unlink()


def _list(folder: Path) -> list[ListedBlob]:
    """List a folder that need not be there. Files that are removed meanwhile are left out."""
    try:
        with os.scandir(folder) as entries:
            ours = [each for each in entries if is_key(each.name) and each.name.startswith(folder.name)]
    except FileNotFoundError:
        return []
    return [blob for each in ours if (blob := _listed(each)) is not None]


def _listed(entry: "os.DirEntry[str]") -> ListedBlob | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return ListedBlob(Key(entry.name), status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
