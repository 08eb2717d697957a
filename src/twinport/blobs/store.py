"""The port of the blob stores: bytes are written once, under a key of their own, and never moved or rewritten.

A key is 128 random bits and never used again, so two writers can never meet, and bytes that no row names are orphaned
files and nothing worse. The catalog gives the bytes their names.
"""

import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from twinport.blobs.running import RunningHash
from twinport.model.content import Digest, Key
from twinport.model.names import RegionName
from twinport.refusals.storage import BlobMissing, BlobUnreadable

SHA256_ALONE = ("sha256",)
# Every key begins with one of these: a store is listed a part at a time.
PARTS = tuple(f"{number:02x}" for number in range(256))
_KEY = re.compile(r"[0-9a-f]{32}")


def random_key() -> Key:
    return Key(secrets.token_hex(16))


def is_key(name: str) -> bool:
    """Tell whether a name has the form of a key."""
    return _KEY.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class WrittenBlob:
    """Bytes that are durable, and their digests by algorithm."""

    key: Key
    size: int
    digests: Mapping[str, Digest]

    @property
    def digest(self) -> Digest:
        return self.digests["sha256"]


@dataclass(frozen=True, slots=True)
class ListedBlob:
    """Bytes that were found, finished or not, and when they were last written to by the store's own clock."""

    key: Key
    size: int
    written_at: datetime


class BlobWriter(Protocol):
    """One new blob under way. Leaving its `async with` without having finished leaves nothing behind."""

    @property
    def size(self) -> int:
        """The number of bytes taken so far."""
        ...

    async def write(self, piece: bytes) -> None:
        """Take the next bytes; a bounded number of them waits in memory. Raises StorageUnavailable."""
        ...

    async def join(self, source: "BlobReader", key: Key, size: int) -> None:
        """Take the first `size` bytes of a blob of `source`, before any piece; the system copies them.

        They are read to be hashed, unless the writer began with the digest of all that is joined.
        Raises BlobMissing, also if it is shorter, BlobUnreadable, StorageUnavailable.
        """
        ...

    async def finish(self) -> WrittenBlob:
        """Make the bytes and their folder's entry durable, then return. Raises StorageUnavailable."""
        ...

    async def finish_as(self, *candidates: Digest) -> WrittenBlob:
        """As `finish`, but raise DigestMismatch if none of the digests is right; the bytes are then not kept."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Bytes that are a file of this machine, which the system can send or copy by itself."""

    path: Path


@dataclass(frozen=True, slots=True)
class StoredStream:
    """Bytes that only their store can read: `read` yields `size` of them from `first` on, as `BlobReader.read` does.

    `address` returns an address from which a client may fetch all of them for some minutes; None if none is given.
    """

    read: Callable[[int, int], AsyncIterator[bytes]]
    address: Callable[[], str] | None = None


Serving = StoredFile | StoredStream


class BlobReader(Protocol):
    """Queries about stored bytes."""

    async def serving(self, key: Key) -> Serving:
        """Return how the bytes reach a client or another store, whether or not they are there."""
        ...

    async def size(self, key: Key) -> int:
        """Return the number of bytes. Raises BlobMissing, BlobUnreadable."""
        ...

    def read(self, key: Key, first: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        """Yield `size` bytes from `first` on, or all, in pieces of at most 1 MiB.

        Raises BlobMissing, BlobUnreadable.
        """
        ...


async def has_whole(store: BlobReader, key: Key, size: int) -> bool:
    """Tell whether bytes are there in the expected number. Their content is not checked."""
    try:
        return await store.size(key) == size
    except (BlobMissing, BlobUnreadable):
        return False


class BlobStore(BlobReader, Protocol):
    """The bytes of one Region."""

    def create(
        self, algorithms: tuple[str, ...] = SHA256_ALONE, onward: RunningHash | None = None
    ) -> AbstractAsyncContextManager[BlobWriter]:
        """Begin a blob under a new key, hashing as its bytes pass. Nothing is there before it is finished.

        `onward` is updated with the same bytes, whatever came before; the caller may use it once the blob is finished.
        """
        ...

    def create_joined(self, known: RunningHash) -> AbstractAsyncContextManager[BlobWriter]:
        """As `create` with SHA-256 alone, for a blob that begins with joined bytes whose digest is `known`."""
        ...

    async def adopt(self, source: BlobReader, key: Key, algorithms: tuple[str, ...] = SHA256_ALONE) -> WrittenBlob:
        """Copy a blob of another store under a new key, hashing the bytes that arrived. Durable on return.

        The two never share an inode: damage to one is not damage to the other. Raises BlobMissing, BlobUnreadable,
        StorageUnavailable.
        """
        ...

    async def digest(self, key: Key, algorithm: str) -> Digest:
        """Compute the digest of stored bytes. Raises BlobMissing, BlobUnreadable."""
        ...

    async def remove(self, key: Key) -> None:
        """Remove bytes that no row names, if they are there. Raises StorageUnavailable."""
        ...

    async def is_there(self) -> bool:
        """Tell whether there is a store at all: if it is gone as a whole, none of its blobs counts as damaged."""
        ...

    async def owner(self, asking: str) -> str:
        """Return the database that may remove orphaned files here: the first that ever asked. Durable on return."""
        ...

    async def listed(self, part: str) -> list[ListedBlob]:
        """List the blobs whose keys begin with one of `PARTS`, without files that do not look like our blobs."""
        ...

    async def give_up_unfinished(self, before: datetime) -> int:
        """Remove what takes room though `listed` does not show it, if it was begun before; tell of how many blobs.

        Raises StorageUnavailable.
        """
        ...


class BlobStores(Protocol):
    """One store for each Region."""

    def region(self, name: RegionName) -> BlobStore:
        """Return a Region's store. Nothing is created before its first blob is."""
        ...


class WholeBlobStores(BlobStores, Protocol):
    """The stores with what only their owner, the process, does."""

    async def claim(self, catalog: str) -> None:
        """Note durably whose blobs these are, unless that is noted. Every process does so before it stores any.

        Raises StoresOfAnother if a catalog of another identity was noted, and StorageUnavailable.
        """
        ...

    async def with_blobs(self) -> list[str]:
        """Return the names of the Regions that have blobs. Raises StorageUnavailable."""
        ...

    async def check(self) -> None:
        """Raise StorageUnavailable if a store would take no bytes now. Creates and writes nothing."""
        ...

    async def close(self) -> None:
        """Let connections go. The stores are not used any more."""
        ...
