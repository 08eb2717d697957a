"""A push and a copy read as much of a repository of many images as of one of few: counted, not timed."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, REGION, REGISTRY
from tests.landing.given import CONFIG, SOURCE, copy_of, image, offer, push_of
from tests.reading import settle_statistics, work
from tests.shelf import API, Shelf
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import repositories, schema
from twinport.catalog.regional.images import NewImage
from twinport.clock import ManualClock
from twinport.landing import copies, pushes
from twinport.model.content import Digest
from twinport.model.manifests import OCI_MANIFEST

FEW, MANY = 100, 4_000
# What a longer index and other hashes may add. A walk of all tags adds tens of thousands of steps, or 3,900 rows.
STEPS = 400
LAYERS = tuple(f"layer {number}".encode() for number in range(12))
Act = Callable[[Connection], object]


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock(NOW))
    await Shelf(catalog).make_repository()
    await Shelf(catalog).hold(CONFIG, *LAYERS)
    await Shelf(catalog).replicate_to(SOURCE)
    await catalog.region(REGION).write(lambda db: offer(db, LAYERS))
    yield catalog
    catalog.close()


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


def pushed(layer: bytes, *tags: str) -> Act:
    new = image(layer)
    return lambda db: pushes.store(db, REGISTRY.repository(API), push_of(new, *tags), new, NOW)


def copied(layer: bytes, tag: str, *manifests: NewImage) -> Act:
    return lambda db: copies.land(db, [copy_of(layer, tag, *manifests)], NOW)


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
