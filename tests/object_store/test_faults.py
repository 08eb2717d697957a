"""A store that fails, stalls or is left in the middle: an explained refusal, and nothing that stays for ever."""

import contextlib
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.blobs.blob_store_contract import SMALL, content, store, stored_keys
from tests.fakes import REGION
from tests.journeys.radosgw import Radosgw
from twinport.aws.sigv4 import Credentials
from twinport.blobs.objects import ObjectBlobStore, ObjectBlobStores
from twinport.blobs.parts import PART, Parts
from twinport.egress.bucket import BucketAddress, BucketRequests
from twinport.model.content import Digest, Key
from twinport.refusals.images import DigestMismatch
from twinport.refusals.storage import BlobMissing, BlobUnreadable, StorageUnavailable, StoresOfAnother

PIECE = bytes(range(256)) * (4 << 10)
SOON = timedelta(days=1)


@pytest.fixture
async def target(address: BucketAddress, tmp_path: Path) -> AsyncIterator[ObjectBlobStore]:
    stores = ObjectBlobStores(address, "deployment", tmp_path)
    yield stores.region(REGION)
    await stores.close()


async def test_a_prefix_belongs_to_the_first_catalog_that_claims_it(address: BucketAddress, tmp_path: Path) -> None:
    async with opened(address, "deployment", tmp_path) as ours, opened(address, "deployment", tmp_path) as theirs:
        await ours.claim("ours")
        await theirs.claim("ours")
        with pytest.raises(StoresOfAnother, match="a prefix of its own"):
            await theirs.claim("theirs")
        assert await ours.with_blobs() == []
    async with opened(address, "another", tmp_path) as stores:
        await stores.claim("theirs")


@asynccontextmanager
async def opened(address: BucketAddress, prefix: str, folder: Path) -> AsyncIterator[ObjectBlobStores]:
    stores = ObjectBlobStores(address, prefix, folder)
    yield stores
    await stores.close()


