"""Catalogs of either engine, for tests that must hold on both."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.postgres import KeptDatabases
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import CLOSING_LIMIT, Database, PartitionDatabase, WholeCatalog
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import Clock
from twinport.model.names import RegionName
from twinport.processes.breakdown import Breakdown

SQLITE, POSTGRESQL = "sqlite", "postgresql"
ENGINES = (SQLITE, POSTGRESQL)


def opened(request: pytest.FixtureRequest, folder: Path, clock: Clock) -> WholeCatalog:
    """Open a new catalog of the engine that the fixture's parameter names."""
    if request.param == SQLITE:
        return EmbeddedCatalog(folder, clock)
    return PostgresCatalog(request.getfixturevalue("postgres_address"), clock)


async def emptied(request: pytest.FixtureRequest, folder: Path, clock: Clock) -> WholeCatalog:
    """Open a catalog without rows, in databases that other tests have used on PostgreSQL: a new one takes long."""
    if request.param == SQLITE:
        return EmbeddedCatalog(folder, clock)
    kept: KeptDatabases = request.getfixturevalue("postgres_kept")
    kept.empty(clock.now())
    return PostgresCatalog(kept.address, clock)


@dataclass
class TimedCatalog:
    """A catalog whose database has the clock of a test."""

    catalog: WholeCatalog
    clock: Clock
    breakdown: Breakdown = field(init=False)

    def __post_init__(self) -> None:
        self.breakdown = self.catalog.breakdown

    @property
    def partition(self) -> PartitionDatabase:
        return self.catalog.partition

    def region(self, name: RegionName) -> Database:
        return self.catalog.region(name)

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        del db
        return self.clock.now()

    def version(self, region: RegionName) -> int | None:
        return self.catalog.version(region)

    async def check(self) -> None:
        await self.catalog.check()

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        self.catalog.close(within)
