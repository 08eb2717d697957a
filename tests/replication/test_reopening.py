"""What was given up because its source was damaged goes on by itself once that is healed, on either engine."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.replication.damage import FIRST, LAYER, SECOND, damage, located, note, spoil
from tests.replication.world import FAR, HOME, World, image
from twinport.catalog.regional import schema
from twinport.model.replication import DeliveryState, FailureCode, ReplicationRule
from twinport.replication.reopening import Reopening
from twinport.replication.retry import MOST_ATTEMPTS

OTHER = image(b"another layer")
INACCESSIBLE = (DeliveryState.FAILED, FailureCode.SOURCE_IMAGE_INACCESSIBLE)


async def look(world: World) -> int:
    """Look at what was given up, when it is time to."""
    rung: list[None] = []
    world.clock.advance(timedelta(minutes=6))
    opened = await Reopening(world.catalog, world.stores, lambda: rung.append(None)).look(HOME.region)
    assert len(rung) == (1 if opened else 0)
    return opened


async def give_up(world: World) -> None:
    """Try until a courier gives up. The attempts between the first and the last two are only written down."""
    await world.wait(timedelta(minutes=10))
    assert (await ended(world))[0] is DeliveryState.WAITING
    tried = update(schema.delivery).where(schema.delivery.c.attempts == 1).values(attempts=MOST_ATTEMPTS - 2)
    await world.catalog.region(HOME.region).write(lambda db: db.execute(tried).close())
    for _ in range(3):
        await world.wait(timedelta(minutes=10))
    assert await ended(world) == INACCESSIBLE
    assert await look(world) == 0
    assert await ended(world) == INACCESSIBLE


async def ended(world: World) -> tuple[DeliveryState, FailureCode | None]:
    report = await world.status(FIRST)
    return report.state, report.failure_code


async def damage_layer(world: World) -> None:
    await damage(world, HOME)


async def damage_layer_unseen(world: World) -> None:
    (await located(world, HOME)).write_bytes(LAYER.upper())


async def lose_layer_unseen(world: World) -> None:
    (await located(world, HOME)).unlink()


async def damage_manifest(world: World) -> None:
    await spoil(world, HOME, FIRST)


async def push_layer(world: World) -> None:
    await world.push(SECOND)


async def push_image_under_another_tag(world: World) -> None:
    await world.push(FIRST, "another")


async def find_it_whole(world: World) -> None:
    """A disk that was sick has the right bytes again, and verification sees it."""
    (await located(world, HOME)).write_bytes(LAYER)
    await note(world, HOME, None)


@pytest.mark.parametrize(
    ("harm", "heal"),
    [
        (damage_layer, push_layer),
        (damage_layer, find_it_whole),
        (damage_layer_unseen, push_layer),
        (lose_layer_unseen, push_layer),
        (damage_manifest, push_image_under_another_tag),
    ],
    ids=["layer", "layer found whole", "layer, unseen", "layer lost, unseen", "manifest"],
)
async def test_what_was_given_up_for_damage_goes_on_once_it_is_healed(
    world: World, harm: Callable[[World], Awaitable[None]], heal: Callable[[World], Awaitable[None]]
) -> None:
    await world.push(FIRST, "1")
    await harm(world)
    await give_up(world)
    await heal(world)
    assert await look(world) == 1
    await world.deliver()
    assert await ended(world) == (DeliveryState.COMPLETE, None)
    assert (await world.has(FAR, FIRST), await world.tag(FAR, "1")) == (True, FIRST.digest)
    assert await look(world) == 0


async def test_the_push_that_heals_a_manifest_owes_its_copy_at_once_and_nothing_opens_it_a_second_time(
    world: World,
) -> None:
    await world.push(FIRST, "1")
    await damage_manifest(world)
    await give_up(world)
    await world.push(FIRST, "1")
    assert await look(world) == 0
    assert await world.deliver() == 1
    assert await ended(world) == (DeliveryState.COMPLETE, None)
    assert await world.tag(FAR, "1") == FIRST.digest


async def test_what_was_given_up_stays_so_where_a_newer_delivery_of_the_same_stands_for_it(world: World) -> None:
    await world.push(FIRST, "1")
    await damage(world, HOME)
    await give_up(world)
    await world.push(FIRST, "1")
    assert await look(world) == 0
    assert await world.deliver() == 1
    assert await ended(world) == (DeliveryState.COMPLETE, None)


async def test_what_no_rule_asks_for_any_more_stays_given_up(world: World) -> None:
    await world.push(FIRST, "1")
    await damage(world, HOME)
    await give_up(world)
    await world.configure(HOME)
    await world.push(SECOND)
    assert await look(world) == 0
    assert await ended(world) == (DeliveryState.FAILED, FailureCode.REPLICATION_CONFIGURATION_REMOVED)
    await world.configure(HOME, ReplicationRule((FAR,)))
    assert await look(world) == 0


async def test_what_was_deleted_meanwhile_stays_given_up(world: World) -> None:
    await world.push(FIRST, "1")
    await damage(world, HOME)
    await give_up(world)
    await world.delete(FIRST)
    await world.push(SECOND)
    assert await look(world) == 0
    assert await ended(world) == (DeliveryState.FAILED, FailureCode.SOURCE_IMAGE_NOT_FOUND)


async def test_what_comes_late_moves_no_tag_that_something_newer_moved(world: World) -> None:
    await world.push(FIRST, "latest")
    await damage(world, HOME)
    await give_up(world)
    await world.push(OTHER, "latest")
    await world.deliver()
    await world.push(SECOND)
    assert await look(world) == 1
    await world.deliver()
    assert await ended(world) == (DeliveryState.COMPLETE, None)
    assert (await world.has(FAR, FIRST), await world.tag(FAR, "latest")) == (True, OTHER.digest)


async def test_what_is_given_up_again_is_looked_at_again(world: World) -> None:
    await world.push(FIRST, "1")
    await damage(world, HOME)
    await give_up(world)
    await find_it_whole(world)
    assert await look(world) == 1
    await damage_layer_unseen(world)
    await give_up(world)
    await push_layer(world)
    assert await look(world) == 1
    await world.deliver()
    assert await ended(world) == (DeliveryState.COMPLETE, None)
