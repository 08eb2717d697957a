"""A store whose bytes are no files that others can open: as an object store, it can only be read."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from twinport.blobs.files import FileBlobStores
from twinport.blobs.running import RunningHash
from twinport.blobs.store import (
    SHA256_ALONE,
    BlobReader,
    BlobStore,
    BlobWriter,
    ListedBlob,
    Serving,
    StoredStream,
    WrittenBlob,
)
from twinport.model.content import Digest, Key
from twinport.model.names import RegionName


@dataclass(frozen=True, slots=True)
class StreamingStores:
    inner: FileBlobStores

    def region(self, name: RegionName) -> BlobStore:
        return StreamingStore(self.inner.region(name))


@dataclass(frozen=True, slots=True)
class StreamingStore:
    inner: BlobStore

    async def serving(self, key: Key) -> Serving:
        return StoredStream(partial(self.inner.read, key))

    async def size(self, key: Key) -> int:
        return await self.inner.size(key)

    def read(self, key: Key, first: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        return self.inner.read(key, first, size)

    def create(
        self, algorithms: tuple[str, ...] = SHA256_ALONE, onward: RunningHash | None = None
    ) -> AbstractAsyncContextManager[BlobWriter]:
        return self.inner.create(algorithms, onward)

    def create_joined(self, known: RunningHash) -> AbstractAsyncContextManager[BlobWriter]:
        return self.inner.create_joined(known)

    async def adopt(self, source: BlobReader, key: Key, algorithms: tuple[str, ...] = SHA256_ALONE) -> WrittenBlob:
        return await self.inner.adopt(source, key, algorithms)

    async def digest(self, key: Key, algorithm: str) -> Digest:
        return await self.inner.digest(key, algorithm)

    async def remove(self, key: Key) -> None:
        await self.inner.remove(key)

    async def is_there(self) -> bool:
        return await self.inner.is_there()

    async def owner(self, asking: str) -> str:
        return await self.inner.owner(asking)

    async def listed(self, part: str) -> list[ListedBlob]:
        return await self.inner.listed(part)

    async def give_up_unfinished(self, before: datetime) -> int:
        return await self.inner.give_up_unfinished(before)
