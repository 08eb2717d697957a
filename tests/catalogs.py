"""Catalogs of either engine, for tests that must hold on both."""

from pathlib import Path

import pytest

from twinport.catalog import clearing, regional_schema
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
    await clearing.clear(catalog, clock.now())
    for name in await catalog.regions():
        # Their bytes lie in the folders of other tests.
        await catalog.region(name).write(lambda db: db.execute(regional_schema.discarded_key.delete()))
    return catalog
