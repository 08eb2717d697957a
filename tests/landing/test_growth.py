"""A push and a copy read as much of a repository of many images as of one of few: counted, not timed."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, OTHER_REGION, REGION, REGISTRY
from tests.reading import settle_statistics, work
from tests.shelf import API, Shelf, image_of
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import arrivals, repositories, schema
from twinport.catalog.regional.blobs import NewBlob
from twinport.catalog.regional.images import NewImage
from twinport.clock import ManualClock
from twinport.landing import copies, pushes
from twinport.landing.copies import Copy
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest, Key
from twinport.model.images import Position
from twinport.model.manifests import OCI_MANIFEST, parse_manifest
from twinport.model.names import Registry, TagName

FEW, MANY = 100, 4_000
# What a longer index and other hashes may add. A walk of all tags adds tens of thousands of steps, or 3,900 rows.
STEPS = 400
CONFIG = b"config"
LAYERS = tuple(f"layer {number}".encode() for number in range(12))
SOURCE = Registry(REGISTRY.account, OTHER_REGION)
Act = Callable[[Connection], object]


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock(NOW))
    await Shelf(catalog).make_repository()
    await Shelf(catalog).hold(CONFIG, *LAYERS)
    await Shelf(catalog).replicate_to(SOURCE)
    await catalog.region(REGION).write(offered)
    yield catalog
    catalog.close()


def offered(db: Connection) -> None:
    """Let an offer hold the bytes of all blobs."""
    arrivals.open_offer(db, "offer", SOURCE, REGISTRY.account, NOW)
    for content in (CONFIG, *LAYERS):
        held = NewBlob(Digest.of(content), Key(f"key of {content!r}"), len(content))
        arrivals.hold(db, "offer", SOURCE, [held], NOW)


def fill(db: Connection, numbers: Sequence[int]) -> None:
    """Store images with a tag each, and as many blobs, by their rows."""
    own = {"repository_id": repositories.get(db, REGISTRY.repository(API)).id}
    digests = {number: str(Digest.of(str(number).encode())) for number in numbers}
    blobs = [{"digest": each, "key": each, "size": 1, "created_at": NOW} for each in digests.values()]
    manifests = {"media_type": OCI_MANIFEST, "content": b"{}", "image_size": 1, "pushed_at": NOW}
    tags = {"epoch": 1, "sequence": 1, "updated_at": NOW}
    db.execute(schema.manifest.insert(), [{**own, **manifests, "digest": each} for each in digests.values()])
    db.execute(
        schema.tag.insert(), [{**own, **tags, "name": f"v{number}", "digest": digests[number]} for number in numbers]
    )
    db.execute(schema.blob.insert(), blobs)
    db.execute(
        schema.repository_blob.insert(), [{**own, "digest": each, "linked_at": NOW} for each in digests.values()]
    )
    settle_statistics(db)


def image(layer: bytes) -> NewImage:
    content = image_of(CONFIG, layer)
    return NewImage(Digest.of(content), content, parse_manifest(content, None))


def pushed(layer: bytes, *tags: str) -> Act:
    new = image(layer)
    wanted = Push(new.content, None, tuple(TagName(tag) for tag in tags), None, Unchanged.ACCEPT)
    return lambda db: pushes.store(db, REGISTRY.repository(API), wanted, new, NOW)


def copied(layer: bytes, tag: str | None, *manifests: NewImage) -> Act:
    wanted = Copy(
        delivery=f"delivery of {layer!r} as {tag}",
        offer="offer",
        source=SOURCE,
        destination=REGISTRY,
        repository=API,
        digest=image(layer).digest,
        tag=None if tag is None else TagName(tag),
        position=Position(1, 1),
        manifests=manifests,
        carried_by="arn",
        may_create_repository=False,
    )
    return lambda db: copies.land(db, [wanted], NOW)


def acts(layers: Iterator[bytes], turn: str) -> dict[str, Act]:
    """Return what is done to the repository, once where it has few images and once where it has many."""
    new, moved, bare, carried = (next(layers) for _ in range(4))
    return {
        "a new image with a tag": pushed(new, f"new-{turn}"),
        "the same again": pushed(new, f"new-{turn}"),
        "a new image that takes a tag": pushed(moved, "v7"),
        "a new image without a tag": pushed(bare),
        "a copy of a new image": copied(carried, f"copied-{turn}", image(carried)),
        "a copy that takes a tag": copied(carried, f"new-{turn}"),
    }


async def costs(catalog: WholeCatalog, layers: Iterator[bytes], turn: str) -> dict[str, int]:
    region = catalog.region(REGION)
    return {name: await region.write(partial(spent, act=act)) for name, act in acts(layers, turn).items()}


def spent(db: Connection, act: Act) -> int:
    """Do it, and count SQLite's steps, or the rows that PostgreSQL read in this transaction."""
    if db.dialect.name == "sqlite":
        return work(db, act)
    before = _rows_read(db)
    act(db)
    return _rows_read(db) - before


def _rows_read(db: Connection) -> int:
    counted = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
    return int(db.execute(text(counted)).scalar_one())


async def test_what_is_read_does_not_grow_with_the_repository(catalog: WholeCatalog) -> None:
    layers = iter(LAYERS)
    region = catalog.region(REGION)
    await region.write(lambda db: fill(db, range(FEW)))
    await costs(catalog, layers, "warm")
    few = await costs(catalog, layers, "few")
    await region.write(lambda db: fill(db, range(FEW, MANY)))
    many = await costs(catalog, layers, "many")
    grown = {name: (few[name], many[name]) for name in few if many[name] > few[name] + STEPS}
    assert grown == {}, (few, many)
