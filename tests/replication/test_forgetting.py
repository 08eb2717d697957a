"""What is forgotten of copies, and that none takes effect late because of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Table, func, select

from tests.breaking import Breaking
from tests.counted import CountedCatalog
from tests.replication.world import FAR, HOME, World, image
from twinport.catalog.ports import Database, WholeCatalog
from twinport.catalog.regional import forgetting as rows
from twinport.catalog.regional import outbox, schema
from twinport.model.names import RegionName, Registry
from twinport.model.replication import DeliveryState, FailureCode
from twinport.refusals.storage import StorageUnavailable
from twinport.replication.forgetting import Forgetting
from twinport.settings.retention import Retention

pytestmark = pytest.mark.large

T = TypeVar("T")
FIRST, SECOND, THIRD = image(b"layer one"), image(b"layer two"), image(b"layer three")
AGE, DAY = Retention().history_age, timedelta(days=1)
TABLES = (schema.delivery, schema.arrival, schema.applied_position)


async def forget(world: World, after: timedelta = timedelta()) -> int:
    """Let time pass, and go through everything."""
    world.clock.advance(after)
    forgetting = Forgetting(world.catalog, Retention())
    return sum([await forgetting.look(registry.region) for registry in (HOME, FAR)])


async def kept(world: World, registry: Registry) -> dict[str, int]:
    def count(db: Connection) -> dict[str, int]:
        return {table.name: db.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES}

    return await world.catalog.region(registry.region).read(count)


async def test_the_newest_delivery_of_an_image_tag_and_destination_is_kept_while_the_image_exists(world: World) -> None:
    for tag in ("1", "2", "1"):
        await world.push(FIRST, tag)
        await world.push(SECOND, tag)
        await world.deliver()
    newest = await world.statuses(FIRST)
    assert await forget(world, AGE - DAY) == 0
    await forget(world, DAY * 2)
    # Of six deliveries those are left that are the newest of two images under two tags.
    assert (await kept(world, HOME))["delivery"] == 4
    assert await world.statuses(FIRST) == newest


async def test_the_deliveries_of_an_image_that_is_gone_are_forgotten_after_their_time(world: World) -> None:
    await world.push(FIRST, "1")
    await world.push(SECOND, "2")
    await world.deliver()
    await world.delete(FIRST)
    await forget(world, AGE - DAY)
    assert (await kept(world, HOME))["delivery"] == 2
    await forget(world, DAY * 2)
    assert (await kept(world, HOME))["delivery"] == 1
    assert len(await world.statuses(SECOND)) == 1


async def test_what_waits_or_goes_on_by_itself_is_never_forgotten(world: World) -> None:
    await world.push(FIRST, "1")
    await world.push(SECOND, "2")
    batch = await world.replication.office.claim("ann")
    assert batch is not None
    damaged = batch.deliveries[0]
    now, code = world.clock.now(), FailureCode.SOURCE_IMAGE_INACCESSIBLE
    await world.catalog.region(HOME.region).write(
        lambda db: outbox.fail(db, damaged.id, "ann", now, code=code, reason="damaged")
    )
    await world.delete(FIRST)
    await world.delete(SECOND)
    for _ in range(3):
        assert await forget(world, AGE * 2) == 0
    assert (await kept(world, HOME))["delivery"] == 2


async def test_a_copy_that_is_tried_again_after_years_does_not_land_twice(world: World) -> None:
    await world.push(FIRST, "1")
    assert await world.replication.office.claim("a slow process")
    await world.wait(timedelta(minutes=1))
    arrived = await kept(world, FAR)
    await reopen(world)
    for _ in range(3):
        await forget(world, AGE * 2)
    assert await kept(world, FAR) == arrived, "the source may still try it"
    before = await position(world, FAR)
    await world.deliver()
    assert (await world.status(FIRST)).state is DeliveryState.COMPLETE
    assert await position(world, FAR) == before, "nothing landed again"
    await forget(world, AGE - DAY)
    assert (await kept(world, FAR))["arrival"] == 1
    await forget(world, DAY * 2)
    assert (await kept(world, FAR))["arrival"] == 0


async def test_a_late_copy_does_not_move_a_tag_back_however_late(world: World) -> None:
    await world.push(FIRST, "1")
    assert await world.replication.office.claim("a slow process")
    await world.push(SECOND, "1")
    await world.deliver()
    for _ in range(3):
        await forget(world, AGE * 2)
    assert (await kept(world, FAR))["applied_position"] == 1
    await world.deliver()
    assert await world.tag(FAR, "1") == SECOND.digest


async def test_a_position_is_forgotten_when_nothing_older_can_have_come_for_its_time(world: World) -> None:
    await world.push(FIRST, "1")
    await world.deliver()
    assert await forget(world, AGE * 3) >= 1, "the arrival"
    assert (await kept(world, FAR))["applied_position"] == 1, "it was seen for the first time that nothing older waits"
    await forget(world, AGE - DAY)
    assert (await kept(world, FAR))["applied_position"] == 1
    await forget(world, DAY * 2)
    assert (await kept(world, FAR))["applied_position"] == 0


async def test_a_position_that_advances_restarts_its_time(world: World) -> None:
    await world.push(FIRST, "1")
    await world.deliver()
    await forget(world, DAY * 2)
    world.clock.advance(AGE * 2)
    await world.push(SECOND, "1")
    await world.deliver()
    await forget(world)
    assert (await kept(world, FAR))["applied_position"] == 1


async def test_nothing_is_forgotten_of_a_source_that_cannot_be_asked(world: World) -> None:
    await world.push(FIRST, "1")
    await world.deliver()
    await forget(world, DAY * 2)
    before = await kept(world, FAR)
    world.clock.advance(AGE * 2)
    with pytest.raises(StorageUnavailable):
        await Forgetting(Severed(world.catalog), Retention()).look(FAR.region)
    assert await kept(world, FAR) == before


async def test_no_step_changes_more_rows_than_its_bound_and_a_round_goes_on_where_it_was(world: World) -> None:
    many, at_once = 1000, 50
    await world.push(FIRST, "1")
    await world.deliver()
    await world.catalog.region(HOME.region).write(lambda db: multiply(db, schema.delivery, "id", many))
    await world.catalog.region(FAR.region).write(lambda db: multiply(db, schema.arrival, "delivery_id", many))
    await world.catalog.region(FAR.region).write(lambda db: multiply(db, schema.applied_position, "tag", many))
    await world.delete(FIRST)
    await forget(world, DAY * 2)
    world.clock.advance(AGE + DAY)
    with pytest.raises(StorageUnavailable):
        await Forgetting(Breaking(world.catalog, 30), Retention(), at_once).look(FAR.region)
    left = await kept(world, FAR)
    assert 0 < left["arrival"] < many, "it broke off in the middle"
    counted = CountedCatalog(world.catalog)
    for registry in (HOME, FAR):
        await Forgetting(counted, Retention(), at_once).look(registry.region)
    assert max(counted.counts) <= at_once
    assert await kept(world, HOME) == {"delivery": 0, "arrival": 0, "applied_position": 0}
    assert await kept(world, FAR) == {"delivery": 0, "arrival": 0, "applied_position": 0}


async def test_where_a_round_goes_on_does_not_depend_on_what_was_forgotten(world: World) -> None:
    await world.push(FIRST, "1")
    await world.push(SECOND, "2")
    await world.push(THIRD, "3")
    region, before = world.catalog.region(HOME.region), world.clock.now()
    seen, place = 0, ""
    while True:
        step = await region.write(lambda db, place=place: rows.forget_deliveries(db, place, before, 1))  # type: ignore[misc]
        seen, place = seen + 1, step.place
        if not place:
            break
    assert (seen, step.forgotten) == (4, 0)


# --- doubles ----------------------------------------------------------------------------------------------


def multiply(db: Connection, table: Table, column: str, many: int) -> None:
    """Let a table have many rows like its only one."""
    row = db.execute(table.select()).mappings().one()
    db.execute(table.insert(), [{**row, column: f"{number:06}"} for number in range(many - 1)])


async def reopen(world: World) -> None:
    """Let the source wait again for a copy that has landed, as if it had never heard of it."""
    waiting = {"state": "waiting", "settled_at": None, "lease_holder": None, "lease_until": None}
    now = world.clock.now()
    lane = (await world.status(FIRST)).destination

    def change(db: Connection) -> None:
        db.execute(schema.delivery.update().values(**waiting, due_at=now))
        db.execute(schema.lane.update().where(schema.lane.c.destination_region == lane.region).values(due_at=now))

    await world.catalog.region(HOME.region).write(change)


async def position(world: World, registry: Registry) -> int:
    query = select(schema.registry.c.sequence).where(schema.registry.c.account == registry.account)
    return await world.catalog.region(registry.region).read(lambda db: db.execute(query).scalar_one())


@dataclass(frozen=True)
class Unreachable:
    async def read(self, query: Callable[[Connection], T]) -> T:
        raise StorageUnavailable(f"the database is away; {query} is not answered")

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        raise StorageUnavailable(f"the database is away; {transaction} is not done")


class Severed:
    """A catalog whose source Region cannot be reached."""

    def __init__(self, catalog: WholeCatalog) -> None:
        self._catalog = catalog
        self.partition, self.now, self.regions = catalog.partition, catalog.now, catalog.regions

    def region(self, name: RegionName) -> Database:
        return Unreachable() if name == HOME.region else self._catalog.region(name)
