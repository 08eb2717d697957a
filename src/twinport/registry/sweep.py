"""The sweep of bytes that no row names any more: the losers of races, and segments that were joined or given up."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from twinport.blobs.store import BlobStores
from twinport.catalog import blobs, leases
from twinport.catalog.database import Connection
from twinport.catalog.embedded import Catalog
from twinport.clock import Clock
from twinport.model.names import RegionName

# Whoever looked a key up before it was discarded has this long to open its file.
GRACE = timedelta(minutes=10)
_PAUSE = timedelta(minutes=1)
_AT_ONCE = 100
_LEASE, _LASTS = "sweep", timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Rows before bytes when deleting: the rows are gone already, so here the bytes go, and then the note of them."""

    catalog: Catalog
    stores: BlobStores
    world: Clock
    holder: str

    async def run(self) -> None:
        """Sweep every Region again and again, until cancelled."""
        while True:
            for region in await self.catalog.regions():
                while await self.some(region):
                    pass
            await asyncio.sleep(_PAUSE.total_seconds())

    async def some(self, region: RegionName) -> int:
        """Remove the bytes of some discarded keys. Tell of how many; a crash leaves the rest for the next time.

        One process at a time sweeps a Region; two that do would find each other's files gone and notes forgotten.
        """
        database, store, until = self.catalog.region(region), self.stores.region(region), self.world.now() - GRACE
        keys = await database.read(lambda db: blobs.discarded_before(db, until, _AT_ONCE))
        if not keys or not await database.write(self._take):
            return 0
        for key in keys:
            await store.remove(key)
        await database.write(lambda db: blobs.forget(db, keys))
        return len(keys)

    def _take(self, db: Connection) -> bool:
        return leases.take(db, _LEASE, self.holder, self.catalog.now(db), lease=_LASTS)
