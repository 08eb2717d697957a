"""Random days of pushes, moved tags, dying processes and failing disks: every destination ends where its source is."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.replication.faults import Faults, FaultyDestinations, ProcessDied
from tests.replication.world import CREATE, FAR, HOME, PARTNER, REPLICATE, Image, World, image, index
from twinport.model.content import Digest
from twinport.model.manifests import OCI_INDEX
from twinport.model.names import Registry
from twinport.model.replication import DeliveryState, ReplicationRule
from twinport.refusals.storage import StorageUnavailable
from twinport.replication.post_office import LEASE

pytestmark = pytest.mark.large

DESTINATIONS = (FAR, PARTNER)
TAGS = ("1", "2", "latest")
STEPS = 25


class Day:
    """One seed's worth of events, and what must be true after each of them."""

    def __init__(self, world: World, faults: Faults, seed: int) -> None:
        self.world, self.faults, self.random = world, faults, random.Random(seed)
        layers = [bytes([number]) * 50 for number in range(4)]
        plain = [image(*self.random.sample(layers, 2), config=bytes([number])) for number in range(4)]
        self.images: list[Image] = [*plain, index(plain[0], plain[1])]
        self.pushed: dict[str, Image] = {}

    async def live(self, *more: Callable[[], Awaitable[None]]) -> None:
        events = [self.push, self.push, self.carry, self.fault, self.pass_time, *more]
        for each in self.images[:2]:
            await self.world.push(each)
        for _ in range(STEPS):
            await self.random.choice(events)()
            await self.check()
        self.faults.plan.clear()
        for _ in range(3):
            await self.world.wait(timedelta(minutes=10))

    async def push(self) -> None:
        what, tag = self.random.choice(self.images), self.random.choice(TAGS)
        await self.world.push(what, tag)
        self.pushed[tag] = what

    async def fault(self) -> None:
        """Plan that something goes wrong at one of the next moments."""
        moment = len(self.faults.moments) + self.random.randrange(8)
        kinds: list[Callable[[], BaseException]] = [ProcessDied, lambda: StorageUnavailable("disk full")]
        self.faults.plan[moment] = self.random.choice(kinds)

    async def carry(self) -> None:
        """Carry until a process dies of it; what it held waits for its lease to end."""
        try:
            await self.world.deliver()
        except BaseExceptionGroup:
            self.world.replication = self.world.new_process()

    async def change_a_policy(self) -> None:
        """Forbid or allow copies to a destination; what is refused is given up at once."""
        self.world.gate.denied ^= {(REPLICATE, self.random.choice(DESTINATIONS))}

    async def push_again(self) -> None:
        for tag, what in self.pushed.items():
            await self.world.push(what, tag)

    async def pass_time(self) -> None:
        self.world.clock.advance(self.random.choice([timedelta(seconds=1), LEASE]))

    async def check(self) -> None:
        """No status ahead of its copy; no tag on an image that is not whole (`has` fails on half of one)."""
        for what in self.images:
            for report in await self.world.statuses(what):
                if report.state is DeliveryState.COMPLETE:
                    assert await self.world.has(report.destination, what)
        for destination in DESTINATIONS:
            for tag in TAGS:
                named = await self.world.tag(destination, tag)
                assert named is None or await self.is_whole(destination, named)

    async def is_whole(self, destination: Registry, digest: Digest) -> bool:
        [what] = [each for each in self.images if each.digest == digest]
        parts = [what, *self.images[:2]] if what.media_type == OCI_INDEX else [what]
        return all([await self.world.has(destination, part) for part in parts])


@pytest.fixture
async def day(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Day]:
    faults = Faults()
    world = World(tmp_path, wrap=lambda destinations: FaultyDestinations(destinations, faults))
    world.gate.granted |= {(REPLICATE, PARTNER), (CREATE, PARTNER)}
    await world.configure(HOME, ReplicationRule(DESTINATIONS))
    yield Day(world, faults, request.param)
    world.close()


@pytest.mark.parametrize("day", range(12), indirect=True)
async def test_after_any_day_every_destination_shows_what_its_source_shows(day: Day) -> None:
    await day.live()
    for destination in DESTINATIONS:
        for tag, what in day.pushed.items():
            assert await day.world.tag(destination, tag) == what.digest
    for what in day.images:
        states = {report.state for report in await day.world.statuses(what)}
        assert states <= {DeliveryState.COMPLETE}


@pytest.mark.parametrize("day", range(4), indirect=True)
async def test_after_a_day_of_refusals_the_same_pushes_bring_every_tag_to_where_it_is(day: Day) -> None:
    await day.live(day.change_a_policy, day.push_again)
    day.world.gate.denied.clear()
    await day.push_again()
    await day.world.deliver()
    for destination in DESTINATIONS:
        for tag, what in day.pushed.items():
            assert await day.world.tag(destination, tag) == what.digest
