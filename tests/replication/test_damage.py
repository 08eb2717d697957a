"""Damaged bytes do not travel, and what arrives heals what is damaged."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.replication.damage import FIRST, LAYER, SECOND, damage, located, spoil
from tests.replication.world import BOB, FAR, HOME, World
from twinport.metrics import names
from twinport.model.content import Digest
from twinport.model.names import Registry
from twinport.model.replication import DeliveryState, ReplicationRule


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield world
    world.close()


async def test_an_image_with_a_damaged_layer_waits_until_the_layer_is_pushed_again(world: World) -> None:
    await world.push(FIRST, "1")
    await damage(world, HOME)
    await world.deliver()
    assert (await world.status(FIRST)).state is DeliveryState.WAITING
    assert not await world.has(FAR, FIRST)
    await world.push(SECOND, "2")
    await world.wait(timedelta(seconds=2))
    assert (await world.status(FIRST)).state is DeliveryState.COMPLETE
    assert await world.has(FAR, FIRST)


async def test_a_courier_that_puts_a_layer_into_quarantine_counts_it_once(world: World) -> None:
    await world.push(FIRST, "1")
    (await located(world, HOME)).write_bytes(LAYER.upper())
    [(_, [before])] = names.QUARANTINED.numbers()
    await world.deliver()
    await world.wait(timedelta(seconds=2))
    [(_, [after])] = names.QUARANTINED.numbers()
    assert after - before == 1


async def test_a_damaged_manifest_is_not_carried_until_it_is_pushed_again(world: World) -> None:
    await world.push(FIRST, "1")
    await spoil(world, HOME, FIRST)
    await world.push(SECOND, "2")
    await world.deliver()
    assert (await world.status(FIRST)).state is DeliveryState.WAITING
    assert "its manifest is damaged" in str((await world.status(FIRST)).reason)
    assert (await world.status(SECOND)).state is DeliveryState.COMPLETE
    assert await world.tag(FAR, "1") is None
    await world.push(FIRST, "1")
    await world.wait(timedelta(seconds=2))
    assert (await world.status(FIRST)).state is DeliveryState.COMPLETE
    assert await world.has(FAR, FIRST)


async def test_an_arrival_heals_a_manifest_that_is_damaged_at_its_destination(world: World) -> None:
    await world.push(FIRST, "1")
    await world.deliver()
    await spoil(world, FAR, FIRST)
    await world.push(FIRST, "again")
    await world.deliver()
    assert await world.tag(FAR, "again") == FIRST.digest
    assert await world.has(FAR, FIRST)


async def test_an_arrival_heals_a_file_that_is_gone_before_verification_notices(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    """Another account holds the layer in the destination's Region, so it is brought, and then meets the lost one."""
    elsewhere = Registry(BOB, FAR.region)
    await world.push(FIRST, "1", to=elsewhere)
    (await located(world, elsewhere)).unlink()
    await world.push(SECOND, "2")
    await world.deliver()
    assert await world.has(FAR, SECOND)
    assert await world.has(elsewhere, FIRST)
    [said] = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "blob.healed" in line]
    assert said["digest"] == str(Digest.of(LAYER))


async def test_an_arrival_heals_what_is_damaged_at_its_destination(world: World) -> None:
    await world.push(FIRST, "1")
    await world.deliver()
    await damage(world, FAR)
    await world.push(SECOND, "2")
    await world.deliver()
    assert await world.has(FAR, SECOND)
    assert await world.has(FAR, FIRST)
