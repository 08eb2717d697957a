"""A catalog of its own for each test, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW
from twinport.catalog.ports import WholeCatalog
from twinport.clock import ManualClock


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock(NOW))
    yield catalog
    catalog.close()
