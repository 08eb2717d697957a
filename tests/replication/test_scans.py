"""A copy is scanned at its destination, if the destination says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.replication.world import FAR, FARTHER, HOME, IRELAND, NAME, OSAKA, VIRGINIA, World, image
from twinport.catalog.regional import registries, repositories, scans
from twinport.model.images import NewRepository
from twinport.model.names import RegionName
from twinport.model.replication import ReplicationRule
from twinport.model.scanning import ScanFrequency, ScanningConfiguration, ScanningRule, ScanType

IMAGE = image(b"a layer")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


async def owed(world: World, region: RegionName) -> list[str]:
    due = await world.catalog.region(region).read(lambda db: scans.due(db, region, world.catalog.now(db), 10))
    return [str(each.image.digest) for each in due]


async def test_a_copy_is_scanned_by_the_settings_of_its_destination(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR, FARTHER)))
    await world.catalog.region(VIRGINIA).write(
        lambda db: repositories.insert(db, FAR.repository(NAME), NewRepository(scan_on_push=True), world.clock.now())
    )
    await world.push(IMAGE, "1")
    assert await world.deliver() == 2
    assert await owed(world, IRELAND) == []
    assert await owed(world, VIRGINIA) == [str(IMAGE.digest)]
    assert await owed(world, OSAKA) == []


async def test_a_copy_in_a_repository_that_replication_made_is_scanned_by_a_rule_of_its_registry(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    rule = ScanningRule(ScanFrequency.SCAN_ON_PUSH, ("team*",))
    await world.catalog.region(VIRGINIA).write(
        lambda db: registries.set_scanning(db, FAR.account, ScanningConfiguration(ScanType.ENHANCED, (rule,)))
    )
    await world.push(IMAGE, "1")
    assert await world.deliver() == 1
    assert await owed(world, VIRGINIA) == [str(IMAGE.digest)]