async def pieces(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield PIECE


def unfinished(radosgw: Radosgw, address: BucketAddress) -> int:
    """Count the uploads under way, as another client sees them."""
    return len(radosgw.client().list_multipart_uploads(Bucket=address.bucket).get("Uploads", []))


async def test_a_large_blob_is_stored_in_parts_and_read_back(target: ObjectBlobStore) -> None:
    written = await store(target, *[PIECE] * 21, b"and a bit")
    assert written.digest == Digest.of(PIECE * 21 + b"and a bit")
    assert await content(target.read(written.key)) == PIECE * 21 + b"and a bit"


async def test_a_blob_of_whole_parts_is_stored(target: ObjectBlobStore) -> None:
    written = await store(target, *[PIECE] * (2 * PART // len(PIECE)))
    assert await target.size(written.key) == 2 * PART


async def test_a_large_blob_of_another_digest_leaves_nothing(
    target: ObjectBlobStore, radosgw: Radosgw, address: BucketAddress
) -> None:
    async with target.create() as writer:
        async for piece in pieces(20):
            await writer.write(piece)
        with pytest.raises(DigestMismatch):
            await writer.finish_as(Digest.of(b"something else"))
    assert await stored_keys(target) == set()
    assert unfinished(radosgw, address) == 0


async def test_what_a_killed_process_left_is_removed_once_it_is_old(
    target: ObjectBlobStore, radosgw: Radosgw, address: BucketAddress
) -> None:
    key = Key("a0" * 16)
    radosgw.client().create_multipart_upload(Bucket=address.bucket, Key=target.path(key))
    radosgw.client().create_multipart_upload(Bucket=address.bucket, Key=f"elsewhere/{key}")
    assert await target.give_up_unfinished(datetime.now(UTC) - SOON) == 0
    assert unfinished(radosgw, address) == 2
    assert await target.give_up_unfinished(datetime.now(UTC) + SOON) == 1
    assert unfinished(radosgw, address) == 1


async def test_more_than_a_page_of_what_was_left_is_listed(
    target: ObjectBlobStore, radosgw: Radosgw, address: BucketAddress
) -> None:
    client = radosgw.client()
    paths = [target.path(Key(f"{number // 2:032x}")) for number in range(11)]
    begun = {client.create_multipart_upload(Bucket=address.bucket, Key=path)["UploadId"] for path in paths}
    requests = BucketRequests(address)
    assert {each.upload async for each in Parts(requests, {}, page=3).unfinished("deployment/")} == begun
    await requests.close()


async def test_many_bodies_that_stall_hold_little_memory(target: ObjectBlobStore) -> None:
    tracemalloc.start()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(40):
            writer = await stack.enter_async_context(target.create())
            for _ in range(5):
                await writer.write(PIECE)
        held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The budget of bodies that are collected whole, and a batch each.
    assert held < (32 << 20) + 40 * (1 << 20)


async def test_a_store_that_dies_meanwhile_refuses_and_works_again(target: ObjectBlobStore, radosgw: Radosgw) -> None:
    before = await store(target, SMALL)
    radosgw.kill()
    try:
        with pytest.raises(StorageUnavailable):
            await store(target, *[PIECE] * 20)
        with pytest.raises(BlobUnreadable):
            await target.size(before.key)
        assert not await target.is_there()
    finally:
        radosgw.start()
    assert await content(target.read(before.key)) == SMALL
    assert (await store(target, *[PIECE] * 20)).size == 20 * len(PIECE)


async def test_a_read_goes_on_where_a_dying_store_broke_it_off(target: ObjectBlobStore, radosgw: Radosgw) -> None:
    original = [PIECE] * 64
    key = (await store(target, *original)).key
    read = bytearray()
    async for piece in target.read(key):
        read += piece
        if len(read) == len(piece):
            radosgw.kill()
            radosgw.start()
    assert bytes(read) == b"".join(original)


async def test_a_store_that_holds_everything_up_is_not_healthy(
    radosgw: Radosgw, address: BucketAddress, tmp_path: Path
) -> None:
    stores = ObjectBlobStores(address, "deployment", tmp_path)
    await stores.check()
    radosgw.pause()
    try:
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await stores.check()
    finally:
        radosgw.resume()
    await stores.check()
    await stores.close()


@pytest.mark.parametrize("original", [SMALL, PIECE * 20], ids=["small", "large"])
@pytest.mark.parametrize("broken", ["secret", "bucket"])
async def test_a_store_that_refuses_is_reported(
    address: BucketAddress, tmp_path: Path, original: bytes, broken: str
) -> None:
    wrong = {
        "secret": BucketAddress(address.endpoint, address.bucket, address.region, Credentials("testkey", "wrong")),
        "bucket": BucketAddress(address.endpoint, "no-such-bucket", address.region, address.credentials),
    }[broken]
    stores = ObjectBlobStores(wrong, "deployment", tmp_path)
    with pytest.raises(StorageUnavailable) as refusal:
        await store(stores.region(REGION), original)
    assert "wrong" not in str(refusal.value)
    with pytest.raises(StorageUnavailable):
        await stores.check()
    assert not await stores.region(REGION).is_there()
    await stores.close()


async def test_the_credentials_of_the_environment_are_not_used(
    address: BucketAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, word in (
        ("AWS_ACCESS_KEY_ID", "another"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_SKIP_SIGNATURE", "true"),
        ("AWS_BUCKET", "another"),
        ("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms"),
    ):
        monkeypatch.setenv(name, word)
    stores = ObjectBlobStores(address, "deployment", tmp_path)
    target = stores.region(REGION)
    for original in (SMALL, PIECE * 20):
        written = await store(target, original)
        assert await content(target.read(written.key)) == original
    await stores.close()


async def test_a_blob_whose_object_was_cut_short_is_missing_where_it_ends(
    target: ObjectBlobStore, radosgw: Radosgw, address: BucketAddress
) -> None:
    key = (await store(target, PIECE)).key
    radosgw.client().put_object(Bucket=address.bucket, Key=target.path(key), Body=PIECE[:100])
    with pytest.raises(BlobMissing):
        await content(target.read(key, 0, len(PIECE)))
    with pytest.raises(BlobMissing):
        await content(target.read(key, 200, 100))


async def test_objects_that_are_not_ours_are_not_listed(
    target: ObjectBlobStore, radosgw: Radosgw, address: BucketAddress
) -> None:
    key = (await store(target, SMALL)).key
    place = target.path(key).rpartition("/")[0]
    for name in (f"{place}/notes", f"{place}/deeper/{key}", f"{place}/{'g' * 32}", f"{place}x/{key}"):
        radosgw.client().put_object(Bucket=address.bucket, Key=name, Body=b"a person's")
    assert await stored_keys(target) == {key}
