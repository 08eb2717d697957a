"""What an account may leave unfinished: so many uploads, and so many bytes in them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, OTHER_ACCOUNT, REGISTRY, AllowAll, caller
from tests.upload_ids import PlainUploadIds
from twinport.blobs.files import FileBlobStores
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import repositories
from twinport.catalog.regional.uploads import UploadQuota
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import NewRepository
from twinport.model.names import Registry, RepositoryName
from twinport.refusals.images import TooManyUploadedBytes, TooManyUploads
from twinport.registry.uploads import Part, Uploads

ME, STRANGER = caller(), caller(OTHER_ACCOUNT)
ELSEWHERE = Registry(OTHER_ACCOUNT, REGISTRY.region)
NAME, OTHER_NAME = RepositoryName("team/api"), RepositoryName("team/web")


def furnish(db: Connection) -> None:
    for registry in (REGISTRY, ELSEWHERE):
        for name in (NAME, OTHER_NAME):
            repositories.insert(db, registry.repository(name), NewRepository(), NOW)


@pytest.fixture(params=ENGINES)
async def uploads(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Uploads]:
    catalog: WholeCatalog = await emptied(request, tmp_path, ManualClock())
    await catalog.region(REGISTRY.region).write(furnish)
    quota = UploadQuota(uploads=3, size=10)
    yield Uploads(catalog, FileBlobStores(tmp_path), AllowAll(), PlainUploadIds(), quota=quota)
    catalog.close()


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("blobs/*/*"))


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def begin(uploads: Uploads, content: bytes = b"a", name: RepositoryName = NAME) -> str:
    upload = await uploads.start(ME, REGISTRY.repository(name))
    if content:
        await uploads.append(ME, REGISTRY.repository(name), upload.id, Part(pieces(content)))
    return upload.id


async def test_one_upload_more_than_the_quota_is_refused_in_any_repository(uploads: Uploads) -> None:
    for name in (NAME, OTHER_NAME, NAME):
        await begin(uploads, name=name)
    for name in (NAME, OTHER_NAME):
        with pytest.raises(TooManyUploads, match="number of unfinished uploads which is '3'"):
            await begin(uploads, name=name)


async def test_an_id_counts_as_an_upload_from_its_first_byte_on(uploads: Uploads, tmp_path: Path) -> None:
    ids = [(await uploads.start(ME, REGISTRY.repository(NAME))).id for _ in range(10)]
    for each in ids[:3]:
        await uploads.append(ME, REGISTRY.repository(NAME), each, Part(pieces(b"a")))
    before = files(tmp_path)
    with pytest.raises(TooManyUploads):
        await uploads.append(ME, REGISTRY.repository(NAME), ids[3], Part(pieces(b"a")))
    assert files(tmp_path) == before


async def test_an_upload_that_is_completed_or_canceled_makes_room(uploads: Uploads) -> None:
    done, dropped, _ = [await begin(uploads, b"abc") for _ in range(3)]
    await uploads.complete(ME, REGISTRY.repository(NAME), done, Digest.of(b"abc"), None)
    await uploads.cancel(ME, REGISTRY.repository(NAME), dropped)
    await begin(uploads)
    await begin(uploads)
    with pytest.raises(TooManyUploads):
        await begin(uploads)


async def test_an_upload_counts_for_the_registry_that_holds_it_whichever_account_pushes(uploads: Uploads) -> None:
    for _ in range(3):
        upload = await uploads.start(STRANGER, REGISTRY.repository(NAME))
        await uploads.append(STRANGER, REGISTRY.repository(NAME), upload.id, Part(pieces(b"a")))
    with pytest.raises(TooManyUploads, match=REGISTRY.account):
        await begin(uploads)
    await uploads.start(STRANGER, ELSEWHERE.repository(NAME))
    await uploads.start(ME, ELSEWHERE.repository(NAME))


async def test_uploads_that_hold_their_quota_of_bytes_take_no_more(uploads: Uploads) -> None:
    full = await begin(uploads, b"0123456789")
    with pytest.raises(TooManyUploadedBytes, match="bytes which is '10'"):
        await uploads.append(ME, REGISTRY.repository(NAME), full, Part(pieces(b"more")))
    with pytest.raises(TooManyUploadedBytes):
        await begin(uploads)
    await uploads.complete(ME, REGISTRY.repository(NAME), full, Digest.of(b"0123456789"), None)
    await begin(uploads, b"more")


async def test_a_part_that_was_let_in_before_another_filled_the_quota_of_bytes_is_refused_at_its_end(
    uploads: Uploads,
) -> None:
    home, asked, goes_on = REGISTRY.repository(NAME), asyncio.Event(), asyncio.Event()
    first, second = await begin(uploads, b"1"), await begin(uploads, b"2")

    async def slow() -> AsyncIterator[bytes]:
        asked.set()
        await goes_on.wait()
        yield b"late"

    sending = asyncio.create_task(uploads.append(ME, home, second, Part(slow())))
    await asked.wait()
    await uploads.append(ME, home, first, Part(pieces(b"a part of many bytes")))
    goes_on.set()
    with pytest.raises(TooManyUploadedBytes):
        await sending


async def test_a_whole_layer_in_one_request_needs_no_place(uploads: Uploads) -> None:
    for _ in range(3):
        await begin(uploads)
    with pytest.raises(TooManyUploads):
        await begin(uploads)
    layer = await uploads.upload_whole(ME, REGISTRY.repository(NAME), Digest.of(b"abc"), pieces(b"abc"))
    assert layer.digest == Digest.of(b"abc")
    with pytest.raises(TooManyUploads):
        await begin(uploads)
