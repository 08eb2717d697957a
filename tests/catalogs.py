"""Catalogs of either engine, for tests that must hold on both."""

from pathlib import Path

import pytest

from tests.postgres import KeptDatabases
from twinport.catalog.embedded import EmbeddedCatalog, WholeCatalog
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import Clock

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
