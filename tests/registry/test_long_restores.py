"""Images with many tags, and indexes with many parts: what one transaction of a restore writes is bounded."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.counted import CountedCatalog
from tests.fakes import ACCOUNT, NOW, REGISTRY, AllowAll
from tests.registry.dump import API, ME, REGION, Dump
from tests.registry.test_lifecycle import Killed, Mortal
from tests.shelf import image_of, index_of
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import images, registries, repositories, schema, untagged
from twinport.landing.pushes import Push, Unchanged
from twinport.landing.rules import DELIVERIES_AT_ONCE, PARTS_AT_ONCE
from twinport.landing.terms import Parts
from twinport.model.content import Digest
from twinport.model.images import ImageId, ImageStatus, NamedImage, Position
from twinport.model.lifecycle_policies import StorageClass
from twinport.model.names import RegionName, Registry, TagName
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.registry.images import Images
from twinport.registry.scanning import Scanning
from twinport.registry.storage_classes import StorageClasses
from twinport.registry.storage_moves import StorageMoves

CONFIG, LAYER = b"config", b"a layer"
IMAGE = image_of(CONFIG, LAYER)
FAR = tuple(Registry(ACCOUNT, RegionName(name)) for name in ("us-east-1", "us-east-2", "us-west-1", "us-west-2"))
MANY = 400
# What a transaction writes besides: the image, its status, the registry's counter, one row for each lane.
OTHERS = len(FAR) + 10


@dataclass
class Yard:
    """A repository whose images are owed to four destinations, over a catalog that counts rows."""

    dump: Dump
    counted: CountedCatalog = field(init=False)

    def __post_init__(self) -> None:
        self.counted = CountedCatalog(self.dump.catalog)
        self.images = Images(AllowAll(), self.counted, lambda: None)
        self.storage = StorageClasses(AllowAll(), self.counted, lambda: None)

    async def push(self, *tags: str, content: bytes = IMAGE, parts: Parts = Parts.REQUIRED) -> Digest:
        named = tuple(TagName(tag) for tag in tags)
        push = Push(content, None, named, None, Unchanged.ACCEPT, parts)
        return (await self.images.put(ME, REGISTRY.repository(API), push)).digest

    async def tag(self, digest: Digest, many: int) -> None:
        """Give an image many tags, each at a position of its own."""

        def move(db: Connection) -> None:
            home = repositories.get(db, REGISTRY.repository(API))
            taken = registries.next_positions(db, ACCOUNT, many)
            images.move_tags(db, home.id, digest, dict(zip(names(many), taken, strict=True)), NOW)

        await self.dump.region.write(move)

    async def replicate(self) -> None:
        rules = ReplicationConfiguration((ReplicationRule(FAR),))
        await self.dump.region.write(lambda db: registries.set_replication(db, ACCOUNT, rules, "AROA"))
        self.counted.counts.clear()

    async def move(self, digest: Digest, target: StorageClass) -> None:
        await self.storage.update(ME, REGISTRY.repository(API), ImageId(digest, None), target)

    async def restore(self, digest: Digest) -> None:
        await self.move(digest, StorageClass.STANDARD)
        await self.loop()

    async def loop(self) -> None:
        await end_restores(self.counted)

    async def status(self, digest: Digest) -> ImageStatus:
        (detail,) = await self.dump.images.describe(ME, REGISTRY.repository(API), [NamedImage(str(digest))])
        return detail.status

    async def owed(self) -> list[tuple[str, str | None, Position]]:
        """Return what is owed: to which Region, under which tag, at which position."""

        def query(db: Connection) -> list[tuple[str, str | None, Position]]:
            rows = db.execute(select(schema.delivery))
            return [(row.destination_region, row.tag, Position(row.epoch, row.sequence)) for row in rows]

        return sorted(await self.dump.region.read(query), key=str)

    async def each_tag_once(self) -> list[tuple[str, str | None, Position]]:
        """Return what is to be owed once for each tag that there is, at its own position."""

        def query(db: Connection) -> list[tuple[str, str | None, Position]]:
            rows = db.execute(select(schema.tag)).all()
            return [(far.region, row.name, Position(row.epoch, row.sequence)) for row in rows for far in FAR]

        return sorted(await self.dump.region.read(query), key=str)

    async def counters(self) -> dict[str, int]:
        lane = schema.lane
        query = select(lane.c.destination_region, lane.c.waiting)
        return await self.dump.region.read(lambda db: {row[0]: row[1] for row in db.execute(query)})


def names(many: int) -> list[str]:
    return [f"t{number:04}" for number in range(many)]


@pytest.fixture
async def yard(catalog: WholeCatalog, tmp_path: Path) -> Yard:
    yard = Yard(Dump(catalog, tmp_path))
    await yard.dump.make()
    for content in (CONFIG, LAYER):
        await yard.dump.upload(content)
    return yard


async def test_a_push_with_many_tags_writes_each_lane_once(yard: Yard) -> None:
    await yard.replicate()
    await yard.push(*names(100))
    assert await yard.owed() == await yard.each_tag_once()
    assert max(yard.counted.counts) <= 100 + 100 * len(FAR) + OTHERS
    assert await yard.counters() == {far.region: 100 for far in FAR}
    assert len({position for _, _, position in await yard.owed()}) == 100, "one position for each change"


async def test_no_transaction_of_a_restore_owes_more_than_its_bound(yard: Yard) -> None:
    digest = await yard.push()
    await yard.tag(digest, MANY)
    await yard.replicate()
    await yard.move(digest, StorageClass.ARCHIVE)
    await yard.restore(digest)
    assert await yard.owed() == await yard.each_tag_once()
    assert max(yard.counted.counts) <= DELIVERIES_AT_ONCE + OTHERS
    assert await yard.counters() == {far.region: MANY for far in FAR}
    assert await yard.status(digest) is ImageStatus.ACTIVE


@pytest.mark.parametrize("committed", [0, 2])
async def test_a_restore_that_is_killed_between_two_transactions_stays_under_way_and_is_ended(
    yard: Yard, committed: int
) -> None:
    digest = await yard.push()
    await yard.tag(digest, MANY)
    await yard.replicate()
    await yard.move(digest, StorageClass.ARCHIVE)
    await yard.move(digest, StorageClass.STANDARD)
    mortal = Mortal(yard.dump.catalog, committed)
    with pytest.raises(Killed):
        await end_restores(mortal)
    assert await yard.status(digest) is ImageStatus.ACTIVATING
    await yard.loop()
    assert await yard.status(digest) is ImageStatus.ACTIVE
    assert await yard.owed() == await yard.each_tag_once()


async def test_a_push_of_an_archived_image_with_many_tags_is_answered_when_all_is_owed(yard: Yard) -> None:
    digest = await yard.push()
    await yard.tag(digest, MANY)
    await yard.replicate()
    await yard.move(digest, StorageClass.ARCHIVE)
    assert await yard.push("t0001", "one-more") == digest
    assert await yard.status(digest) is ImageStatus.ACTIVE
    assert len(await yard.each_tag_once()) == (MANY + 1) * len(FAR)
    assert await yard.owed() == await yard.each_tag_once()
    assert max(yard.counted.counts) <= DELIVERIES_AT_ONCE + OTHERS


async def test_a_sparse_image_with_many_tags_that_becomes_whole_owes_all_in_bounded_transactions(yard: Yard) -> None:
    other = image_of(CONFIG, b"it comes later")
    digest = await yard.push(content=other, parts=Parts.SPARSE)
    await yard.tag(digest, MANY)
    await yard.replicate()
    await yard.dump.upload(b"it comes later")
    await yard.push(content=other)
    assert await yard.owed() == await yard.each_tag_once()
    assert max(yard.counted.counts) <= DELIVERIES_AT_ONCE + OTHERS
    (detail,) = await yard.dump.images.describe(ME, REGISTRY.repository(API), [NamedImage(str(digest))])
    assert (detail.status, detail.archived_at, detail.activated_at) == (ImageStatus.ACTIVE, None, None)


async def test_no_transaction_restores_more_parts_of_an_index_than_its_bound(yard: Yard) -> None:
    many = PARTS_AT_ONCE + 100
    await Scanning(AllowAll(), yard.dump.catalog, lambda: None).set_scan_on_push(
        ME, REGISTRY.repository(API), value=True
    )
    inner, outer = await yard.push(content=index_of()), await yard.push(content=index_of(index_of()))
    # Statistics from before the many came: with them, PostgreSQL must not pair each part with each.
    await yard.dump.region.write(lambda db: db.exec_driver_sql("ANALYZE"))
    await yard.dump.region.write(lambda db: archive_parts(db, inner, many))
    for digest in (outer, inner):
        await yard.move(digest, StorageClass.ARCHIVE)
    yard.counted.counts.clear()
    await yard.restore(outer)
    # The status of a part, the same among images without tags, and its scan; the other transactions are smaller.
    assert max(yard.counted.counts) <= 3 * PARTS_AT_ONCE + OTHERS
    assert {await yard.status(digest) for digest in (outer, inner)} == {ImageStatus.ACTIVE}
    assert await yard.dump.region.read(statuses) == {ImageStatus.ACTIVE.value: many + 2}
    assert await yard.dump.region.read(lambda db: len(db.execute(select(schema.scan)).all())) == many


def archive_parts(db: Connection, index: Digest, many: int) -> None:
    """Store many scannable images in the archive, as parts of an index."""
    mine = {"repository_id": repositories.get(db, REGISTRY.repository(API)).id}
    digests = [str(Digest.of(name.encode())) for name in names(many)]
    blank = {"media_type": "x", "content": b"", "image_size": 1, "pushed_at": NOW}
    config = {"config_media_type": "application/vnd.oci.image.config.v1+json"}
    db.execute(schema.manifest.insert(), [{**mine, **blank, **config, "digest": each} for each in digests])
    archived = {"status": ImageStatus.ARCHIVED.value, "archived_at": NOW}
    db.execute(schema.image_storage.insert(), [{**mine, **archived, "digest": each} for each in digests])
    db.execute(schema.manifest_child.insert(), [{**mine, "parent": str(index), "child": each} for each in digests])
    untagged.review(db, mine["repository_id"], digests)


def statuses(db: Connection) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in db.execute(select(schema.image_storage.c.status)).scalars():
        found[status] = found.get(status, 0) + 1
    return found


async def end_restores(catalog: Any) -> None:  # noqa: ANN401 — a catalog
    """End every restore, as the loop does."""
    moves = StorageMoves(catalog, "ann", asyncio.Event(), lambda: None)
    while await moves.end_restores(REGION):
        pass
