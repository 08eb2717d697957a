"""A deployment for upkeep, beside a server or without one: its Regions, garbage collection and verification."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from twinport.blobs.store import WholeBlobStores
from twinport.catalog.ports import Catalog
from twinport.clock import WallClock, WorldClock
from twinport.composition.databases import claim_stores, join_catalog
from twinport.composition.stores import stores_of
from twinport.errors import NotFound
from twinport.model.names import RegionName
from twinport.refusals.storage import StoreOfAnother
from twinport.registry.garbage import Garbage
from twinport.registry.orphans import Orphans
from twinport.registry.verification import Verification
from twinport.settings.loading import Settings


class RegionNeverUsed(NotFound):
    """The named Region has never had any data."""

    def __init__(self, region: str, known: Sequence[str]) -> None:
        super().__init__(
            f"nothing was ever stored in Region '{region}'; there is {', '.join(known) or 'no Region yet'}"
        )


class NothingMeant(NotFound):
    """The named repository does not exist in any of the Regions."""

    def __init__(self, repository: str, account: str | None) -> None:
        where = f"account '{account}'" if account else "any account"
        super().__init__(f"there is no repository '{repository}' of {where} in these Regions")


@dataclass(frozen=True, slots=True)
class Site:
    """The parts that upkeep works with."""

    catalog: Catalog
    stores: WholeBlobStores
    clock: WorldClock
    garbage: Garbage
    orphans: Orphans
    verification: Verification

    async def regions(self, named: Sequence[str]) -> list[RegionName]:
        """Return the named Regions, or all Regions if none is named.

        Raises RegionNeverUsed, StoresOfAnother, StoreOfAnother.
        """
        await claim_stores(self.stores, self.catalog)
        known = await self.catalog.regions()
        for name in await self.stores.with_blobs():
            if name not in known:
                raise StoreOfAnother(name)
            await self.orphans.require_own(RegionName(name))
        for name in named:
            if name not in known:
                raise RegionNeverUsed(name, known)
        return [region for region in known if not named or region in named]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Site]:
    """Open an existing deployment, whether or not a server runs on it. Raises what `join_catalog` does."""
    clock, retention = WorldClock(WallClock()), settings.retention
    catalog, stores = join_catalog(settings, clock), stores_of(settings)
    try:
        yield Site(
            catalog,
            stores,
            clock,
            Garbage(catalog, stores, retention),
            Orphans(catalog, stores, clock, WallClock(), retention),
            Verification(catalog, stores, retention, secrets.token_hex(8)),
        )
    finally:
        await stores.close()
        catalog.close()
