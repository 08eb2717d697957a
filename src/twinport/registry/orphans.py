"""Orphaned files: files that neither a row nor a note knows, such as a crash between bytes and rows leaves.

The folders of a store are looked through one after the other, all within `orphan_round`, each compared with the rows.
An orphaned file is not removed but noted as discarded: from then on no row can name it, and the sweep removes it like
any other garbage. A writer that records its bytes too late is refused; recorded bytes are never lost.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from twinport.blobs.store import PARTS, BlobStores, ListedBlob
from twinport.catalog.guarded import pauses_garbage
from twinport.catalog.ports import Catalog, Database
from twinport.catalog.regional import chores, garbage
from twinport.catalog.regional.chores import Chore
from twinport.clock import Clock
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.names import RegionName
from twinport.refusals.storage import StoreOfAnother
from twinport.settings.retention import Retention

# Databases hold the round under this name.
_CHORE = "litter"
_LONGEST_PAUSE, _SHORTEST_PAUSE = timedelta(minutes=1), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Orphans:
    """Looks for orphaned files. Their times are compared with the clock `wall`, which not even tests move."""

    catalog: Catalog
    stores: BlobStores
    world: Clock
    wall: Clock
    retention: Retention

    async def run(self) -> None:
        """Look through the folders of every Region again and again, until canceled."""
        while True:
            for region in await self.catalog.regions():
                await self._look_unless_hindered(region)
            await asyncio.sleep(self._pause.total_seconds())

    async def look(self, region: RegionName) -> None:
        """Look through the folders that are due, unless the operator has paused the collection."""
        database, chore, now = self.catalog.region(region), self._chore, await self._now(region)
        while await self._may_take(database, chore, now):
            part = await database.write(lambda db: chores.take(db, chore, now))
            if part is not None:
                await self.collect(region, await self.find(region, part))
            if part == PARTS[-1]:
                await self._give_up_unfinished(region)

    async def _may_take(self, database: Database, chore: Chore, now: datetime) -> bool:
        return await database.read(lambda db: chores.is_due(db, chore, now)) and not await pauses_garbage(self.catalog)

    async def find(self, region: RegionName, part: str) -> list[ListedBlob]:
        """Return the orphaned files in one folder, except those so young that a process may still be writing them.

        Raises StoreOfAnother: a file whose row is in another database is not orphaned.
        """
        await self.require_own(region)
        oldest = await self._oldest(region) - self.retention.orphan_age
        old = [each for each in await self.stores.region(region).listed(part) if each.written_at <= oldest]
        keys = [each.key for each in old]
        known = await self.catalog.region(region).read(lambda db: garbage.known_keys(db, keys)) if keys else set()
        return [each for each in old if each.key not in known]

    async def collect(self, region: RegionName, orphans: Sequence[ListedBlob]) -> int:
        """Note orphaned files for the sweep, unless a row names them by now. Tell how many were noted."""
        if not orphans:
            return 0
        keys, now = [each.key for each in orphans], await self._now(region)
        noted = set(await self.catalog.region(region).write(lambda db: garbage.note_orphans(db, keys, now)))
        if noted:
            size = sum(each.size for each in orphans if each.key in noted)
            telemetry.event(Event.ORPHANS_FOUND, region=region, keys=len(noted), bytes=size)
        return len(noted)

    async def _give_up_unfinished(self, region: RegionName) -> None:
        """Remove what killed processes left of blobs that the store does not list before they are finished."""
        if not await self.stores.region(region).is_there():
            return
        await self.require_own(region)
        before = await self._oldest(region) - self.retention.orphan_age
        given_up = await self.stores.region(region).give_up_unfinished(before)
        if given_up:
            telemetry.event(Event.UNFINISHED_REMOVED, region=region, blobs=given_up)

    async def require_own(self, region: RegionName) -> None:
        """Raise StoreOfAnother if another catalog, which asked first, has the rows of the store's blobs."""
        database, store, now = self.catalog.region(region), self.stores.region(region), await self._now(region)
        if not await store.is_there():
            return
        own = await database.read(chores.known_identity)
        if own is None:
            new = secrets.token_hex(16)
            own = await database.write(lambda db: chores.identity(db, new, now))
        if await store.owner(own) != own:
            raise StoreOfAnother(region)

    async def _now(self, region: RegionName) -> datetime:
        """Return the time of the database, which all hosts share."""
        return await self.catalog.region(region).read(self.catalog.now)

    async def _oldest(self, region: RegionName) -> datetime:
        """Return the time that files are compared with: this host's, or the database's if this host is fast."""
        fast_by = self.world.now() - await self._now(region)
        return self.wall.now() - max(fast_by, timedelta(0))

    @property
    def _pause(self) -> timedelta:
        return self.retention.pause(_SHORTEST_PAUSE, _LONGEST_PAUSE)

    @property
    def _chore(self) -> Chore:
        return Chore(_CHORE, PARTS, self.retention.orphan_round / len(PARTS), self._pause)

    async def _look_unless_hindered(self, region: RegionName) -> None:
        try:
            await self.look(region)
        except (Unavailable, OSError) as hindrance:
            telemetry.warning(Event.WORKER_HINDERED, region=region, reason=str(hindrance))
        except StoreOfAnother as refusal:
            telemetry.alarm(Event.WORKER_HINDERED, region=region, reason=refusal.message)
