"""Catalogs of either engine, for tests that must hold on both."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Connection

from tests.postgres import KeptDatabases
from twinport.catalog import embedded, postgres
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.engine.sqlite import SqliteDatabase
from twinport.catalog.ports import CLOSING_LIMIT, Database, PartitionDatabase, WholeCatalog
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import schema
from twinport.clock import Clock, WallClock
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
    return PostgresCatalog(emptied_address(request, clock), clock)


def emptied_address(request: pytest.FixtureRequest, clock: Clock | None = None) -> str:
    """Return the address of databases on PostgreSQL that other tests have used, without rows."""
    kept: KeptDatabases = request.getfixturevalue("postgres_kept")
    kept.empty((clock or WallClock()).now())
    return kept.address


class _KeptOpen(SqliteDatabase):
    """A database in memory that several catalogs share."""

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        """Leave it open: others read it."""


@contextmanager
def one_empty_database() -> Iterator[None]:
    """Let catalogs of this process share what stands for a Region without writes: it takes a third of their start."""
    in_memory = Path(":memory:")
    kept = _KeptOpen(in_memory, schema.regional)

    def made(path: Path, *words: Any, **named: Any) -> SqliteDatabase:  # noqa: ANN401 — as the class has them
        return kept if path == in_memory else SqliteDatabase(path, *words, **named)

    with ExitStack() as patched:
        for module in (embedded, postgres):
            patched.enter_context(patch.object(module, "SqliteDatabase", made))
        yield
    super(_KeptOpen, kept).close()


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
