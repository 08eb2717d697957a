"""The worker: woken by a push, at rest in between, and ended in order."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Connection, select

from tests.replication.faults import StalledDestinations
from tests.replication.world import FAR, FARTHER, HOME, World, image
from tests.waiting import PATIENCE_SECONDS
from twinport.catalog.regional import arrivals, outbox, schema
from twinport.model.replication import Delivery, DeliveryState, Landed, Lane, ReplicationRule
from twinport.refusals.storage import StorageUnavailable
from twinport.replication.courier import Courier
from twinport.replication.outcomes import Hindered, Outcome
from twinport.replication.post_office import Batch, PostOffice
from twinport.replication.transfer import Report
from twinport.replication.worker import ReplicationWorker
from twinport.settings.retention import Retention

IMAGE, MANY = image(b"layer one"), 38


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
async def stalled(tmp_path: Path) -> AsyncIterator[tuple[World, StalledDestinations]]:
    destinations = StalledDestinations()
    world = World(tmp_path, wrap=lambda _: destinations)
    yield world, destinations
    world.close()


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():  # noqa: ASYNC110 — what is waited for is a row
            await asyncio.sleep(0.005)


async def test_a_wake_up_has_a_push_carried_at_once_to_all_destinations(world: World) -> None:
    await world.replication.start()
    await world.configure(HOME, ReplicationRule((FAR, FARTHER)))
    await world.push(IMAGE, "1")
    world.replication.wake()

    async def is_complete() -> bool:
        return {report.state for report in await world.statuses(IMAGE)} == {DeliveryState.COMPLETE}

    await until(is_complete)
    await world.replication.stop()
    assert await world.has(FAR, IMAGE)


async def test_without_a_wake_up_polling_finds_what_is_due(world: World) -> None:
    world.replication.poll = timedelta(milliseconds=10)
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.replication.start()
    await world.push(IMAGE, "1")

    async def is_there() -> bool:
        return await world.tag(FAR, "1") is not None

    await until(is_there)
    await world.replication.stop()


async def test_a_stopped_worker_gives_back_what_it_holds(stalled: tuple[World, StalledDestinations]) -> None:
    world, destinations = stalled
    world.replication.grace = timedelta(0)
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(IMAGE, "1")
    await world.replication.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await destinations.heard.wait()
        await world.replication.stop()
    report = await world.status(IMAGE)
    assert (report.state, report.attempts) == (DeliveryState.WAITING, 0)
    assert await world.new_process().office.claim("the next process") is not None


async def test_a_stopped_worker_claims_nothing_and_may_start_again(world: World) -> None:
    await world.replication.start()
    await world.replication.stop()
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(IMAGE, "1")
    assert (await world.status(IMAGE)).attempts == 0
    await world.replication.start()

    async def is_there() -> bool:
        return await world.tag(FAR, "1") is not None

    await until(is_there)
    await world.replication.stop()


@dataclass(frozen=True, slots=True)
class FullDisk(PostOffice):
    """A post office whose disk takes no lease."""

    claims: list[str] = field(default_factory=list)

    async def claim(self, holder: str) -> Batch | None:
        self.claims.append(holder)
        raise StorageUnavailable("disk full")


async def test_a_worker_that_cannot_claim_rests_before_it_looks_again(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(IMAGE, "1")
    office = FullDisk(world.catalog)
    worker = dataclasses.replace(world.replication, office=office)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        resting = group.create_task(worker._claim_or_rest())
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(office.claims) == 1
        worker.wake()
        assert await resting is None


class LostCounter(PostOffice):
    """A post office that settles nothing: its database is away."""

    async def settle(self, holder: str, outcomes: Sequence[tuple[Delivery, Outcome]]) -> None:
        del holder, outcomes
        raise StorageUnavailable("the database is away")


async def test_a_batch_of_which_nothing_can_be_settled_is_one_warning(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    for number in range(MANY):
        await world.push(IMAGE, str(number))
    capfd.readouterr()
    worker = dataclasses.replace(world.replication, office=LostCounter(world.catalog))
    assert await worker.deliver_what_is_due() == MANY
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    [said] = [line for line in lines if line["level"] != "info"]
    assert (said["level"], said["event"], said["destination"]) == ("warning", "worker.hindered", str(FAR))
    assert said["reason"] == StorageUnavailable("the database is away").message


async def test_a_short_expiry_of_offers_shortens_the_pause_between_two_looks_for_expired_ones(world: World) -> None:
    region = world.catalog.region(FAR.region)
    world.replication.retention = Retention(offer_expiry=timedelta(seconds=1))
    await world.replication.start()
    # The first look comes at once and may take the first with it; the second is for the look after a pause.
    for name in ("first", "second"):
        await region.write(partial(open_expired, name=name, now=world.clock.now()))
        await until(lambda: region.read(has_no_offer))
    await world.replication.stop()


def open_expired(db: Connection, name: str, now: datetime) -> None:
    arrivals.open_offer(db, name, HOME, FAR.account, now)


def has_no_offer(db: Connection) -> bool:
    return db.execute(select(schema.offer)).first() is None


async def test_the_lease_of_a_long_copy_is_renewed(stalled: tuple[World, StalledDestinations]) -> None:
    world, _ = stalled
    office = world.replication.office
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(IMAGE, "1")
    batch = await office.claim("long")
    assert batch is not None
    for _ in range(5):
        world.clock.advance(timedelta(seconds=20))
        await office.renew(batch)
    assert await office.claim("another") is None
    assert await world.catalog.region(HOME.region).read(outbox.next_due) is not None


class HalfAway(PostOffice):
    """A post office whose database is away for what did not land."""

    async def settle(self, holder: str, outcomes: Sequence[tuple[Delivery, Outcome]]) -> None:
        await asyncio.sleep(0)
        if any(isinstance(outcome, Hindered) for _, outcome in outcomes):
            raise StorageUnavailable("the database is away")
        await asyncio.sleep(0)
        await PostOffice.settle(self, holder, outcomes)


@dataclass
class Reporting:
    """A courier that reports one delivery as landed and another as hindered, in one report."""

    async def carry(self, lane: Lane, deliveries: Sequence[Delivery], report: Report) -> None:
        del lane
        first, second = deliveries
        await report([(first, Hindered("trouble")), (second, Landed(1, "arn"))])


async def test_an_outcome_that_cannot_be_settled_keeps_no_other_of_its_report_from_being_settled(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    other = image(b"another layer")
    await world.push(IMAGE, "1")
    await world.push(other, "2")
    worker = ReplicationWorker(HalfAway(world.catalog), cast("Courier", Reporting()), "half")
    await worker.deliver_what_is_due()
    states = [(await world.status(each)).state.value for each in (IMAGE, other)]
    assert sorted(states) == ["complete", "waiting"]
