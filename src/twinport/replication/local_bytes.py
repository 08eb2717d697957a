"""The bytes that come to a local destination: copied from a shared store, or taken as they arrive; held by an offer."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from twinport.blobs.store import BlobStore, WrittenBlob, has_whole
from twinport.catalog.ports import Connection, Database
from twinport.catalog.regional import arrivals
from twinport.catalog.regional.blobs import NewBlob
from twinport.errors import Refusal
from twinport.model.content import Key
from twinport.model.names import AccountId, Registry
from twinport.refusals.images import DigestMismatch
from twinport.refusals.storage import ArrivalBusy, OutcomeUnknown, StorageUnavailable
from twinport.replication.destination import AdoptAnswer, AppendAnswer, Held, NotShared, OfferedBlob, WrongOffset
from twinport.replication.partials import Partials
from twinport.replication.shared_stores import SharedBlob, SharedStores


@dataclass(frozen=True, slots=True)
class LocalBytes:
    """Takes the blobs of offers to one registry. The gate has allowed it."""

    region: Database
    store: BlobStore
    shared: SharedStores
    partials: Partials
    database_now: Callable[[Connection], datetime]
    hold: timedelta

    async def open(self, offer: str, source: Registry, account: AccountId) -> None:
        """Begin to hold bytes for an offer to this account. One that is open already stays open."""
        await self.region.write(
            lambda db: arrivals.open_offer(db, offer, source, account, self.database_now(db) + self.hold)
        )

    async def adopt(self, blob: OfferedBlob) -> AdoptAnswer:
        if await self._is_held(blob):
            return Held(blob.size)
        found = await self.shared.find(blob.source, blob.repository, blob.digest)
        if found is None:
            return NotShared()
        await self._record(blob, await self._copied(blob, found))
        return Held(blob.size)

    async def append(self, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]) -> AppendAnswer:
        async with self.partials.of(blob) as partial:
            if await self._is_held(blob):
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
            await self._record(blob, written)
            return Held(blob.size)

    async def _is_held(self, blob: OfferedBlob) -> bool:
        return await self.region.read(lambda db: arrivals.is_held(db, blob.offer, blob.digest))

    async def _copied(self, blob: OfferedBlob, found: SharedBlob) -> WrittenBlob:
        algorithm = blob.digest.algorithm
        written = await self.store.adopt(found.store, found.key, algorithms=(algorithm,))
        if written.digests[algorithm] != blob.digest or written.size != blob.size:
            await self._let_go(written.key)
            raise DigestMismatch(str(blob.digest), str(written.digests[algorithm]))
        return written

    async def _require_there(self, blob: OfferedBlob, written: WrittenBlob) -> None:
        """Look at bytes that came in many calls: a search for orphaned files may have found them meanwhile."""
        if not await has_whole(self.store, written.key, written.size):
            raise ArrivalBusy(str(blob.digest), "what came before is gone")

    async def _record(self, blob: OfferedBlob, written: WrittenBlob) -> None:
        """Record durable bytes in their offer. If the offer is gone, or holds the blob by now, remove these."""
        held = NewBlob(blob.digest, written.key, written.size)
        try:
            is_held = await self.region.write(
                lambda db: arrivals.hold(db, blob.offer, blob.source, held, self.database_now(db) + self.hold)
            )
        except OutcomeUnknown:
            # The row may have been written: an orphaned file does no harm, missing bytes are data loss.
            raise
        except Refusal:
            await self._let_go(held.key)
            raise
        if not is_held:
            await self._let_go(held.key)

    async def _let_go(self, key: Key) -> None:
        """Remove bytes that no row names. If the disk keeps them, they are an orphaned file."""
        with suppress(StorageUnavailable):
            await self.store.remove(key)
