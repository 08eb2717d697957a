"""A repository that is deleted: gone for every reader at once, and emptied in transactions of bounded size."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.counted import CountedCatalog
from tests.fakes import REGISTRY
from tests.filled import fill
from tests.registry.dump import API, ME, OTHER, REGION, TICK, Dump, fresh, pieces_of
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import arrivals, blobs, candidates, repositories, schema, verification
from twinport.catalog.regional.verification import Scope
from twinport.errors import NotFound
from twinport.model.content import Digest
from twinport.model.images import NamedImage, NewRepository
from twinport.model.names import RepositoryName
from twinport.refusals.images import RepositoryNotFound, UploadNotFound
from twinport.registry.garbage import Garbage, Swept
from twinport.registry.repositories import Contents
from twinport.registry.uploads import Part

CONFIG, LAYER = b"config", b"a layer"
MANY, AT_ONCE = 3000, 100
OF_A_REPOSITORY = (
    schema.repository_tag,
    schema.repository_blob,
    schema.layer_review,
    schema.upload,
    schema.manifest,
    schema.manifest_child,
    schema.manifest_blob,
    schema.tag,
)


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    dump = Dump(catalog, tmp_path)
    await dump.make()
    return dump


def left(db: Connection, repository_id: int) -> int:
    """Count the rows of a repository."""
    return sum(
        len(db.execute(table.select().where(table.c.repository_id == repository_id)).all()) for table in OF_A_REPOSITORY
    )


async def test_no_transaction_of_a_large_deletion_changes_more_rows_than_its_bound(dump: Dump) -> None:
    await dump.region.write(lambda db: fill(db, API, MANY))
    owner = await dump.region.read(lambda db: repositories.get(db, REGISTRY.repository(API)).id)
    counted = CountedCatalog(dump.catalog)
    await replace(dump.repositories, catalog=counted).delete(ME, REGISTRY.repository(API), Contents.DELETED)
    assert max(counted.counts) == 1, "the deletion itself is one row"
    swept = await Garbage(counted, dump.stores, dump.retention, AT_ONCE).sweep(REGION)
    assert swept == Swept(repositories=1)
    # Each row that goes may leave one note, for the review or for the sweep; and the last row is the repository's.
    assert max(counted.counts) <= 2 * AT_ONCE + 1
    assert len(counted.counts) > MANY * 6 / AT_ONCE
    assert await dump.region.read(lambda db: left(db, owner)) == 0


async def test_a_deleted_repository_is_gone_for_every_reader_before_its_rows_are(dump: Dump) -> None:
    digest = await dump.push(CONFIG, LAYER)
    upload = await dump.begin(fresh())
    await dump.drop()
    refusals = (
        dump.layers.find(ME, REGISTRY.repository(API), Digest.of(LAYER)),
        dump.images.describe(ME, REGISTRY.repository(API), [NamedImage(str(digest))]),
        dump.uploads.status(ME, REGISTRY.repository(API), upload),
        dump.repositories.describe(ME, REGISTRY, [API]),
    )
    answers = await asyncio.gather(*refusals, return_exceptions=True)
    assert {type(answer) for answer in answers} == {RepositoryNotFound}
    assert await dump.repositories.names(ME, REGISTRY, "", 10) == [OTHER]
    assert (await dump.region.read(lambda db: repositories.reaches(db, REGISTRY.account, 2))) is False


async def test_a_deleted_repository_proves_no_layer_to_its_registry(dump: Dump) -> None:
    await dump.push(CONFIG, LAYER)
    layer, account = Digest.of(LAYER), REGISTRY.account
    await dump.drop()
    assert not await dump.mount(layer)
    assert not await dump.region.read(lambda db: blobs.of_registry(db, account, [layer]))
    assert await dump.region.read(lambda db: blobs.holders(db, account, layer, 9)) == []
    assert await dump.region.read(lambda db: arrivals.missing_blobs(db, account, [layer])) == {layer}


async def test_upkeep_names_no_deleted_repository(dump: Dump) -> None:
    await dump.push(CONFIG, LAYER)
    await dump.begin(fresh())
    await dump.drop()
    later = dump.world.now() + dump.retention.garbage_delay * 2
    assert await dump.region.read(lambda db: list(candidates.layers(db, later))) == []
    assert await dump.region.read(lambda db: list(candidates.uploads(db, later))) == []
    assert await dump.region.read(lambda db: list(candidates.blobs(db, later))) == []
    assert await dump.region.read(lambda db: verification.holders(db, Digest.of(LAYER), 9)) == []
    assert await dump.region.read(lambda db: verification.manifests_after(db, Scope(), (0, ""), 9)) == []


async def test_a_repository_of_the_same_name_is_made_at_once_and_shares_nothing(dump: Dump) -> None:
    digest = await dump.push(CONFIG, LAYER)
    upload = await dump.begin(fresh())
    await dump.drop()
    await dump.make(API)
    assert not await dump.has(Digest.of(LAYER))
    refusals = (
        dump.images.describe(ME, REGISTRY.repository(API), [NamedImage(str(digest))]),
        dump.uploads.status(ME, REGISTRY.repository(API), upload),
        dump.uploads.complete(ME, REGISTRY.repository(API), upload, Digest.of(LAYER), None),
    )
    answers = await asyncio.gather(*refusals, return_exceptions=True)
    assert [isinstance(answer, NotFound) for answer in answers] == [True, True, True]
    again = await dump.push(CONFIG, b"another layer")
    await dump.settle()
    [shown] = await dump.images.describe(ME, REGISTRY.repository(API), [NamedImage(tag="latest")])
    assert shown.digest == again
    assert await dump.stored() == {CONFIG, b"another layer"}


async def test_a_part_that_was_under_way_is_refused_after_the_deletion(dump: Dump) -> None:
    upload = await dump.begin(LAYER)

    async def deleting() -> AsyncIterator[bytes]:
        yield fresh()
        await dump.drop()
        await dump.make(API)

    with pytest.raises(RepositoryNotFound):
        await dump.uploads.append(ME, REGISTRY.repository(API), upload, Part(deleting()))
    await dump.settle()
    assert dump.files() == set()


async def test_a_layer_that_is_sent_in_one_request_enters_no_repository_that_was_made_meanwhile(dump: Dump) -> None:
    async def deleting() -> AsyncIterator[bytes]:
        yield LAYER
        await dump.drop()
        await dump.make(API)

    with pytest.raises(RepositoryNotFound):
        await dump.uploads.upload_whole(ME, REGISTRY.repository(API), Digest.of(LAYER), deleting())
    assert not await dump.has(Digest.of(LAYER))
    await dump.settle()
    assert dump.files() == set()


async def test_a_completion_that_was_under_way_is_refused_after_the_deletion(dump: Dump) -> None:
    upload = await dump.begin(LAYER)

    async def deleting() -> AsyncIterator[bytes]:
        yield b"the end"
        await dump.drop()

    with pytest.raises((RepositoryNotFound, UploadNotFound)):
        await dump.uploads.complete(
            ME, REGISTRY.repository(API), upload, Digest.of(LAYER + b"the end"), Part(deleting())
        )
    await dump.settle()
    assert dump.files() == set()


async def test_layers_of_a_deleted_repository_become_garbage_after_its_rows_went(dump: Dump) -> None:
    await dump.push(CONFIG, LAYER)
    dump.world.advance(dump.retention.garbage_delay * 2)
    await dump.drop()
    assert await dump.sweep() == Swept(repositories=1), "the delay begins when the rows go"
    assert await dump.sweep(dump.retention.garbage_delay - TICK) == Swept()
    assert await dump.sweep(TICK * 2) == Swept(blobs=2)


async def test_a_layer_that_another_repository_holds_outlives_the_deletion(dump: Dump) -> None:
    await dump.push(CONFIG, LAYER)
    await dump.push(CONFIG, LAYER, name=OTHER)
    await dump.drop()
    await dump.settle()
    assert await dump.stored() == {CONFIG, LAYER}
    assert (await dump.layers.find(ME, REGISTRY.repository(OTHER), Digest.of(LAYER))).size == len(LAYER)


async def test_two_sweepers_empty_many_repositories_together(dump: Dump) -> None:
    names = [RepositoryName(f"many/{number}") for number in range(5)]
    for name in names:
        await dump.repositories.create(ME, REGISTRY.repository(name), NewRepository(tags={"a": "b"}))
        await dump.uploads.upload_whole(ME, REGISTRY.repository(name), Digest.of(LAYER), pieces_of(LAYER))
        await dump.drop(name)
    small = replace(dump.garbage, rows_at_once=2)
    swept = await asyncio.gather(small.sweep(REGION), small.sweep(REGION))
    assert sum(each.repositories for each in swept) == len(names)
    await dump.settle()
    assert dump.files() == set()
