"""What goes wrong on the way, and what is left of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.replication.faults import Faults, FaultyDestinations, ProcessDied
from tests.replication.world import FAR, HOME, IRELAND, NAME, VIRGINIA, Image, World, image, index
from twinport.catalog.regional import schema
from twinport.errors import AccessDenied
from twinport.model.names import RepositoryName
from twinport.model.replication import DeliveryState, FailureCode, ReplicationRule
from twinport.refusals.storage import StorageUnavailable
from twinport.replication.post_office import LEASE
from twinport.replication.retry import MOST_ATTEMPTS

COMPLETE, FAILED, WAITING = DeliveryState.COMPLETE, DeliveryState.FAILED, DeliveryState.WAITING
FIRST, SECOND = image(b"layer one"), image(b"layer two")
WHOLE = index(FIRST, SECOND)
# One index whose children were pushed before the rule: an offer, its three blobs (a config and two layers), a commit.
MOMENTS = ["before offer", "after offer", "before bytes", "after bytes", "before commit", "after commit"]


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
async def world(tmp_path: Path, faults: Faults) -> AsyncIterator[World]:
    world = World(tmp_path, wrap=lambda destinations: FaultyDestinations(destinations, faults))
    yield world
    world.close()


async def push_an_index(world: World) -> None:
    await world.push(FIRST)
    await world.push(SECOND)
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(WHOLE, "1")


async def arrivals(world: World) -> int:
    query = select(func.count()).select_from(schema.arrival)
    return await world.catalog.region(VIRGINIA).read(lambda db: db.execute(query).scalar_one())


async def is_whole_or_absent(world: World) -> bool:
    """Tell whether the destination shows an image with all its parts, or none: `has` fails on half of one."""
    present = [await world.has(FAR, each) for each in (FIRST, SECOND, WHOLE)]
    is_tagged = await world.tag(FAR, "1") is not None
    return all(present) if present[2] or is_tagged else not is_tagged


# --- the process dies -------------------------------------------------------------------------------------


async def test_the_moments_of_a_journey_are_these(world: World, faults: Faults) -> None:
    await push_an_index(world)
    await world.deliver()
    assert sorted(faults.moments) == sorted(MOMENTS)


@pytest.mark.parametrize("moment", range(len(MOMENTS)))
async def test_whenever_a_process_dies_the_next_one_brings_the_image_once(
    world: World, faults: Faults, moment: int
) -> None:
    await push_an_index(world)
    faults.plan[moment] = ProcessDied
    with pytest.raises(BaseExceptionGroup):
        await world.deliver()
    assert (await world.status(WHOLE)).state is WAITING, "status runs ahead of the copy"
    assert await is_whole_or_absent(world)
    world.replication = world.new_process()
    assert await world.deliver() == 0, "the lease of the dead holds until it ends"
    assert await world.wait(LEASE) == 1
    assert (await world.status(WHOLE)).state is COMPLETE
    assert await world.has(FAR, WHOLE)
    assert await world.tag(FAR, "1") == WHOLE.digest
    assert await arrivals(world) == 1


async def test_what_a_dead_process_brought_and_did_not_commit_is_left_to_the_sweep(
    world: World, faults: Faults
) -> None:
    await push_an_index(world)
    faults.plan[MOMENTS.index("before commit")] = ProcessDied
    with pytest.raises(BaseExceptionGroup):
        await world.deliver()
    world.replication = world.new_process()
    await world.wait(LEASE)
    world.clock.advance(timedelta(hours=2))
    await world.replication.office.sweep_offers()
    region = world.catalog.region(VIRGINIA)
    named = set(await region.read(lambda db: db.execute(select(schema.blob.c.key)).scalars().all()))
    discarded = set(await region.read(lambda db: db.execute(select(schema.discarded_key.c.key)).scalars().all()))
    assert len(discarded) == 3
    assert {path.name for path in world.blob_files(VIRGINIA)} == named | discarded
    assert await region.read(lambda db: db.execute(select(func.count()).select_from(schema.offer)).scalar()) == 0


# --- storage trouble ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(len(MOMENTS)))
async def test_trouble_that_passes_is_waited_for(world: World, faults: Faults, moment: int) -> None:
    await push_an_index(world)
    faults.plan[moment] = lambda: StorageUnavailable("disk full")
    await world.deliver()
    report = await world.status(WHOLE)
    assert report.state is WAITING
    assert "disk full" in str(report.reason)
    assert await is_whole_or_absent(world)
    assert await world.wait(timedelta(seconds=1)) == 1
    assert (await world.status(WHOLE)).state is COMPLETE
    assert await world.tag(FAR, "1") == WHOLE.digest
    assert await arrivals(world) == 1


async def test_trouble_that_stays_ends_as_an_internal_error(world: World, faults: Faults) -> None:
    await push_an_index(world)
    faults.plan = {moment: lambda: StorageUnavailable("disk full") for moment in range(100)}
    attempts = [await world.wait(timedelta(minutes=10)) for _ in range(MOST_ATTEMPTS + 3)]
    assert sum(attempts) == MOST_ATTEMPTS
    report = await world.status(WHOLE)
    assert (report.state, report.failure_code) == (FAILED, FailureCode.INTERNAL_ERROR)
    assert report.attempts == MOST_ATTEMPTS


async def test_a_defect_hinders_one_batch_and_not_the_worker(world: World, faults: Faults) -> None:
    await push_an_index(world)
    faults.plan[0] = ZeroDivisionError
    await world.deliver()
    assert (await world.status(WHOLE)).state is WAITING
    await world.wait(timedelta(seconds=1))
    assert (await world.status(WHOLE)).state is COMPLETE


# --- bytes that are not what they are called ---------------------------------------------------------------


def damage(world: World, what: Image, bytes_: bytes | None) -> None:
    """Replace the bytes of an image's only layer at the source, or remove them."""
    [path] = [path for path in world.blob_files(IRELAND) if path.read_bytes() == what.blobs[1]]
    path.unlink()
    if bytes_ is not None:
        path.write_bytes(bytes_)


