"""Whatever happens to a repository, the rows that lists are read from are what its other rows say, on either engine."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, select

from tests.fakes import REGISTRY
from tests.registry.dump import API, ME, Dump
from tests.registry.test_lifecycle import REGION, Yard, rule
from tests.registry.test_lifecycle_beside_changes import TAGS, Clients
from tests.shelf import index_of
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import removals, repositories, schema, tag_statuses, untagged
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.landing import copies
from twinport.landing.copies import Copy
from twinport.model.content import Digest
from twinport.model.images import ImageFilter, ImageId, ImageStatus, NamedImage, Position
from twinport.model.lifecycle_policies import StorageClass
from twinport.model.manifests import parse_manifest
from twinport.model.names import RegionName, Registry, TagName
from twinport.refusals.images import ImageNotFound, StorageClassUpdateNotSupported
from twinport.registry.lifecycle_runs import INTERVAL
from twinport.registry.paging import PageRequest
from twinport.registry.repositories import Contents

STEPS, SEEDS = 50, 3
SOURCE = Registry(REGISTRY.account, RegionName("ap-south-1"))
ARCHIVING = {"type": "transition", "targetStorageClass": "archive"}
UNTAGGED = {"tagStatus": "untagged", "countNumber": 1}
RULES = (rule(1, tagStatus="tagged", tagPatternList=["v*"], countNumber=4), rule(2, ARCHIVING, **UNTAGGED))
Images = dict[tuple[int, str], tuple[object, ...]]


@dataclass
class History:
    """Steps of clients, of policies, of copies that arrive, and of deletions, one after the other."""

    yard: Yard
    random: Random
    clients: Clients = field(init=False)
    arrived: int = 0
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.clients = Clients(self.yard, self.random)

    async def step(self) -> None:
        clients = self.clients
        steps: list[Callable[[], Awaitable[object]]] = [
            *[clients.push, clients.push_untagged, clients.move_tag, self.delete, clients.untag, clients.store] * 3,
            *[self.push_index, self.untag, self.land, self.land_nameless, self.archive] * 2,
            *[self.run_policies, self.begin_to_restore, self.restore] * 3,
            self.delete_repository,
        ]
        chosen = self.random.choice(steps)
        self.taken.add(chosen.__name__)
        await chosen()

    async def delete(self) -> None:
        """Delete an image; one that an index contains stays."""
        images = self.yard.dump.images
        await self.clients.with_one(
            lambda digest: images.delete(ME, REGISTRY.repository(API), [NamedImage(str(digest))])
        )

    async def push_index(self) -> None:
        await self.clients.with_one(self.yard.push_index)

    async def untag(self) -> None:
        """Remove a tag as the registry protocol does: the image stays."""
        with suppress(ImageNotFound):
            await self.yard.dump.images.untag(ME, REGISTRY.repository(API), self.random.choice(TAGS))

    async def land(self) -> None:
        await self._land(self.random.choice(TAGS))

    async def land_nameless(self) -> None:
        await self._land(None)

    async def _land(self, tag: TagName | None) -> None:
        """Let a copy arrive: of a new image, or of one that came before, perhaps with an older position."""
        self.arrived += 1
        number = self.random.randint(1, 6)
        content = index_of(annotations={"n": str(number)})
        manifest = NewImage(Digest.of(content), content, parse_manifest(content, None))
        copy = Copy(
            delivery=f"delivery {self.arrived}",
            offer="none",
            source=SOURCE,
            destination=REGISTRY,
            repository=API,
            digest=manifest.digest,
            tag=tag,
            position=Position(1, number),
            manifests=(manifest,),
            carried_by="arn",
            may_create_repository=True,
        )
        now = self.yard.dump.world.now()
        await self.yard.dump.region.write(lambda db: copies.land(db, [copy], now))

    async def run_policies(self) -> None:
        self.yard.dump.world.advance(INTERVAL + timedelta(seconds=1))
        await self.yard.runs().look(REGION)

    async def archive(self) -> None:
        """Move an image to the archive with its tags; one that an active index contains stays."""
        with suppress(StorageClassUpdateNotSupported):
            await self.clients.with_one(self._archive)

    async def _archive(self, digest: Digest) -> None:
        await self.yard.storage.update(ME, REGISTRY.repository(API), ImageId(digest, None), StorageClass.ARCHIVE)

    async def begin_to_restore(self) -> None:
        archived = ImageFilter(status=ImageStatus.ARCHIVED)
        page = await self.yard.dump.images.list(ME, REGISTRY.repository(API), archived, PageRequest(100))
        if page.items:
            image = ImageId(self.random.choice(page.items).digest, None)
            await self.yard.storage.update(ME, REGISTRY.repository(API), image, StorageClass.STANDARD)

    async def restore(self) -> None:
        await self.yard.runs().look(REGION)

    async def delete_repository(self) -> None:
        """Delete the repository, sweep a part of what is left, and begin with an empty one."""
        dump = self.yard.dump
        await dump.repositories.delete(ME, REGISTRY.repository(API), Contents.DELETED)
        await dump.region.write(lambda db: removals.remove_some(db, dump.world.now(), self.random.randint(1, 9)))
        await dump.make(API)
        await self.yard.fill(2)
        await self.yard.put(*RULES)


@pytest.fixture
async def yard(catalog: WholeCatalog, tmp_path: Path) -> Yard:
    yard = Yard(Dump(catalog, tmp_path))
    await yard.dump.make()
    await yard.fill(4)
    await yard.put(*RULES)
    return yard


def told(db: Connection) -> tuple[Images, Images]:
    """Return the images without tags by the rows of manifests, tags and the archive; and by their own rows.

    What is left of a deleted repository does not count.
    """
    shown = select(schema.repository.c.id).where(schema.repository.c.account != OF_NO_REGISTRY)
    tags, manifests, stored, own = (
        {
            (row.repository_id, row.digest): row
            for row in db.execute(select(table).where(table.c.repository_id.in_(shown)))
        }
        for table in (schema.tag, schema.manifest, schema.image_storage, schema.untagged_image)
    )
    true: Images = {
        key: (stored[key].status if key in stored else ImageStatus.ACTIVE.value, image.pushed_at, image.image_size)
        for key, image in manifests.items()
        if key not in tags
    }
    return true, {key: (row.status, row.pushed_at, row.image_size) for key, row in own.items()}


def told_of_tags(db: Connection) -> tuple[dict[tuple[int, str], str], dict[tuple[int, str], str]]:
    """Return the status of each tag's image by the rows of the archive, and by the tag's own row."""
    shown = select(schema.repository.c.id).where(schema.repository.c.account != OF_NO_REGISTRY)
    tags = db.execute(select(schema.tag).where(schema.tag.c.repository_id.in_(shown))).all()
    stored = {(row.repository_id, row.digest): row.status for row in db.execute(select(schema.image_storage))}
    true = {
        (row.repository_id, row.name): stored.get((row.repository_id, row.digest), ImageStatus.ACTIVE.value)
        for row in tags
    }
    return true, {(row.repository_id, row.name): row.status for row in tags}


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_after_each_step_of_a_random_history_the_rows_are_what_the_others_say(yard: Yard, seed: int) -> None:
    history, statuses, of_tagged = History(yard, Random(seed)), set[object](), set[str]()
    for _ in range(STEPS):
        await history.step()
        true, own = await yard.dump.region.read(told)
        assert own == true
        assert await yard.dump.region.read(untagged.wrong) == 0
        true_of_tags, of_tags = await yard.dump.region.read(told_of_tags)
        assert of_tags == true_of_tags
        assert await yard.dump.region.read(tag_statuses.wrong) == 0
        of_tagged |= set(of_tags.values())
        statuses |= {facts[0] for facts in own.values()}
    assert {ImageStatus.ACTIVE.value, ImageStatus.ARCHIVED.value} <= statuses, "the history was of more than one kind"
    assert {ImageStatus.ACTIVE.value, ImageStatus.ARCHIVED.value} <= of_tagged
    assert len(history.taken) > 8


async def test_the_rows_of_a_deleted_repository_go_with_its_images(yard: Yard) -> None:
    dump = yard.dump
    await yard.push(50, annotations={"pushed": "without a tag"})
    assert (await dump.region.read(told))[1]
    gone = await dump.region.read(lambda db: repositories.get(db, REGISTRY.repository(API)).id)
    await dump.repositories.delete(ME, REGISTRY.repository(API), Contents.DELETED)
    await dump.garbage.sweep(REGION)
    left = select(schema.untagged_image.c.repository_id)
    assert gone not in await dump.region.read(lambda db: db.execute(left).scalars().all())
