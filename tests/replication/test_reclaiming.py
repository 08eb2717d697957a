"""What a process held that was killed is free as soon as another on its host looks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests import owing
from tests.catalogs import ENGINES, emptied
from tests.replication.world import FAR, HOME, NAME
from twinport.catalog.engine import leases
from twinport.catalog.ports import WholeCatalog
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.replication import PlannedDelivery
from twinport.replication.post_office import PostOffice
from twinport.replication.reclaiming import Reclaiming

OWED = [PlannedDelivery(FAR, NAME, Digest.of(text.encode()), text) for text in ("1", "2")]
LASTS = timedelta(seconds=30)


@dataclass
class Peers:
    """The processes that the test declares dead."""

    killed: list[str] = field(default_factory=list)

    def dead(self) -> list[str]:
        return list(self.killed)

    def forget(self, name: str) -> None:
        self.killed.remove(name)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    clock = ManualClock()
    catalog = await emptied(request, tmp_path, clock)
    await catalog.region(HOME.region).write(lambda db: owing.owe(db, HOME, OWED, Position(1, 1), clock.now()))
    yield catalog
    catalog.close()


async def test_what_the_dead_held_is_due_at_once_and_the_attempt_counts(catalog: WholeCatalog) -> None:
    office, freed = PostOffice(catalog), asyncio.Event()
    assert await office.claim("dead") is not None
    assert await office.claim("living") is None
    peers = Peers(["dead"])
    await Reclaiming(catalog, peers, freed.set).reclaim()
    assert freed.is_set()
    assert peers.killed == []
    batch = await office.claim("living")
    assert batch is not None
    assert [each.attempts for each in batch.deliveries] == [2, 2]


async def test_what_the_living_hold_stays_theirs(catalog: WholeCatalog) -> None:
    office = PostOffice(catalog)
    assert await office.claim("living") is not None
    await Reclaiming(catalog, Peers(["dead"]), lambda: None).reclaim()
    assert await office.claim("another") is None


async def test_leases_on_other_work_lapse_with_their_holder(catalog: WholeCatalog) -> None:
    now, region = ManualClock().now(), catalog.region(HOME.region)
    for holder, name in (("dead", "sweep"), ("living", "garbage")):
        await region.write(partial(leases.take, name=name, holder=holder, now=now, lease=LASTS))
    await catalog.partition.record(lambda db: leases.take(db, "task", "dead", now, lease=LASTS))
    await Reclaiming(catalog, Peers(["dead"]), lambda: None).reclaim()
    assert await region.write(lambda db: leases.take(db, "sweep", "bob", now, lease=LASTS))
    assert not await region.write(lambda db: leases.take(db, "garbage", "bob", now, lease=LASTS))
    assert await catalog.partition.record(lambda db: leases.take(db, "task", "bob", now, lease=LASTS))


async def test_two_may_find_the_same_dead(catalog: WholeCatalog) -> None:
    office = PostOffice(catalog)
    assert await office.claim("dead") is not None
    first, second = (Reclaiming(catalog, Peers(["dead"]), lambda: None) for _ in range(2))
    await asyncio.gather(first.reclaim(), second.reclaim())
    batch = await office.claim("living")
    assert batch is not None
    assert len(batch.deliveries) == len(OWED)
