"""Blobs as objects of a bucket: `PREFIX/regions/REGION/blobs/ab/abcdef…`, each stored once and never overwritten.

A crash leaves at most objects that no row names, and unfinished objects that no list shows: docs/write-order.md.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from twinport.blobs import markers
from twinport.blobs.bucket import Bucket, Encryption
from twinport.blobs.digests import Digests
from twinport.blobs.object_writing import ObjectWriter, Sending
from twinport.blobs.running import RunningHash
from twinport.blobs.store import (
    SHA256_ALONE,
    BlobReader,
    ListedBlob,
    Serving,
    StoredStream,
    WrittenBlob,
    is_key,
    random_key,
)
from twinport.blobs.writing import COLLECTED_WHOLE, Budget
from twinport.clock import Clock
from twinport.egress.bucket import BucketAddress
from twinport.model.content import Digest, Key
from twinport.model.names import RegionName
from twinport.processes.pools import BLOBS
from twinport.refusals.storage import StorageUnavailable, StoresOfAnother

# The largest object that S3 copies by one request.
_LARGEST_COPY = 5 << 30
_COLLECTED_TOGETHER = 32 << 20
# How many parts a process sends at once: each takes its size in memory.
_TURNS = 8
_CHECKED_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Presigning:
    """Where clients fetch blobs by themselves, and how long an address lasts."""

    endpoint: str
    life: timedelta
    clock: Clock


class ObjectBlobStores:
    """The blobs of all Regions in one bucket. `folder` is this process's, for bytes on their way."""

    def __init__(
        self,
        address: BucketAddress,
        prefix: str,
        folder: Path,
        encryption: Encryption | None = None,
        presigning: Presigning | None = None,
    ) -> None:
        self._bucket, self._presigning = Bucket(address, encryption), presigning
        self._root = f"{prefix}/" if prefix else ""
        self._prefix = f"{self._root}regions"
        self._sending = Sending(folder, Budget(_COLLECTED_TOGETHER), _TURNS)
        self._stores: dict[RegionName, ObjectBlobStore] = {}

    def region(self, name: RegionName) -> "ObjectBlobStore":
        if name not in self._stores:
            place = f"{self._prefix}/{name}/blobs"
            self._stores[name] = ObjectBlobStore(self._bucket, place, self._sending, self._presigning)
        return self._stores[name]

    async def claim(self, catalog: str) -> None:
        if await markers.first(self._bucket, f"{self._root}catalog", catalog) != catalog:
            raise StoresOfAnother(f"s3://{self._bucket.address.bucket}/{self._root}")

    async def with_blobs(self) -> list[str]:
        return await self._bucket.folders(self._prefix)

    async def check(self) -> None:
        try:
            async with asyncio.timeout(_CHECKED_WITHIN.total_seconds()):
                await self._bucket.folders(self._prefix)
        except TimeoutError:
            raise StorageUnavailable("the object store does not answer") from None

    async def close(self) -> None:
        await self._bucket.close()


class ObjectBlobStore:
    """The blobs of one Region: the objects below `place`."""

    def __init__(
        self,
        bucket: Bucket,
        place: str,
        sending: Sending,
        presigning: Presigning | None = None,
        new_key: Callable[[], Key] = random_key,
    ) -> None:
        self._bucket, self._place, self._sending = bucket, place, sending
        self._presigning, self._new_key = presigning, new_key

    def path(self, key: Key) -> str:
        """Return the path of a blob's object, whether or not it is there."""
        return f"{self._place}/{key[:2]}/{key}"

    async def serving(self, key: Key) -> Serving:
        address = None if self._presigning is None else partial(self._presigned, key, self._presigning)
        return StoredStream(partial(self.read, key), address)

    def _presigned(self, key: Key, presigning: Presigning) -> str:
        """Return an address that gives a client bytes and nothing else (law 11)."""
        answered = {
            "response-content-disposition": "attachment",
            "response-content-type": "application/octet-stream",
        }
        return self._bucket.requests.presigned(
            presigning.endpoint, self.path(key), answered, now=presigning.clock.now(), expires=presigning.life
        )

    async def size(self, key: Key) -> int:
        return await self._bucket.size(self.path(key))

    async def read(self, key: Key, first: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        left = await self.size(key) - first if size is None else size
        async for piece in self._bucket.read(self.path(key), first, left):
            yield piece

    def create(self, algorithms: tuple[str, ...] = SHA256_ALONE, onward: RunningHash | None = None) -> ObjectWriter:
        writer = self._writer(algorithms)
        if onward is not None:
            writer.also_update(onward)
        return writer

    def create_joined(self, known: RunningHash) -> ObjectWriter:
        writer = self._writer(SHA256_ALONE)
        writer.begin_with(known)
        return writer

    def _writer(self, algorithms: tuple[str, ...]) -> ObjectWriter:
        key = self._new_key()
        return ObjectWriter(self._bucket, key, self.path(key), algorithms, self._sending)

    async def adopt(self, source: BlobReader, key: Key, algorithms: tuple[str, ...] = SHA256_ALONE) -> WrittenBlob:
        size = await source.size(key)
        if (
            isinstance(source, ObjectBlobStore)
            and source.shares(self._bucket)
            and COLLECTED_WHOLE < size <= _LARGEST_COPY
        ):
            return await self._copied(source, key, algorithms)
        async with self.create(algorithms) as writer:
            async for piece in source.read(key, 0, size):
                await writer.write(piece)
            return await writer.finish()

    def shares(self, bucket: Bucket) -> bool:
        """Tell whether the store can copy to that bucket by itself."""
        return self._bucket is bucket

    async def _copied(self, source: "ObjectBlobStore", key: Key, algorithms: tuple[str, ...]) -> WrittenBlob:
        """Have the store copy a blob, then read the copy back to hash it: what the source had says nothing of it."""
        new = self._new_key()
        try:
            await self._bucket.copy(source.path(key), self.path(new))
            digests = Digests(algorithms)
            async for piece in self.read(new):
                await BLOBS.run(partial(digests.update, piece))
            return WrittenBlob(new, digests.size, digests.computed())
        except BaseException:
            with suppress(StorageUnavailable):
                await asyncio.shield(self.remove(new))
            raise

    async def digest(self, key: Key, algorithm: str) -> Digest:
        sum_ = hashlib.new(algorithm)
        async for piece in self.read(key):
            await BLOBS.run(partial(sum_.update, piece))
        return Digest(algorithm, sum_.hexdigest())

    async def remove(self, key: Key) -> None:
        await self._bucket.remove(self.path(key))

    async def listed(self, part: str) -> list[ListedBlob]:
        found = [each async for each in self._bucket.listed(f"{self._place}/{part}/")]
        named = [(each.path.rpartition("/")[2], each) for each in found]
        return [
            ListedBlob(Key(name), each.size, each.written_at)
            for name, each in named
            if is_key(name) and each.path == self.path(Key(name)) and name.startswith(part)
        ]

    async def give_up_unfinished(self, before: datetime) -> int:
        given_up = 0
        async for each in self._bucket.parts.unfinished(f"{self._place}/"):
            if each.begun_at < before:
                await self._bucket.parts.abort(each.path, each.upload)
                given_up += 1
        return given_up

    async def is_there(self) -> bool:
        """Tell whether the store lists any object of this Region. One that does not answer is not there for now."""
        with suppress(StorageUnavailable):
            async for _ in self._bucket.listed(f"{self._place}/"):
                return True
        return False

    async def owner(self, asking: str) -> str:
        return await markers.first(self._bucket, f"{self._place}/owner", asking)
