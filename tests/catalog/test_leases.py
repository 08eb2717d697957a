"""Leases on work: one holder at a time, on either database, when several ask at the same moment."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, emptied
from tests.fakes import REGION
from twinport.catalog.engine import leases
from twinport.catalog.ports import WholeCatalog
from twinport.clock import ManualClock

CLOCK = ManualClock()
LASTS = timedelta(seconds=30)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, CLOCK)
    yield catalog
    catalog.close()


async def take(catalog: WholeCatalog, holder: str, name: str = "sweep") -> bool:
    now = CLOCK.now()
    return await catalog.region(REGION).write(lambda db: leases.take(db, name, holder, now, lease=LASTS))


async def test_of_many_who_come_at_once_one_gets_the_lease(catalog: WholeCatalog) -> None:
    taken = await asyncio.gather(*(take(catalog, f"process {number}") for number in range(8)))
    assert sum(taken) == 1


async def test_a_holder_prolongs_its_lease_and_others_wait_for_the_end_of_it(catalog: WholeCatalog) -> None:
    assert await take(catalog, "ann")
    CLOCK.advance(LASTS / 2)
    assert await take(catalog, "ann")
    CLOCK.advance(LASTS / 2)
    assert not await take(catalog, "bob")
    CLOCK.advance(LASTS / 2)
    assert await take(catalog, "bob")
    assert not await take(catalog, "ann")


async def test_leases_on_different_work_do_not_meet(catalog: WholeCatalog) -> None:
    assert await take(catalog, "ann", "sweep")
    assert await take(catalog, "bob", "garbage")


async def test_a_process_does_not_give_back_a_lease_that_another_holds(catalog: WholeCatalog) -> None:
    assert await take(catalog, "ann")
    await catalog.region(REGION).write(lambda db: leases.give_back(db, "sweep", "bob"))
    assert not await take(catalog, "bob")
    await catalog.region(REGION).write(lambda db: leases.give_back(db, "sweep", "ann"))
    assert await take(catalog, "bob")


async def test_the_leases_of_the_dead_are_ended_all_together(catalog: WholeCatalog) -> None:
    assert await take(catalog, "ann", "sweep")
    assert await take(catalog, "ann", "garbage")
    await catalog.region(REGION).write(lambda db: leases.lapse(db, "ann"))
    assert await take(catalog, "bob", "sweep")
    assert await take(catalog, "bob", "garbage")


async def test_the_partition_has_leases_too(catalog: WholeCatalog) -> None:
    now = CLOCK.now()
    assert await catalog.partition.record(lambda db: leases.take(db, "task", "ann", now, lease=LASTS))
    assert not await catalog.partition.record(lambda db: leases.take(db, "task", "bob", now, lease=LASTS))
