"""Rows of blobs and of uploads: who has which bytes, and what is left to sweep."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests.fakes import NOW, OTHER_ACCOUNT, REGISTRY
from tests.upload_ids import open_upload, read_upload
from twinport.catalog import pulls
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import Database
from twinport.catalog.regional import blobs, repositories, schema, uploads
from twinport.catalog.regional.blobs import NewBlob, StoredBlob
from twinport.catalog.regional.uploads import Segment
from twinport.clock import ManualClock
from twinport.model.content import Digest, Key
from twinport.model.images import NewRepository, Repository
from twinport.model.names import Registry, RepositoryName
from twinport.refusals.images import RepositoryNotFound, UploadNotFound, UploadOutOfOrder

ELSEWHERE = Registry(OTHER_ACCOUNT, REGISTRY.region)
NAME = RepositoryName("team/api")
FIRST, SECOND, THIRD = Key("aa"), Key("bb"), Key("cc")
DIGEST, OTHER_DIGEST = Digest.of(b"one"), Digest.of(b"two")
UPLOAD = "7b5f0a52-58a7-4e3e-9a0c-3d3a9d5c1f00"


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Database]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog.region(REGISTRY.region)
    catalog.close()


@pytest.fixture
async def repository(region: Database) -> Repository:
    return await region.write(lambda db: repositories.insert(db, REGISTRY.repository(NAME), NewRepository(), NOW))


def discarded(db: Connection) -> set[str]:
    return set(db.execute(select(schema.discarded_key.c.key)).scalars())


def count_of_segments(db: Connection) -> int:
    return len(db.execute(select(schema.upload_segment)).all())


def segment(first_byte: int, content: bytes, key: Key) -> Segment:
    return Segment(first_byte, len(content), key, Digest.of(content))


async def begun(region: Database, *segments: Segment) -> uploads.Upload:
    await region.write(lambda db: open_upload(db, REGISTRY.repository(NAME), UPLOAD, NOW))
    for each in segments:
        await add(region, each)
    return await under_way(region)


async def add(region: Database, new: Segment) -> None:
    upload = await under_way(region)
    await region.write(lambda db: uploads.append(db, upload, new, NOW))


async def under_way(region: Database) -> uploads.Upload:
    return await region.read(lambda db: read_upload(db, REGISTRY.repository(NAME), UPLOAD))


async def segments(region: Database, upload: uploads.Upload) -> list[Segment]:
    return await region.read(lambda db: uploads.segments(db, upload, 0, 10))


async def test_the_first_key_of_a_digest_wins_and_the_second_is_discarded(region: Database) -> None:
    assert await region.write(lambda db: blobs.record(db, NewBlob(DIGEST, FIRST, 3), NOW)) == FIRST
    assert await region.write(lambda db: blobs.record(db, NewBlob(DIGEST, SECOND, 3), NOW)) == FIRST
    assert await region.read(discarded) == {SECOND}


async def test_recording_the_same_bytes_again_discards_nothing(region: Database) -> None:
    for _ in range(2):
        assert await region.write(lambda db: blobs.record(db, NewBlob(DIGEST, FIRST, 3), NOW)) == FIRST
    assert await region.read(discarded) == set()


async def test_only_a_repository_that_holds_a_digest_can_locate_it(region: Database, repository: Repository) -> None:
    other = await region.write(lambda db: repositories.insert(db, ELSEWHERE.repository(NAME), NewRepository(), NOW))
    await region.write(lambda db: blobs.record(db, NewBlob(DIGEST, FIRST, 3), NOW))
    for _ in range(2):
        await region.write(lambda db: blobs.link(db, repository.id, DIGEST, NOW))
    assert await region.read(lambda db: pulls.blob(db, REGISTRY.repository(NAME), DIGEST).blob) == StoredBlob(FIRST, 3)
    assert await region.read(lambda db: pulls.blob(db, ELSEWHERE.repository(NAME), DIGEST).blob) is None
    assert await region.read(lambda db: blobs.held(db, repository.id, [DIGEST, OTHER_DIGEST])) == {DIGEST: 3}
    assert await region.read(lambda db: blobs.held(db, other.id, [DIGEST])) == {}


async def test_a_registry_holds_what_any_of_its_repositories_holds(region: Database, repository: Repository) -> None:
    await region.write(lambda db: blobs.record(db, NewBlob(DIGEST, FIRST, 3), NOW))
    assert not await region.read(lambda db: blobs.of_registry(db, REGISTRY.account, [DIGEST]))
    await region.write(lambda db: blobs.link(db, repository.id, DIGEST, NOW))
    assert await region.read(lambda db: blobs.of_registry(db, REGISTRY.account, [DIGEST]))
    assert not await region.read(lambda db: blobs.of_registry(db, OTHER_ACCOUNT, [DIGEST]))


@pytest.mark.usefixtures("repository")
async def test_an_upload_is_read_with_its_segments_in_order(region: Database) -> None:
    upload = await begun(region, segment(0, b"abc", FIRST), segment(3, b"de", SECOND))
    assert upload.size == 5
    assert await segments(region, upload) == [segment(0, b"abc", FIRST), segment(3, b"de", SECOND)]


@pytest.mark.usefixtures("repository")
async def test_of_two_segments_at_one_place_the_second_is_refused(region: Database) -> None:
    upload = await begun(region)
    await region.write(lambda db: uploads.append(db, upload, segment(0, b"abc", FIRST), NOW))
    with pytest.raises(UploadOutOfOrder) as refusal:
        await region.write(lambda db: uploads.append(db, upload, segment(0, b"xy", SECOND), NOW))
    assert refusal.value.size == 3
    assert await segments(region, await under_way(region)) == [segment(0, b"abc", FIRST)]


@pytest.mark.usefixtures("repository")
async def test_finishing_leaves_the_blob_its_link_and_the_other_segments_to_sweep(region: Database) -> None:
    upload = await begun(region, segment(0, b"abc", FIRST), segment(3, b"de", SECOND))
    await region.write(lambda db: uploads.finish(db, upload, NewBlob(DIGEST, THIRD, 5), NOW))
    assert await region.read(lambda db: pulls.blob(db, REGISTRY.repository(NAME), DIGEST).blob) == StoredBlob(THIRD, 5)
    assert await region.read(discarded) == {FIRST, SECOND}
    assert await region.read(count_of_segments) == 0


@pytest.mark.usefixtures("repository")
async def test_a_segment_that_becomes_the_blob_is_not_swept(region: Database) -> None:
    upload = await begun(region, segment(0, b"abc", FIRST))
    await region.write(lambda db: uploads.finish(db, upload, NewBlob(DIGEST, FIRST, 3), NOW))
    assert await region.read(lambda db: pulls.blob(db, REGISTRY.repository(NAME), DIGEST).blob) == StoredBlob(FIRST, 3)
    assert await region.read(discarded) == set()


@pytest.mark.usefixtures("repository")
async def test_an_upload_that_grew_meanwhile_is_not_finished(region: Database) -> None:
    upload = await begun(region, segment(0, b"abc", FIRST))
    await region.write(lambda db: uploads.append(db, upload, segment(3, b"de", SECOND), NOW))
    with pytest.raises(UploadOutOfOrder):
        await region.write(lambda db: uploads.finish(db, upload, NewBlob(DIGEST, FIRST, 3), NOW))
    assert await region.read(count_of_segments) == 2


@pytest.mark.usefixtures("repository")
async def test_an_upload_that_ended_cannot_be_added_to_finished_or_canceled(region: Database) -> None:
    upload = await begun(region, segment(0, b"abc", FIRST))
    await region.write(lambda db: uploads.cancel(db, REGISTRY.repository(NAME), UPLOAD, NOW))
    assert await region.read(discarded) == {FIRST}
    for late in (
        lambda db: uploads.append(db, upload, segment(3, b"de", SECOND), NOW),
        lambda db: uploads.finish(db, upload, NewBlob(DIGEST, FIRST, 3), NOW),
        lambda db: uploads.cancel(db, REGISTRY.repository(NAME), UPLOAD, NOW),
    ):
        with pytest.raises(UploadNotFound):
            await region.write(late)


@pytest.mark.usefixtures("repository")
async def test_an_upload_is_not_found_through_another_repository(region: Database) -> None:
    await begun(region)
    await region.write(
        lambda db: repositories.insert(db, REGISTRY.repository(RepositoryName("other")), NewRepository(), NOW)
    )
    with pytest.raises(UploadNotFound):
        await region.read(lambda db: read_upload(db, REGISTRY.repository(RepositoryName("other")), UPLOAD))
    with pytest.raises(RepositoryNotFound):
        await region.read(lambda db: read_upload(db, ELSEWHERE.repository(NAME), UPLOAD))
