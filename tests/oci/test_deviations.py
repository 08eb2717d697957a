"""The registry protocol as Amazon ECR speaks it: a real server with every deviation on."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.asgi import Reply
from tests.oci.test_served import Wire
from tests.served import Served, new_account, start
from tests.shelf import image_of
from twinport.model.content import Digest

CONFIG = b"{}"
TOO_MANY = "Member must have value less than or equal to 1000"
UPLOADS = "/v2/team/api/blobs/uploads/"


@pytest.fixture(scope="module")
def ecr_like(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("ecr-like") / "data", TWINPORT_FIDELITY="ecr")
    yield served
    served.stop()


@pytest.fixture
def wire(ecr_like: Served, account: str) -> Wire:
    ecr = ecr_like.client("ecr", account)
    for name in ("team/api", "team/web"):
        ecr.create_repository(repositoryName=name)
    return Wire(ecr_like.port, ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])


def upload(wire: Wire, *parts: bytes) -> Reply:
    """Send parts and complete; return the answer to the last request."""
    location = wire.ask("POST", UPLOADS).headers["location"]
    for part in parts:
        assert wire.ask("PATCH", location, part).status == 201
    return wire.ask("PUT", f"{location}?digest={Digest.of(b''.join(parts))}")


def test_a_part_is_answered_as_created(wire: Wire) -> None:
    assert upload(wire, CONFIG).status == 201


def test_a_small_part_before_the_last_is_refused_at_the_end(wire: Wire) -> None:
    reply = upload(wire, b"small", b"last")
    assert reply.error == (
        400,
        "BLOB_UPLOAD_INVALID",
        "All layer parts except the last part should be at least 5MB",
    )
    assert upload(wire, b"x" * (5 << 20), b"last").status == 201


def test_a_manifest_that_cannot_be_read_is_unsupported(wire: Wire) -> None:
    assert wire.push(b"{", "v1").error == (
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
    )


def test_lists_have_a_hundred_items_and_may_be_asked_for_a_thousand(wire: Wire, ecr_like: Served) -> None:
    too_many = wire.ask("GET", "/v2/team/api/tags/list?n=1001")
    assert too_many.error == (
        400,
        "UNSUPPORTED",
        f"Invalid parameter at 'maxResults' failed to satisfy constraint: '{TOO_MANY}'",
    )
    ecr = ecr_like.client("ecr", new_account())
    for number in range(101):
        ecr.create_repository(repositoryName=f"many/r{number:03}")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    page = Wire(ecr_like.port, token).ask("GET", "/v2/_catalog")
    assert len(page.json["repositories"]) == 100
    assert 'rel="next"' in page.headers["link"]


def test_tags_are_listed_as_text(wire: Wire) -> None:
    reply = wire.ask("GET", "/v2/team/api/tags/list")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert json.loads(reply.body) == {"name": "team/api", "tags": []}


def test_a_layer_is_fetched_by_way_of_a_presigned_address(wire: Wire) -> None:
    upload(wire, CONFIG)
    reply = wire.ask("GET", f"/v2/team/api/blobs/{Digest.of(CONFIG)}")
    assert (reply.status, reply.body) == (307, b"")
    address = urlsplit(reply.headers["location"])
    assert address.netloc == f"127.0.0.1:{wire.port}"
    assert Wire(wire.port, "").ask("GET", f"{address.path}?{address.query}").body == CONFIG
    assert wire.ask("GET", f"/v2/team/api/blobs/{Digest.of(b'nothing')}").error[1] == "BLOB_UNKNOWN"


def test_a_mount_begins_an_upload(wire: Wire) -> None:
    upload(wire, CONFIG)
    assert wire.ask("POST", f"/v2/team/web/blobs/uploads/?mount={Digest.of(CONFIG)}&from=team/api").status == 202


def test_a_layer_cannot_be_deleted(wire: Wire) -> None:
    upload(wire, CONFIG)
    reply = wire.ask("DELETE", f"/v2/team/api/blobs/{Digest.of(CONFIG)}")
    assert (reply.error[:2], reply.headers["allow"]) == ((405, "UNSUPPORTED"), "GET, HEAD")


def test_pushes_that_come_too_fast_are_told_so_by_both_doors(wire: Wire, ecr_like: Served, account: str) -> None:
    upload(wire, CONFIG)
    image = image_of(CONFIG)
    with ThreadPoolExecutor(8) as clients:
        replies = list(clients.map(lambda number: wire.push(image, f"v{number}"), range(100)))
    assert {reply.status for reply in replies} == {201, 429}
    refused = next(reply for reply in replies if reply.status == 429)
    assert refused.error == (429, "TOOMANYREQUESTS", "Rate exceeded")
    ecr = ecr_like.client("ecr", account)
    with ThreadPoolExecutor(8) as clients:
        errors = list(clients.map(lambda _: refusal_of_nothing(ecr), range(100)))
    assert ("ThrottlingException", "Rate exceeded") in errors


def refusal_of_nothing(ecr: Any) -> tuple[str, str]:  # noqa: ANN401 — boto3's clients have no type
    """Put what is no manifest, and return what is said of it."""
    with pytest.raises(ecr.exceptions.ClientError) as met:
        ecr.put_image(repositoryName="team/api", imageManifest="{")
    return met.value.response["Error"]["Code"], met.value.response["Error"]["Message"]
