"""One gateway for the suite, and for each test a bucket of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes import REGION
from tests.journeys.radosgw import ACCESS_KEY, SECRET, Radosgw, running
from tests.journeys.radosgw import REGION as STORE_REGION
from twinport.aws.sigv4 import Credentials
from twinport.blobs.objects import ObjectBlobStore, ObjectBlobStores
from twinport.egress.bucket import BucketAddress


@pytest.fixture(scope="session")
def radosgw() -> Iterator[Radosgw]:
    with running() as server:
        yield server


@pytest.fixture
def address(radosgw: Radosgw) -> BucketAddress:
    """An empty bucket."""
    return BucketAddress(radosgw.url, radosgw.new_bucket(), STORE_REGION, Credentials(ACCESS_KEY, SECRET))


@pytest.fixture
async def new_store(address: BucketAddress, tmp_path: Path) -> AsyncIterator[Callable[[], ObjectBlobStore]]:
    """Makes empty stores in the bucket, a new prefix at each call."""
    made: list[ObjectBlobStores] = []

    def make() -> ObjectBlobStore:
        made.append(ObjectBlobStores(address, f"deployment-{len(made)}", tmp_path))
        return made[-1].region(REGION)

    yield make
    for each in made:
        await each.close()
