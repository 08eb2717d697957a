"""How far a Region is behind: what is counted, and that a count which ended at its bound says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from tests.catalogs import ENGINES, emptied
from tests.fakes import REGION
from tests.reading import settle_statistics
from twinport.catalog.ports import Database
from twinport.catalog.regional.progress import MOST_COUNTED, progress
from twinport.catalog.regional.schema import delivery
from twinport.clock import ManualClock


@pytest.fixture(params=ENGINES)
async def region(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    catalog = await emptied(request, tmp_path, ManualClock())
    yield catalog.region(REGION)
    catalog.close()


def fail(db: Connection, copies: int) -> None:
    """Store as many failed deliveries, each of an image of its own."""
    now = ManualClock().now()
    same = {
        "source_account": "111122223333",
        "destination_region": "us-east-1",
        "destination_account": "111122223333",
        "repository": "team/api",
        "epoch": 1,
        "sequence": 1,
        "state": "failed",
        "created_at": now,
        "due_at": now,
    }
    rows = [{**same, "id": f"d{number}", "digest": f"sha256:{number}"} for number in range(copies)]
    db.execute(insert(delivery), rows)
    # Without it PostgreSQL may plan for an empty table, and take half a minute.
    settle_statistics(db)


async def test_a_few_failed_copies_are_counted_exactly(region: Database) -> None:
    await region.write(lambda db: fail(db, 3))
    found = await region.read_much(progress)
    assert (found.failed, found.is_partial) == (3, False)


async def test_failed_copies_beyond_the_bound_make_the_count_partial(region: Database) -> None:
    await region.write(lambda db: fail(db, MOST_COUNTED + 1))
    found = await region.read_much(progress)
    assert (found.failed, found.is_partial) == (MOST_COUNTED, True)
