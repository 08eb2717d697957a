"""The whole story of copies at the end of a bad wire: it ends as it ends without one, and everything happens once."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from tests.replication.remote_double import CUT, LOST, TOGETHER, TWICE, Line, at_the_end_of
from tests.replication.world import FAR, HOME, IRELAND, VIRGINIA, Image, World, image, index
from tests.scratch import in_memory
from twinport.catalog.ports import Connection
from twinport.catalog.regional import delivery_reports, schema
from twinport.model.content import Digest
from twinport.model.names import RepositoryName
from twinport.model.replication import DeliveryReport, DeliveryState, FailureCode, ReplicationRule

# A blob of a few hundred bytes takes several calls.
SLICE = 64
COMPLETE, FAILED, WAITING = DeliveryState.COMPLETE, DeliveryState.FAILED, DeliveryState.WAITING


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one: these stories commit thousands of times."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        for name in ("near", "far"):
            (Path(folder) / name).mkdir()
        yield Path(folder)


@asynccontextmanager
async def world_of(folder: Path, line: Line | None) -> AsyncIterator[World]:
    if line is None:
        world = World(folder)
    else:
        world = World(folder, lambda local: at_the_end_of(line, local, without=IRELAND), slice_size=SLICE)
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield world
    world.close()


@dataclass(frozen=True, slots=True)
class Ending:
    """What a client can see of one repository in the end."""

    tags: dict[str, Digest | None]
    images: tuple[bool, ...]
    reports: tuple[tuple[str | None, Digest, DeliveryState, FailureCode | None], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What happens in one repository. The same seed makes the same story."""

    seed: int

    @property
    def name(self) -> RepositoryName:
        return RepositoryName(f"team/story-{self.seed}")

    async def told(self, world: World) -> Ending:
        """Push, retag and delete, with deliveries in between; return how it ended."""
        random = Random(self.seed)
        layers = [random.randbytes(random.randrange(600)) for _ in range(5)]
        one, two, three = image(layers[0]), image(layers[0], layers[1]), image(layers[2], b"", config=b'{"a":1}')
        whole, deleted = index(one, two), image(layers[3], layers[4])
        for what, tag in ((one, "1"), (two, None), (whole, "all"), (three, "1"), (one, "old"), (three, "old")):
            await world.push(what, tag, name=self.name)
            if random.random() < 3 / 4:
                await world.deliver()
        await until_nothing_is_owed(world)
        await world.push(deleted, "deleted", name=self.name)
        await world.delete(deleted, name=self.name)
        await until_nothing_is_owed(world)
        return await self._ending(world, one, two, three, whole, deleted)

    async def _ending(self, world: World, *images: Image) -> Ending:
        reports = [report for each in images for report in await self._reports(world, each)]
        return Ending(
            {tag: await world.tag(FAR, tag, self.name) for tag in ("1", "all", "old", "deleted")},
            tuple([await world.has(FAR, each, self.name) for each in images]),
            tuple((each.tag, each.digest, each.state, each.failure_code) for each in reports),
        )

    async def _reports(self, world: World, what: Image) -> list[DeliveryReport]:
        account, name, digest = HOME.account, self.name, what.digest
        return await world.catalog.region(IRELAND).read(lambda db: delivery_reports.statuses(db, account, name, digest))


async def until_nothing_is_owed(world: World) -> None:
    while (pause := await world.replication.office.next_due_in()) is not None:
        world.clock.advance(pause)
        await world.deliver()


async def named(world: World) -> set[str]:
    """Return the keys that the rows of the destination name, those to be removed included."""

    def keys(db: Connection) -> set[str]:
        tables = (schema.blob, schema.offer_blob, schema.discarded_key)
        return {key for table in tables for key in db.execute(select(table.c.key)).scalars()}

    return await world.catalog.region(VIRGINIA).read(keys)


async def deliveries(world: World, state: DeliveryState) -> set[str]:
    query = select(schema.delivery.c.id).where(schema.delivery.c.state == state.value)
    return await world.catalog.region(IRELAND).read(lambda db: set(db.execute(query).scalars()))


async def arrived(world: World) -> set[str]:
    query = select(schema.arrival.c.delivery_id)
    return await world.catalog.region(VIRGINIA).read(lambda db: set(db.execute(query).scalars()))


@pytest.mark.parametrize("seeds", [range(5), pytest.param(range(5, 30), marks=pytest.mark.large)], ids=["few", "many"])
async def test_every_story_ends_well(folder: Path, seeds: range) -> None:
    line = Line(Random(seeds.start))
    async with world_of(folder / "far", line) as far:
        for seed in seeds:
            ended = await Story(seed).told(far)
            assert ended.images == (True,) * 4 + (False,), f"story {seed}"
            assert ended.tags["1"] == ended.tags["old"] != ended.tags["all"]
            assert ended.tags["deleted"] is None
            states = {(state, code) for *_, state, code in ended.reports}
            assert states == {(COMPLETE, None), (FAILED, FailureCode.SOURCE_IMAGE_NOT_FOUND)}
    assert min(line.met[fate] for fate in (LOST, TWICE, TOGETHER, CUT)) >= 2 * len(seeds), line.met


async def test_a_story_ends_as_it_ends_without_a_wire(folder: Path) -> None:
    async with world_of(folder / "near", None) as near, world_of(folder / "far", Line(Random(8))) as far:
        for seed in (100,):
            assert await Story(seed).told(far) == await Story(seed).told(near), f"story {seed}"


async def test_each_delivery_takes_effect_once_and_leaves_no_byte_that_nothing_names(folder: Path) -> None:
    async with world_of(folder / "far", Line(Random(4))) as far:
        for seed in range(2):
            await Story(seed).told(far)
        complete, failed = await deliveries(far, COMPLETE), await deliveries(far, FAILED)
        assert not await deliveries(far, WAITING)
        assert await arrived(far) <= complete
        assert len(failed) == 2
        far.clock.advance(timedelta(hours=3))
        await far.replication.office.sweep_offers()
        assert {path.name for path in far.blob_files(VIRGINIA)} <= await named(far)
