"""Copies out of a repository that was deleted, and into one."""

from tests.replication.world import FAR, HOME, NAME, World, image
from twinport.catalog.regional import repositories
from twinport.model.names import Registry
from twinport.model.replication import DeliveryState, FailureCode

FIRST, SECOND = image(b"layer one"), image(b"layer two")


async def drop(world: World, registry: Registry) -> None:
    owner = await world.repository(registry)
    assert owner is not None
    await world.catalog.region(registry.region).write(lambda db: repositories.remove(db, owner.id))


async def test_what_a_deleted_repository_still_owed_fails_for_want_of_the_image(world: World) -> None:
    await world.push(FIRST, "1")
    await drop(world, HOME)
    assert await world.deliver() == 1
    report = await world.status(FIRST)
    assert (report.state, report.failure_code) == (DeliveryState.FAILED, FailureCode.SOURCE_IMAGE_NOT_FOUND)
    assert await world.repository(FAR) is None


async def test_what_a_deleted_repository_owed_is_not_made_up_for_by_one_of_its_name(world: World) -> None:
    await world.push(FIRST, "1")
    await drop(world, HOME)
    await world.push(SECOND, "2")
    await world.deliver()
    assert await world.has(FAR, SECOND)
    assert not await world.has(FAR, FIRST)
    assert await world.tag(FAR, "1") is None


async def test_a_copy_into_a_deleted_repository_makes_one_of_its_own(world: World) -> None:
    await world.push(FIRST, "1")
    await world.deliver()
    old = await world.repository(FAR)
    await drop(world, FAR)
    await world.push(SECOND, "2")
    await world.deliver()
    new = await world.repository(FAR)
    assert old is not None
    assert new is not None
    assert (new.id > old.id, new.name) == (True, NAME)
    assert await world.has(FAR, SECOND)
    assert not await world.has(FAR, FIRST)


async def test_a_copy_brings_bytes_that_only_a_deleted_repository_still_holds(world: World) -> None:
    other = image(b"layer one", config=b"other")
    await world.push(FIRST, "1")
    await world.deliver()
    await drop(world, FAR)
    await world.push(other, "2")
    await world.deliver()
    [report] = await world.statuses(other)
    assert report.state is DeliveryState.COMPLETE
    assert report.bytes_carried == len(other.content) + len(b"layer one") + len(b"other")