@pytest.mark.parametrize("poison", [b"layer 0ne", b"layer one and more", b""])
async def test_a_poisoned_blob_is_not_committed(world: World, poison: bytes) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    damage(world, FIRST, poison)
    await world.deliver()
    assert (await world.status(FIRST)).state is WAITING
    assert not await world.has(FAR, FIRST)
    assert {path.read_bytes() for path in world.blob_files(VIRGINIA)} == {b"{}"}, "the poison was not kept"


async def test_a_poisoned_blob_hinders_no_other_image(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.push(SECOND, "2")
    damage(world, FIRST, b"poison")
    await world.deliver()
    assert (await world.status(SECOND)).state is COMPLETE


async def test_bytes_that_are_gone_are_a_source_that_cannot_be_read_in_the_end(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    damage(world, FIRST, None)
    for _ in range(MOST_ATTEMPTS):
        await world.wait(timedelta(minutes=10))
    assert (await world.status(FIRST)).failure_code is FailureCode.SOURCE_IMAGE_INACCESSIBLE


async def test_a_blob_refused_to_one_repository_is_moved_for_another_later(world: World, faults: Faults) -> None:
    other = RepositoryName("team/web")
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.push(FIRST, "1", name=other)
    # Of the blobs together, and then of the first by itself.
    together = MOMENTS.index("before bytes")
    for moment in (together, together + 1):
        faults.plan[moment] = lambda: AccessDenied("role", "ecr:ReplicateImage", NAME)
    await world.deliver()
    assert (await world.status(FIRST)).failure_code is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED
    assert not await world.has(FAR, FIRST, other)
    await world.wait(timedelta(seconds=1))
    assert await world.has(FAR, FIRST, other)
    assert not await world.has(FAR, FIRST)


# --- what changes meanwhile --------------------------------------------------------------------------------


async def test_a_delivery_that_lost_its_lease_is_settled_by_its_next_holder_alone(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    slow = await world.replication.office.claim("slow")
    assert slow is not None
    await world.wait(LEASE)
    before = await world.status(FIRST)
    await world.replication._carry(slow)
    assert await world.status(FIRST) == before
    assert await arrivals(world) == 1
