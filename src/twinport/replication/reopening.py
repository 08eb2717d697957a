"""Deliveries that were given up because of damage at their source go on by themselves once the damage is healed.

A push, an arrival, or a verification that finds the bytes whole after all may heal it. None of them needs to know which
deliveries wait for it: this loop looks at these deliveries, a few minutes later at most.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from twinport.blobs.store import BlobStores, has_whole
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import departures, reopenings
from twinport.catalog.regional.reopenings import GivenUp
from twinport.errors import NotFound
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.cargo import Cargo
from twinport.model.names import RegionName
from twinport.model.replication import FailureCode
from twinport.processes.hashing import damaged
from twinport.replication.rounds import every_region

_PAUSE = timedelta(minutes=1)
_AGAIN = timedelta(minutes=5)
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Reopening:
    """Looks at deliveries that were given up; several processes may do so. `reopened` is called when one is owed."""

    catalog: Catalog
    stores: BlobStores
    reopened: Callable[[], None]

    async def run(self) -> None:
        """Look at every Region again and again, until canceled."""
        await every_region(self.catalog, "reopening", self.look, _PAUSE)

    async def look(self, region: RegionName) -> int:
        """Look at every delivery that is due for it. Tell how many are owed again."""
        database, opened = self.catalog.region(region), 0
        while given_up := await database.read(lambda db: reopenings.due(db, region, self.catalog.now(db), _AT_ONCE)):
            for each in given_up:
                opened += await self._decide(region, each)
        if opened:
            self.reopened()
        return opened

    async def _decide(self, region: RegionName, each: GivenUp) -> bool:
        # A read does not yield, so other tasks have their turn here, between two deliveries.
        await asyncio.sleep(0)
        database, source = self.catalog.region(region), each.source
        try:
            cargo = await database.read(
                lambda db: departures.cargo(db, source.repository(each.repository), each.digest)
            )
        except NotFound as refusal:
            code, reason = FailureCode.SOURCE_IMAGE_NOT_FOUND, refusal.message
            await database.write(lambda db: reopenings.close(db, each, code, reason))
            return False
        if not await self._is_whole(region, cargo):
            await database.write(lambda db: reopenings.look_again(db, each, self.catalog.now(db) + _AGAIN))
            return False
        is_owed = await database.write(lambda db: reopenings.reopen(db, each, self.catalog.now(db)))
        if is_owed:
            facts = {"destination": str(each.destination), "repository": each.repository, "digest": str(each.digest)}
            telemetry.event(Event.DELIVERY_REOPENED, delivery=each.id, **facts)
        return is_owed

    async def _is_whole(self, region: RegionName, cargo: Cargo) -> bool:
        """Tell whether no part is known to be damaged, no file is missing or short, and every manifest is intact."""
        store = self.stores.region(region)
        if cargo.damaged:
            return False
        for digest, blob in cargo.blobs.items():
            if not await has_whole(store, cargo.keys[digest], blob.size):
                return False
        read = self.catalog.region(region).read
        contents = await read(lambda db: departures.contents(db, cargo.repository_id, cargo.manifests))
        return not await damaged(contents)
