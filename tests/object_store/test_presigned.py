"""Addresses by which clients fetch blobs from the store by themselves."""

import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from email.message import Message
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.blobs.blob_store_contract import LARGE, store
from tests.fakes import REGION
from twinport.blobs.objects import ObjectBlobStore, ObjectBlobStores, Presigning
from twinport.blobs.store import StoredStream
from twinport.clock import WallClock, WorldClock
from twinport.egress.bucket import BucketAddress
from twinport.model.content import Key

LIFE = timedelta(minutes=5)


@pytest.fixture
def clock() -> WorldClock:
    return WorldClock(WallClock())


@pytest.fixture
async def target(address: BucketAddress, tmp_path: Path, clock: WorldClock) -> AsyncIterator[ObjectBlobStore]:
    presigning = Presigning(address.endpoint, LIFE, clock)
    stores = ObjectBlobStores(address, "deployment", tmp_path, presigning=presigning)
    yield stores.region(REGION)
    await stores.close()


async def presigned(target: ObjectBlobStore, key: Key) -> str:
    serving = await target.serving(key)
    assert isinstance(serving, StoredStream)
    assert serving.address is not None
    return serving.address()


async def test_a_client_fetches_bytes_and_nothing_that_a_browser_would_show(target: ObjectBlobStore) -> None:
    address = await presigned(target, (await store(target, LARGE)).key)
    status, headers, body = fetched(address)
    assert (status, body) == (200, LARGE)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == "attachment"
    status, _, body = fetched(address, {"range": "bytes=5-9"})
    assert (status, body) == (206, LARGE[5:10])


async def test_an_address_is_for_one_object_one_method_and_five_minutes(
    target: ObjectBlobStore, clock: WorldClock
) -> None:
    first, second = (await store(target, LARGE)).key, (await store(target, LARGE)).key
    address = await presigned(target, first)
    altered = (
        address.replace(first, second),
        address.replace("attachment", "inline"),
        address.replace("application%2Foctet-stream", "text%2Fhtml"),
        address.replace("X-Amz-Expires=300", "X-Amz-Expires=900"),
    )
    assert len({*altered, address}) == 5
    for each in altered:
        assert refusal(each) == 403
    for method in ("PUT", "DELETE", "POST"):
        assert refusal(address, method) == 403
    clock.advance(-LIFE - timedelta(seconds=5))
    assert refusal(await presigned(target, first)) == 403


def fetched(address: str, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, Message, bytes]:
    with urllib.request.urlopen(urllib.request.Request(address, headers=dict(headers)), timeout=30) as answer:
        return answer.status, answer.headers, answer.read()


def refusal(address: str, method: str = "GET") -> int:
    request = urllib.request.Request(address, method=method, data=b"" if method in ("PUT", "POST") else None)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=30)
    error.value.close()
    return error.value.code
