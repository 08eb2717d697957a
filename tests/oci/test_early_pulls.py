"""Which requests begin a read of a Region before their client is known: pulls of clients that were admitted before."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes import ACCOUNT, OTHER_ACCOUNT, REGION, REGISTRY
from twinport.http.messages import Request
from twinport.model.addresses import address_of
from twinport.model.content import Digest
from twinport.model.images import ImageId
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName, TagName
from twinport.oci.early_pulls import EarlyPulls
from twinport.registry.pull_reads import Wanted

DIGEST = Digest.of(b"layer")
ADMITTED = "Basic of-a-client-that-was-admitted"
HERE, API = "127.0.0.1:4566", RepositoryName("team/api")


class Remembering:
    def remembered(self, authorization: str | None) -> Registry | None:
        return REGISTRY if authorization == ADMITTED else None


@dataclass
class Noting:
    """Stands for the reads of pulls, and notes what is begun."""

    wanted: list[Wanted] = field(default_factory=list)

    def begun(self, wanted: Wanted) -> AbstractContextManager[None]:
        self.wanted.append(wanted)
        return nullcontext()


def begun(method: str, path: str, host: str = HERE, authorization: str = ADMITTED) -> list[Wanted]:
    async def receive() -> dict[str, Any]:
        raise AssertionError("the body of a request is not read early")

    headers = (("host", host), ("authorization", authorization))
    request = Request(method, path, path, "", headers, "127.0.0.1", "http", "1", receive)
    noting = Noting()
    early = EarlyPulls(Remembering(), noting, [REGION, RegionName("us-east-1")])  # type: ignore[arg-type]  # notes alone
    with early.begun(request, address_of(host)):
        return noting.wanted


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_manifest_is_read_early_by_its_tag_and_by_its_digest(method: str) -> None:
    repository = REGISTRY.repository(API)
    assert begun(method, "/v2/team/api/manifests/v1") == [Wanted(repository, ImageId(None, TagName("v1")))]
    assert begun(method, f"/v2/team/api/manifests/{DIGEST}") == [Wanted(repository, ImageId(DIGEST, None))]


def test_a_blob_is_read_early_only_to_be_served() -> None:
    assert begun("GET", f"/v2/team/api/blobs/{DIGEST}") == [Wanted(REGISTRY.repository(API), DIGEST)]
    assert begun("HEAD", f"/v2/team/api/blobs/{DIGEST}") == []


def test_the_registry_is_that_of_the_address() -> None:
    other = Registry(AccountId(OTHER_ACCOUNT), RegionName("us-east-1"))
    of_the_host = f"{OTHER_ACCOUNT}.dkr.ecr.us-east-1.localhost:4566"
    for found in (
        begun("GET", "/v2/team/api/manifests/v1", host=of_the_host),
        begun("GET", f"/v2/{OTHER_ACCOUNT}/us-east-1/team/api/manifests/v1"),
    ):
        assert [each.repository for each in found] == [other.repository(API)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v2/team/api/manifests/v1"),
        ("DELETE", "/v2/team/api/manifests/v1"),
        ("POST", "/v2/team/api/blobs/uploads/"),
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/team/api/tags/list"),
        ("GET", f"/v2/team/api/referrers/{DIGEST}"),
        ("GET", "/v2/team/api/blobs/uploads/1"),
    ],
)
def test_no_other_request_begins_a_read(method: str, path: str) -> None:
    assert begun(method, path) == []


@pytest.mark.parametrize("path", ["Team/Api/manifests/v1", "team/api/manifests/sha256:1", "team/api/blobs/v1", "a%2Fb"])
def test_what_the_door_will_refuse_begins_no_read(path: str) -> None:
    assert begun("GET", f"/v2/{path}") == []


def test_a_region_that_is_not_served_is_not_read() -> None:
    assert begun("GET", "/v2/team/api/manifests/v1", host=f"{ACCOUNT}.dkr.ecr.eu-north-1.localhost:4566") == []


def test_a_stranger_begins_no_read() -> None:
    assert begun("GET", "/v2/team/api/manifests/v1", authorization="Basic of-a-stranger") == []
