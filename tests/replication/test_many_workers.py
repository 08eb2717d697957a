"""Many workers on many lanes of one deployment, each as a process of its own would be, with real contention."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from tests.catalogs import ENGINES, SQLITE
from tests.postgres import KeptDatabases
from tests.replication.faults import Faults, FaultyDestinations, ProcessDied
from tests.replication.world import FAR, FARTHER, HOME, PARTNER, World, image
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import schema
from twinport.clock import ManualClock
from twinport.model.names import Registry
from twinport.model.replication import DeliveryState, ReplicationRule
from twinport.replication.destination import Destinations
from twinport.replication.post_office import LEASE

pytestmark = pytest.mark.large

WORKERS = 3
IMAGES = [image(b"common layer", f"layer {number}".encode()) for number in range(8)]
LANES = {HOME: (FAR, FARTHER), FAR: (HOME, FARTHER), PARTNER: (Registry(PARTNER.account, FAR.region),)}


class Deployment:
    """One database of either engine, and as many processes on it as are begun."""

    def __init__(self, folder: Path, address: str | None) -> None:
        self.clock, self._folder, self._address = ManualClock(), folder, address
        self._worlds: list[World] = []

    def begin(self, faults: Faults | None = None) -> World:
        """Begin a process, with databases, connections and threads of its own."""

        def wrap(destinations: Destinations) -> Destinations:
            return destinations if faults is None else FaultyDestinations(destinations, faults)

        world = World(self._folder, wrap, clock=self.clock, catalog=self._catalog())
        self._worlds.append(world)
        return world

    def close(self) -> None:
        """Close every connection, since a server has only so many."""
        for world in self._worlds:
            world.close()
        self._worlds.clear()

    def _catalog(self) -> WholeCatalog:
        if self._address is None:
            return EmbeddedCatalog(self._folder, self.clock)
        return PostgresCatalog(self._address, self.clock)


@pytest.fixture(params=ENGINES)
async def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Deployment]:
    address = None
    if request.param != SQLITE:
        kept: KeptDatabases = request.getfixturevalue("postgres_kept")
        kept.empty(ManualClock().now())
        address = kept.address
    deployment = Deployment(tmp_path, address)
    world = deployment.begin()
    for source, destinations in LANES.items():
        await world.configure(source, ReplicationRule(destinations))
        for number, each in enumerate(IMAGES):
            await world.push(each, f"t{number}", source)
    yield deployment
    deployment.close()


async def test_each_delivery_is_attempted_once_whatever_other_workers_do(deployment: Deployment) -> None:
    workers = [deployment.begin() for _ in range(WORKERS)]
    attempts = await asyncio.gather(*(each.deliver() for each in workers))
    assert sum(attempts) == len(IMAGES) * sum(len(destinations) for destinations in LANES.values())
    await everything_landed_once(workers[0], attempts=1)


@pytest.mark.parametrize("seed", range(2))
async def test_workers_that_die_under_lease_lose_nothing_and_double_nothing(deployment: Deployment, seed: int) -> None:
    moments = random.Random(seed)
    for _ in range(2):
        plans = [Faults({moments.randrange(12): ProcessDied}) for _ in range(WORKERS)]
        await asyncio.gather(*(until_it_dies(deployment.begin(plan)) for plan in plans))
        deployment.close()
        deployment.clock.advance(LEASE)
    survivors = [deployment.begin() for _ in range(WORKERS)]
    await asyncio.gather(*(each.deliver() for each in survivors))
    await everything_landed_once(survivors[0])


async def until_it_dies(world: World) -> None:
    try:
        await world.deliver()
    except ProcessDied:
        return
    except BaseExceptionGroup as ended:
        if ended.subgroup(ProcessDied) is None:
            raise


async def everything_landed_once(world: World, attempts: int | None = None) -> None:
    owed = 0
    for source, destinations in LANES.items():
        for each in IMAGES:
            for report in await world.statuses(each, source):
                assert report.state is DeliveryState.COMPLETE
                assert attempts is None or report.attempts == attempts
                owed += 1
        for destination in destinations:
            await is_whole(world, destination)
    landed = [await world.catalog.region(region).read(arrivals) for region in await world.catalog.regions()]
    assert sum(landed) == owed == len(IMAGES) * sum(len(destinations) for destinations in LANES.values())


async def is_whole(world: World, destination: Registry) -> None:
    for number, each in enumerate(IMAGES):
        assert await world.tag(destination, f"t{number}") == each.digest
        assert await world.has(destination, each)


def arrivals(db: Connection) -> int:
    return db.execute(select(func.count()).select_from(schema.arrival)).scalar_one()
