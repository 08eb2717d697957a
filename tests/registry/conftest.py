"""A catalog in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import ManualClock


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()
