"""The embedded catalog: what is read, what a write promises, what a Region that nobody wrote to shows."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from twinport.catalog import schema
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import ManualClock
from twinport.model.names import RegionName

REGION = RegionName("eu-west-1")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


def accounts(db: Connection) -> list[str]:
    return list(db.execute(select(schema.registry.c.account)).scalars())


def add(account: str, db: Connection) -> None:
    db.execute(insert(schema.registry).values(account=account))


async def test_reading_a_region_that_was_never_written_creates_nothing(
    catalog: EmbeddedCatalog, tmp_path: Path
) -> None:
    assert await catalog.region(REGION).read(accounts) == []
    assert await catalog.regions() == []
    assert not (tmp_path / "regions").exists()


async def test_the_first_write_lists_the_region(catalog: EmbeddedCatalog) -> None:
    await catalog.region(REGION).write(lambda db: add("1", db))
    assert await catalog.regions() == [REGION]
    assert await catalog.region(REGION).read(accounts) == ["1"]


async def test_a_transaction_that_raises_leaves_nothing_and_disturbs_no_other(catalog: EmbeddedCatalog) -> None:
    def fails(db: Connection) -> None:
        add("lost", db)
        raise ZeroDivisionError

    region = catalog.region(REGION)
    await region.write(lambda db: add("first", db))
    results = await asyncio.gather(
        region.write(lambda db: add("1", db)),
        region.write(fails),
        region.write(lambda db: add("first", db)),
        region.write(lambda db: add("2", db)),
        return_exceptions=True,
    )
    assert isinstance(results[1], ZeroDivisionError)
    assert isinstance(results[2], IntegrityError)
    assert await region.read(accounts) == ["1", "2", "first"]


async def test_each_partition_write_advances_the_generation_and_records_do_not(catalog: EmbeddedCatalog) -> None:
    before = await catalog.partition.generation()
    await catalog.partition.write(lambda _: None)
    await catalog.partition.record(lambda _: None)
    assert await catalog.partition.generation() == before + 1


async def test_clearing_begins_a_new_epoch(tmp_path: Path) -> None:
    clock = ManualClock()
    catalog = EmbeddedCatalog(tmp_path, clock)
    region = catalog.region(REGION)
    await region.write(lambda db: add("1", db))
    first = await region.read(lambda db: db.execute(select(schema.history.c.epoch)).scalar_one())
    clock.advance(by=timedelta(seconds=1))
    await catalog.clear()
    assert await region.read(accounts) == []
    assert await region.read(lambda db: db.execute(select(schema.history.c.epoch)).scalar_one()) > first
    catalog.close()
