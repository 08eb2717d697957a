"""Catalogs of either engine, for tests that must hold on both."""

from pathlib import Path

import pytest

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
    """Open a catalog without rows, which on PostgreSQL others have used: that is ten times as fast as a new one."""
    if request.param == SQLITE:
        return EmbeddedCatalog(folder, clock)
    catalog = PostgresCatalog(request.getfixturevalue("postgres_kept"), clock)
    await catalog.clear()
    return catalog
