"""The bytes that come to a local destination: copied from a shared store, or taken as they arrive; held by an offer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from twinport.blobs.store import BlobStore, WrittenBlob, has_whole
from twinport.catalog.ports import Connection, Database
from twinport.catalog.regional import arrivals
from twinport.catalog.regional.blobs import NewBlob
from twinport.errors import Refusal
from twinport.model.content import Digest, Key
from twinport.model.names import AccountId, Registry
from twinport.refusals.images import DigestMismatch
from twinport.refusals.storage import ArrivalBusy, OutcomeUnknown, StorageUnavailable
from twinport.replication.destination import (
    AdoptAnswer,
    Adopted,
    AppendAnswer,
    Held,
    NotShared,
    OfferedBlob,
    OfferedBlobs,
    WrongOffset,
)
from twinport.replication.partials import Partials
from twinport.replication.shared_stores import SharedBlob, SharedStores


@dataclass(frozen=True, slots=True)
class LocalBytes:
    """Takes the blobs of offers to one registry. The gate has allowed it. `copying` bounds the copies of a process."""

    region: Database
    store: BlobStore
    shared: SharedStores
    partials: Partials
    database_now: Callable[[Connection], datetime]
    hold: timedelta
    copying: asyncio.Semaphore

    async def open(self, offer: str, source: Registry, account: AccountId) -> None:
        """Begin to hold bytes for an offer to this account. One that is open already stays open."""
        await self.region.write(
            lambda db: arrivals.open_offer(db, offer, source, account, self.database_now(db) + self.hold)
        )

    async def adopt(self, blobs: OfferedBlobs) -> AdoptAnswer:
        held = await self._held(blobs.each)
        left = tuple(blob for blob in blobs.each if blob.digest not in held)
        if not left:
            return Adopted()
        found = await self.shared.find(OfferedBlobs(left))
        if found is None:
            return NotShared()
        copying = [self._copied(blob, found[blob.digest]) for blob in left]
        copied = await asyncio.gather(*copying, return_exceptions=True)
        # What was copied is recorded, whatever became of the others.
        await self._record(left[0], [each for each in copied if isinstance(each, NewBlob)])
        for each in copied:
            if isinstance(each, BaseException):
                raise each
        return Adopted()

    async def append(self, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]) -> AppendAnswer:
        async with self.partials.of(blob) as partial:
            if await self._held([blob]):
                return Held(blob.size)
            if offset != partial.size:
                return WrongOffset(partial.size)
            await self.region.write(
                lambda db: arrivals.prolong(db, blob.offer, blob.source, self.database_now(db) + self.hold)
            )
            written = await partial.take(self.store, blob, pieces)
            if written is None:
                return Held(partial.size)
            await self._require_there(blob, written)
            await self._record(blob, [NewBlob(blob.digest, written.key, written.size)])
            return Held(blob.size)

    async def _held(self, blobs: Sequence[OfferedBlob]) -> set[Digest]:
        """Return which blobs of an offer it holds already."""
        offer, digests = blobs[0].offer, [blob.digest for blob in blobs]
        return await self.region.read(lambda db: arrivals.held(db, offer, digests))

    async def _copied(self, blob: OfferedBlob, found: SharedBlob) -> NewBlob:
        algorithm = blob.digest.algorithm
        async with self.copying:
            written = await self.store.adopt(found.store, found.key, algorithms=(algorithm,))
        if written.digests[algorithm] != blob.digest or written.size != blob.size:
            await self._let_go([written.key])
            raise DigestMismatch(str(blob.digest), str(written.digests[algorithm]))
        return NewBlob(blob.digest, written.key, written.size)

    async def _require_there(self, blob: OfferedBlob, written: WrittenBlob) -> None:
        """Look at bytes that came in many calls: a search for orphaned files may have found them meanwhile."""
        if not await has_whole(self.store, written.key, written.size):
            raise ArrivalBusy(str(blob.digest), "what came before is gone")

    async def _record(self, of: OfferedBlob, durable: Sequence[NewBlob]) -> None:
        """Record durable bytes in the offer of a blob. If it is gone, remove them; if it holds some by now, those."""
        if not durable:
            return
        try:
            recorded = await self.region.write(
                lambda db: arrivals.hold(db, of.offer, of.source, durable, self.database_now(db) + self.hold)
            )
        except OutcomeUnknown:
            # The rows may have been written: an orphaned file does no harm, missing bytes are data loss.
            raise
        except Refusal:
            await self._let_go([each.key for each in durable])
            raise
        await self._let_go([each.key for each in durable if each.digest not in recorded])

    async def _let_go(self, keys: Sequence[Key]) -> None:
        """Remove bytes that no row names. If the disk keeps them, they are orphaned files."""
        for key in keys:
            with suppress(StorageUnavailable):
                await self.store.remove(key)
