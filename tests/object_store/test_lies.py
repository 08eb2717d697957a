"""A store that answers late, wrongly, twice or not at all: nothing is lost, and nothing is said of what is there."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from tests.blobs.blob_store_contract import content, store
from tests.fakes import REGION
from tests.object_store.lying_store import BUCKET, LyingStore, lying
from twinport.blobs.bucket import Bucket
from twinport.blobs.object_writing import Sending
from twinport.blobs.objects import ObjectBlobStore, ObjectBlobStores
from twinport.blobs.parts import PART
from twinport.blobs.writing import Budget
from twinport.processes.pools import BLOBS
from twinport.refusals.storage import BlobMissing, StorageUnavailable

PIECE = bytes(range(256)) * (4 << 10)


def open_files(folder: Path) -> int:
    """Count this process's open files of a folder, with or without a name."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found += str(each.readlink()).startswith(f"{folder}/")
    return found


@pytest.fixture
async def liar() -> AsyncIterator[LyingStore]:
    async with lying() as found:
        yield found


@pytest.fixture
async def target(liar: LyingStore, tmp_path: Path) -> AsyncIterator[ObjectBlobStore]:
    stores = ObjectBlobStores(liar.address, "deployment", tmp_path)
    yield stores.region(REGION)
    await stores.close()


@pytest.fixture
async def bucket(liar: LyingStore) -> AsyncIterator[Bucket]:
    found = Bucket(liar.address)
    yield found
    await found.close()


async def test_a_large_blob_is_stored_and_read(target: ObjectBlobStore) -> None:
    written = await store(target, *[PIECE] * 20)
    assert await content(target.read(written.key)) == PIECE * 20


async def test_a_part_that_fails_after_its_client_is_gone_is_no_error_of_the_loop(
    target: ObjectBlobStore, liar: LyingStore
) -> None:
    failed = asyncio.Event()

    async def refuse_parts(request: web.Request, _body: bytes) -> web.StreamResponse | None:
        if "partNumber" not in request.query:
            return None
        failed.set()
        return web.Response(status=403)

    liar.lie = refuse_parts
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
    async with target.create() as writer:
        for _ in range(PART // len(PIECE) + 1):
            await writer.write(PIECE)
        await failed.wait()
        # The answer takes a few turns of the loop, and then the part has failed.
        await asyncio.sleep(0.1)
    del writer
    gc.collect()
    assert reported == []


async def test_a_part_that_never_had_its_turn_leaves_no_file_open(bucket: Bucket, tmp_path: Path) -> None:
    target = ObjectBlobStore(bucket, "blobs", Sending(tmp_path, Budget(0), turns=0))
    before = open_files(tmp_path)
    async with target.create() as writer:
        for _ in range(PART // len(PIECE) + 1):
            await writer.write(PIECE)
        assert open_files(tmp_path) == before + 2
    await BLOBS.run(lambda: None)
    assert open_files(tmp_path) == before


async def test_a_read_goes_on_though_the_store_cannot_even_tell_the_size_meanwhile(
    target: ObjectBlobStore, liar: LyingStore
) -> None:
    key = (await store(target, PIECE)).key
    refused: list[str] = []

    async def refuse(request: web.Request, _body: bytes) -> web.StreamResponse | None:
        refused.append(request.method)
        return web.Response(status=400) if len(refused) < 3 else None

    liar.lie = refuse
    assert await content(target.read(key, 0, len(PIECE))) == PIECE
    assert len(refused) >= 3


async def test_an_answer_that_ends_early_without_an_error_says_nothing_of_the_object(
    target: ObjectBlobStore, liar: LyingStore
) -> None:
    key = (await store(target, PIECE)).key
    asked: list[str] = []

    async def cut(request: web.Request, _body: bytes) -> web.StreamResponse | None:
        if request.method != "GET":
            return None
        asked.append(request.headers["range"])
        if len(asked) > 1:
            return None
        response = web.StreamResponse(status=206)
        response.headers["Content-Range"] = f"bytes 0-{len(PIECE) - 1}/{len(PIECE)}"
        response.headers["ETag"] = '"tag"'
        response.headers["Last-Modified"] = "Tue, 01 Dec 2026 00:00:00 GMT"
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(PIECE[: 300 << 10])
        await response.write_eof()
        return response

    liar.lie = cut
    assert await content(target.read(key, 0, len(PIECE))) == PIECE
    assert len(asked) > 1


async def test_an_object_that_ends_early_is_missing_where_it_ends(target: ObjectBlobStore, liar: LyingStore) -> None:
    key = (await store(target, PIECE)).key
    liar.objects[target.path(key)] = PIECE[:100]
    with pytest.raises(BlobMissing):
        await content(target.read(key, 0, len(PIECE)))


async def test_a_marker_is_not_written_over_because_the_store_failed_for_a_moment(
    target: ObjectBlobStore, liar: LyingStore
) -> None:
    hidden: list[str] = []

    async def hide(request: web.Request, _body: bytes) -> web.StreamResponse | None:
        # A store that does not find an object is asked twice.
        if request.method == "HEAD" and len(hidden) < 2:
            hidden.append(request.path)
            liar.objects[request.path.removeprefix(f"/{BUCKET}/")] = b"first"
            return web.Response(status=404)
        return web.Response(status=503) if "if-none-match" in request.headers else None

    liar.lie = hide
    assert await target.owner("second") == "first"


async def test_one_of_two_catalogs_gets_a_prefix_of_a_store_without_conditions(
    liar: LyingStore, tmp_path: Path
) -> None:
    both_asked = asyncio.Event()

    async def together(request: web.Request, _body: bytes) -> web.StreamResponse | None:
        """Answer neither catalog before both have asked what is there."""
        if [method for method, _ in liar.asked] == ["HEAD", "HEAD"]:
            both_asked.set()
        if request.method == "HEAD":
            await both_asked.wait()
        return None

    liar.lie = together
    stores = [ObjectBlobStores(liar.address, "deployment", tmp_path) for _ in range(2)]
    claims = [each.claim(f"catalog {number}") for number, each in enumerate(stores)]
    said = await asyncio.gather(*claims, return_exceptions=True)
    for each in stores:
        await each.close()
    assert sorted(type(each).__name__ for each in said) == ["NoneType", "StoresOfAnother"]


async def test_a_proxy_of_the_environment_is_not_used(
    liar: LyingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    stores = ObjectBlobStores(liar.address, "deployment", tmp_path)
    key = (await store(stores.region(REGION), b"content")).key
    assert await content(stores.region(REGION).read(key)) == b"content"
    await stores.close()


@pytest.mark.parametrize(
    "page",
    [
        "<R><Upload><Key>a</Key><UploadId>b</UploadId><Initiated>yesterday</Initiated></Upload></R>",
        "<R><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker></R>",
    ],
)
async def test_a_list_that_makes_no_sense_is_refused(target: ObjectBlobStore, liar: LyingStore, page: str) -> None:
    async def listed(_request: web.Request, _body: bytes) -> web.StreamResponse | None:
        return web.Response(text=page)

    liar.lie = listed
    async with asyncio.timeout(5):
        with pytest.raises(StorageUnavailable):
            await target.give_up_unfinished(datetime.now(UTC))
