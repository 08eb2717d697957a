"""The archive does not travel, and a copy that arrives takes its image out of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.replication.world import FAR, HOME, IRELAND, NAME, VIRGINIA, World, image
from twinport.catalog.regional import repositories, storage
from twinport.model.images import ImageStatus
from twinport.model.names import RegionName, Registry
from twinport.model.replication import ReplicationRule

IMAGE = image(b"a layer")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


async def archive(world: World, region: RegionName, registry: Registry) -> None:
    await world.catalog.region(region).write(
        lambda db: storage.archive(
            db, repositories.get(db, registry.repository(NAME)).id, IMAGE.digest, world.clock.now()
        )
    )


async def status(world: World, region: RegionName, registry: Registry) -> ImageStatus:
    return await world.catalog.region(region).read(
        lambda db: storage.status_of(db, repositories.get(db, registry.repository(NAME)).id, IMAGE.digest)
    )


async def test_a_copy_stays_active_when_its_source_is_archived(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(IMAGE, "1")
    assert await world.deliver() == 1
    await archive(world, IRELAND, HOME)
    assert await world.deliver() == 0
    assert await status(world, VIRGINIA, FAR) is ImageStatus.ACTIVE


async def test_a_copy_that_arrives_restores_the_archived_image(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(IMAGE, "1")
    assert await world.deliver() == 1
    await archive(world, VIRGINIA, FAR)
    await world.push(IMAGE, "2")
    assert await world.deliver() == 1
    assert await status(world, VIRGINIA, FAR) is ImageStatus.ACTIVE
    assert await status(world, IRELAND, HOME) is ImageStatus.ACTIVE
