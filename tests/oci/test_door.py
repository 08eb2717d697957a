"""The registry protocol's door: manifests, tags, referrers and the catalog, in both forms of address."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.asgi import Reply, ask
from tests.creation import create_on_push
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT, OTHER_REGION, REGION, AllowAll, DenyAll, caller
from tests.shelf import Shelf, entry, image_of, index_of
from tests.upload_ids import PlainUploadIds
from twinport.access.gate import Gate
from twinport.blobs.files import FileBlobStores
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import Catalog
from twinport.clock import ManualClock
from twinport.http.admission import admission_of
from twinport.model.content import Digest
from twinport.model.identities import Caller, Origin
from twinport.model.images import Mutability, TagRule
from twinport.model.manifests import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from twinport.model.names import RegionName, Registry, RepositoryName
from twinport.oci.blobs import BlobRoutes
from twinport.oci.door import OciDoor
from twinport.oci.listings import Listings
from twinport.oci.manifests import ManifestRoutes
from twinport.refusals.callers import RegistryTokenExpired, RegistryTokenInvalid, RegistryTokenMissing
from twinport.registry.images import Images
from twinport.registry.layers import Layers
from twinport.registry.mounts import Mounts
from twinport.registry.referrers import Referrers
from twinport.registry.repositories import Repositories
from twinport.registry.uploads import Uploads

CONFIG, LAYER = b"config", b"layer"
FIRST, SECOND = image_of(CONFIG, LAYER), image_of(CONFIG, LAYER, LAYER)
HOST_OF_REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.localhost:4566"
REST = "and cannot be overwritten because the repository is immutable."
SPELLED_OUT = f"/v2/{ACCOUNT}/{REGION}/team/api"


class PlainTokens:
    """Tokens that say in clear whose they are: `Basic ACCOUNT/REGION`."""

    async def open(self, authorization: str | None, origin: Origin, only_region: RegionName | None) -> Caller:
        del origin
        match (authorization or "").removeprefix("Basic ").split("/"):
            case [""]:
                raise RegistryTokenMissing
            case [account, region] if only_region in (None, region):
                return caller(account, region)
            case ["expired"]:
                raise RegistryTokenExpired
            case _:
                raise RegistryTokenInvalid


@dataclass(frozen=True)
class Client:
    """A client of one registry, at the edge unless it is told another host."""

    door: OciDoor
    token: str = f"{ACCOUNT}/{REGION}"

    async def ask(
        self, method: str, target: str, body: bytes = b"", host: str = "127.0.0.1:4566", **headers: str
    ) -> Reply:
        sent = [("authorization", f"Basic {self.token}")] if self.token else []
        sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
        return await ask(self.door, method, target, body=body, headers=sent, host=host)

    async def push(self, content: bytes, reference: str, prefix: str = "/v2/team/api") -> Reply:
        return await self.ask("PUT", f"{prefix}/manifests/{reference}", content)


def door_of(catalog: Catalog, folder: Path, gate: Gate) -> OciDoor:
    clock, stores, regions = ManualClock(NOW), FileBlobStores(folder), (REGION, OTHER_REGION)
    images, creation = Images(gate, catalog, lambda: None), create_on_push(catalog, gate, clock)
    return OciDoor(
        admission=admission_of((), None, ()),
        tokens=PlainTokens(),
        world=clock,
        regions=regions,
        manifests=ManifestRoutes(images, creation),
        blobs=BlobRoutes(
            Uploads(catalog, stores, gate, PlainUploadIds()),
            Mounts(gate, catalog),
            Layers(catalog, stores, gate, clock),
            creation,
        ),
        listings=Listings(images, Referrers(gate, catalog), Repositories(gate, catalog, clock, regions)),
    )


@asynccontextmanager
async def closing_shelf(folder: Path) -> AsyncIterator[Shelf]:
    catalog = EmbeddedCatalog(folder, ManualClock())
    shelf = Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG, LAYER)
    yield shelf
    catalog.close()


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with closing_shelf(tmp_path) as shelf:
        yield shelf


@pytest.fixture
def client(shelf: Shelf, tmp_path: Path) -> Client:
    return Client(door_of(shelf.catalog, tmp_path, AllowAll()))


# For refusals, which change nothing: one catalog serves them all.
SHARED = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refusing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Shelf, Client]]:
    folder = tmp_path_factory.mktemp("refusing")
    async with closing_shelf(folder) as shelf:
        yield shelf, Client(door_of(shelf.catalog, folder, AllowAll()))


@pytest.fixture
def refuser(refusing: tuple[Shelf, Client]) -> Client:
    return refusing[1]


# --- who asks ---------------------------------------------------------------------------------------------


async def test_good_credentials_are_answered_with_a_version(client: Client) -> None:
    for path in ("/v2/", "/v2"):
        reply = await client.ask("GET", path)
        assert (reply.status, reply.body) == (200, b"{}")
        assert reply.headers["docker-distribution-api-version"] == "registry/2.0"


@SHARED
@pytest.mark.parametrize(
    "path", ["/v2/", "/v2/team/api/manifests/v1", "/v2/_catalog", "/v2/no/such/place", "/v2/A/../b"]
)
async def test_without_credentials_every_path_asks_for_them(refuser: Client, path: str) -> None:
    reply = await Client(refuser.door, "").ask("GET", path)
    assert (reply.status, reply.body) == (401, b"Not Authorized\n")
    assert reply.headers["www-authenticate"] == 'Basic realm="http://127.0.0.1:4566/",service="ecr.amazonaws.com"'


async def test_an_expired_token_is_told_so(client: Client) -> None:
    reply = await Client(client.door, "expired").ask("GET", "/v2/")
    assert reply.error == (403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")


async def test_a_token_of_another_region_is_good_at_the_edge_and_not_at_a_host(client: Client) -> None:
    stranger = Client(client.door, f"{ACCOUNT}/{OTHER_REGION}")
    assert (await stranger.ask("GET", f"{SPELLED_OUT}/tags/list")).status == 200
    reply = await stranger.ask("GET", "/v2/team/api/tags/list", host=HOST_OF_REGISTRY)
    assert reply.error[:2] == (403, "DENIED")


async def test_a_caller_without_permission_hears_denied_and_never_not_found(shelf: Shelf, tmp_path: Path) -> None:
    client = Client(door_of(shelf.catalog, tmp_path, DenyAll()))
    for path in ("/v2/team/api/manifests/v1", "/v2/no/such/manifests/v1", "/v2/no/such/tags/list", "/v2/_catalog"):
        status, code, message = (await client.ask("GET", path)).error
        assert (status, code) == (403, "DENIED")
        assert message.startswith(f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: ecr:")


async def test_every_answer_is_only_bytes_to_a_browser(client: Client) -> None:
    await client.push(FIRST, "v1")
    for path in ("/v2/", "/v2/team/api/manifests/v1", "/v2/team/api/tags/list", "/v2/team/api/manifests/v9", "/v2/x"):
        headers = (await client.ask("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
        assert headers["x-request-id"] == "request-1"


# --- manifests --------------------------------------------------------------------------------------------


async def test_a_manifest_is_pulled_as_it_was_pushed(client: Client) -> None:
    digest = str(Digest.of(FIRST))
    reply = await client.push(FIRST, "v1")
    assert (reply.status, reply.body) == (201, b"")
    assert reply.headers["location"] == f"/v2/team/api/manifests/{digest}"
    assert reply.headers["docker-content-digest"] == digest
    for reference in ("v1", digest, digest.replace(":", "%3A")):
        pulled = await client.ask("GET", f"/v2/team/api/manifests/{reference}", accept="text/html")
        assert (pulled.status, pulled.body) == (200, FIRST)
        assert pulled.headers["content-type"] == OCI_MANIFEST
        assert pulled.headers["docker-content-digest"] == digest
        looked = await client.ask("HEAD", f"/v2/team/api/manifests/{reference}")
        assert (looked.status, looked.body) == (200, b"")
        assert looked.headers == pulled.headers
        assert looked.headers["content-length"] == str(len(FIRST))


async def test_a_manifest_that_the_client_has_is_not_sent_again(client: Client) -> None:
    await client.push(FIRST, "v1")
    etag = (await client.ask("GET", "/v2/team/api/manifests/v1")).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        reply = await client.ask("GET", "/v2/team/api/manifests/v1", if_none_match=known)
        assert (reply.status, reply.body) == (304, b"")
    assert (await client.ask("GET", "/v2/team/api/manifests/v1", if_none_match='"other"')).status == 200


async def test_the_media_type_may_come_as_a_header_alone(client: Client) -> None:
    content = FIRST.replace(f'"mediaType": "{OCI_MANIFEST}", "config"'.encode(), b'"config"')
    assert content != FIRST
    path = "/v2/team/api/manifests/v1"
    assert (await client.ask("PUT", path, content, content_type=f"{DOCKER_MANIFEST}; charset=utf-8")).status == 201
    assert (await client.ask("GET", path)).headers["content-type"] == DOCKER_MANIFEST


async def test_a_subject_is_acknowledged(client: Client) -> None:
    subject = str(Digest.of(b"nowhere"))
    reply = await client.push(index_of(subject=entry(b"nowhere", OCI_MANIFEST)), "v1")
    assert reply.headers["oci-subject"] == subject


async def test_the_same_push_again_succeeds(client: Client) -> None:
    assert [(await client.push(FIRST, "v1")).status for _ in range(2)] == [201, 201]


async def test_an_immutable_tag_is_refused_in_the_words_of_ecr(shelf: Shelf, client: Client) -> None:
    other = Shelf(shelf.catalog, name=RepositoryName("fixed"))
    await other.make_repository(TagRule(Mutability.IMMUTABLE))
    await other.hold(CONFIG, LAYER)
    assert (await client.push(FIRST, "v1", "/v2/fixed")).status == 201
    for content in (FIRST, SECOND):
        assert (await client.push(content, "v1", "/v2/fixed")).error == (
            400,
            "TAG_INVALID",
            f"The image tag 'v1' already exists in the 'fixed' repository {REST}",
        )


@SHARED
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "MANIFEST_INVALID"),
        (b"{", 400, "MANIFEST_INVALID"),
        (FIRST.replace(b"manifest.v1", b"manifest.v9"), 400, "MANIFEST_INVALID"),
        (FIRST.replace(b'"size": 5', b'"size": -5'), 400, "MANIFEST_INVALID"),
        (FIRST.replace(b'"size": 5', b'"size": 6'), 400, "MANIFEST_INVALID"),
        (FIRST.replace(b"sha256:", b"sha255:"), 400, "DIGEST_INVALID"),
        (image_of(b"nowhere"), 400, "MANIFEST_BLOB_UNKNOWN"),
        (index_of(b"nowhere"), 400, "MANIFEST_BLOB_UNKNOWN"),
        (FIRST.ljust(5 << 20), 413, "SIZE_INVALID"),
    ],
)
async def test_bad_content_is_refused_and_changes_nothing(
    refusing: tuple[Shelf, Client], content: bytes, status: int, code: str
) -> None:
    shelf, client = refusing
    before = await shelf.count()
    assert (await client.push(content, "v1")).error[:2] == (status, code)
    assert await shelf.count() == before


@SHARED
@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (str(Digest.of(SECOND)), "DIGEST_INVALID"),
        ("sha256:" + "A" * 64, "DIGEST_INVALID"),
        ("sha256:", "DIGEST_INVALID"),
        (".hidden", "TAG_INVALID"),
        ("t" * 129, "TAG_INVALID"),
        ("%2e%2e", "TAG_INVALID"),
        ("v%00", "TAG_INVALID"),
    ],
)
async def test_bad_references_are_refused(refuser: Client, reference: str, code: str) -> None:
    assert (await refuser.push(FIRST, reference)).error[:2] == (400, code)


@SHARED
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/Team/api/manifests/v1", 400, "NAME_INVALID"),
        ("/v2/../api/manifests/v1", 400, "NAME_INVALID"),
        ("/v2/%2e%2e/api/manifests/v1", 400, "NAME_INVALID"),
        ("/v2/team//api/manifests/v1", 400, "NAME_INVALID"),
        (f"/v2/{'a' * 300}/manifests/v1", 400, "NAME_INVALID"),
        (f"/v2/{ACCOUNT}/{REGION}/manifests/v1", 400, "NAME_INVALID"),
        ("/v2/team%2Fapi/manifests/v1", 404, "NAME_INVALID"),
        ("/v2/team/api/nothing/v1", 404, "NAME_INVALID"),
        ("/v2/team/api/_catalog", 404, "NAME_INVALID"),
        ("/v2/no/such/manifests/v1", 404, "NAME_UNKNOWN"),
        ("/v2/team/api/manifests/v9", 404, "MANIFEST_UNKNOWN"),
        ("/v2/no/such/tags/list", 404, "NAME_UNKNOWN"),
    ],
)
async def test_bad_paths_are_refused(refuser: Client, path: str, status: int, code: str) -> None:
    assert (await refuser.ask("GET", path)).error[:2] == (status, code)


@SHARED
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2/team/api/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("PUT", "/v2/team/api/blobs/sha256:0", "GET, HEAD, DELETE"),
        ("PUT", "/v2/team/api/tags/list", "GET, HEAD"),
        ("PUT", "/v2/", "GET, HEAD"),
        ("DELETE", "/v2/_catalog", "GET, HEAD"),
    ],
)
async def test_other_methods_are_refused(refuser: Client, method: str, path: str, allowed: str) -> None:
    reply = await refuser.ask(method, path)
    assert reply.error[:2] == (405, "UNSUPPORTED")
    assert reply.headers["allow"] == allowed


async def test_a_push_by_digest_takes_tags_as_parameters(client: Client) -> None:
    for digest in (Digest.of(FIRST), Digest.of(FIRST, "sha512")):
        reply = await client.push(FIRST, f"{digest}?tag=v1&tag=v2&tag=v1")
        assert (reply.status, reply.headers["oci-tag"]) == (201, "v1, v2")
        for tag in ("v1", "v2"):
            found = await client.ask("GET", f"/v2/team/api/manifests/{tag}")
            assert (found.body, found.headers["docker-content-digest"]) == (FIRST, str(digest))


async def test_a_tag_among_several_that_cannot_be_taken_refuses_the_push(client: Client) -> None:
    second = Digest.of(SECOND)
    for wrong in ("v2&tag=", "v2&tag=-v3"):
        assert (await client.push(SECOND, f"{second}?tag={wrong}")).error[:2] == (400, "TAG_INVALID")
    many = "&tag=".join(f"t{number}" for number in range(101))
    assert (await client.push(SECOND, f"{second}?tag={many}")).error[:2] == (414, "UNSUPPORTED")
    assert (await client.push(SECOND, "v2?tag=v3")).error[:2] == (400, "UNSUPPORTED")
    assert (await client.ask("GET", "/v2/team/api/manifests/v2")).status == 404
    assert (await client.ask("GET", f"/v2/team/api/manifests/{second}")).status == 404


async def test_a_deleted_tag_leaves_its_image_and_a_deleted_digest_takes_its_tags(client: Client) -> None:
    digest = Digest.of(FIRST)
    for tag in ("v1", "v2"):
        await client.push(FIRST, tag)
    assert (await client.ask("DELETE", "/v2/team/api/manifests/v1")).status == 202
    assert (await client.ask("DELETE", "/v2/team/api/manifests/v1")).error[:2] == (404, "MANIFEST_UNKNOWN")
    assert (await client.ask("GET", f"/v2/team/api/manifests/{digest}")).status == 200
    assert (await client.ask("DELETE", f"/v2/team/api/manifests/{digest}")).status == 202
    assert (await client.ask("GET", "/v2/team/api/manifests/v2")).error[:2] == (404, "MANIFEST_UNKNOWN")


async def test_a_layer_is_deleted_unless_an_image_names_it(client: Client) -> None:
    path = f"/v2/team/api/blobs/{Digest.of(LAYER)}"
    assert (await client.push(FIRST, "v1")).status == 201
    assert (await client.ask("DELETE", path)).error[:2] == (405, "UNSUPPORTED")
    assert (await client.ask("DELETE", f"/v2/team/api/manifests/{Digest.of(FIRST)}")).status == 202
    assert (await client.ask("DELETE", path)).status == 202
    assert (await client.ask("DELETE", path)).error[:2] == (404, "BLOB_UNKNOWN")


async def test_a_part_of_an_index_cannot_be_deleted(client: Client) -> None:
    digest = Digest.of(FIRST)
    await client.push(FIRST, str(digest))
    await client.push(index_of(FIRST), "multi")
    assert (await client.ask("DELETE", f"/v2/team/api/manifests/{digest}")).error[:2] == (405, "UNSUPPORTED")


# --- lists ------------------------------------------------------------------------------------------------


async def test_tags_come_in_pages_that_link_to_the_next(client: Client) -> None:
    for tag in ("c", "a", "b"):
        await client.push(FIRST, tag)
    reply = await client.ask("GET", "/v2/team/api/tags/list")
    assert reply.json == {"name": "team/api", "tags": ["a", "b", "c"]}
    assert "link" not in reply.headers
    first = await client.ask("GET", "/v2/team/api/tags/list?n=2")
    assert first.json["tags"] == ["a", "b"]
    assert first.headers["link"] == '</v2/team/api/tags/list?n=2&last=b>; rel="next"'
    last = await client.ask("GET", "/v2/team/api/tags/list?n=2&last=b")
    assert last.json["tags"] == ["c"]
    assert "link" not in last.headers
    assert (await client.ask("GET", "/v2/team/api/tags/list?n=0")).json["tags"] == []
    assert (await client.ask("GET", "/v2/team/api/tags/list?n=5000")).json["tags"] == ["a", "b", "c"]


@SHARED
@pytest.mark.parametrize("n", ["-1", "", "x", "1.5", "9" * 5000, "%C2%B2", "&".join(["1"] * 200)])
async def test_a_number_that_is_none_is_refused(refuser: Client, n: str) -> None:
    many = n.replace("&", "&n=")
    assert (await refuser.ask("GET", f"/v2/team/api/tags/list?n={many}")).error[:2] == (400, "UNSUPPORTED")


async def test_the_catalog_lists_the_registry_that_is_meant(shelf: Shelf, client: Client) -> None:
    await Shelf(shelf.catalog, name=RepositoryName("web")).make_repository()
    there = Registry(OTHER_ACCOUNT, OTHER_REGION)
    await Shelf(shelf.catalog, there, RepositoryName("away")).make_repository()
    assert (await client.ask("GET", "/v2/_catalog")).json == {"repositories": ["team/api", "web"]}
    assert (await client.ask("GET", "/v2/_catalog", host=HOST_OF_REGISTRY)).json["repositories"] == ["team/api", "web"]
    spelled_out = await client.ask("GET", f"/v2/{there}/_catalog")
    assert spelled_out.json == {"repositories": [f"{there}/away"]}
    lead = f"{ACCOUNT}/{REGION}"
    first = await client.ask("GET", f"/v2/{lead}/_catalog?n=1")
    assert first.headers["link"] == f'</v2/{lead}/_catalog?n=1&last={lead}/team/api>; rel="next"'
    second = await client.ask("GET", f"/v2/{lead}/_catalog?n=1&last={lead}/team/api")
    assert second.json == {"repositories": [f"{lead}/web"]}


async def test_referrers_are_an_index_made_on_the_spot(client: Client) -> None:
    await client.push(FIRST, "v1")
    subject = entry(FIRST, OCI_MANIFEST)
    bill = image_of(CONFIG, artifactType="application/bill", subject=subject, annotations={"by": "me"})
    seal = image_of(CONFIG, artifactType="application/seal", subject=subject)
    for content in (bill, seal):
        await client.push(content, str(Digest.of(content)))
    path = f"/v2/team/api/referrers/{Digest.of(FIRST)}"
    reply = await client.ask("GET", path)
    assert reply.headers["content-type"] == OCI_INDEX
    assert "oci-filters-applied" not in reply.headers
    assert {each["digest"] for each in reply.json["manifests"]} == {str(Digest.of(bill)), str(Digest.of(seal))}
    filtered = await client.ask("GET", f"{path}?artifactType=application/bill")
    assert filtered.headers["oci-filters-applied"] == "artifactType"
    assert filtered.json["manifests"] == [
        {
            **entry(bill, OCI_MANIFEST),
            "artifactType": "application/bill",
            "annotations": {"by": "me"},
        }
    ]


async def test_nothing_refers_to_what_was_never_pushed(client: Client) -> None:
    reply = await client.ask("GET", f"/v2/team/api/referrers/{Digest.of(b'nowhere')}")
    assert reply.json == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    assert (await client.ask("GET", "/v2/team/api/referrers/v1")).error[:2] == (400, "DIGEST_INVALID")
    assert (await client.ask("GET", f"/v2/no/such/referrers/{Digest.of(b'')}")).error[:2] == (404, "NAME_UNKNOWN")


# --- the two forms of address -----------------------------------------------------------------------------


async def test_one_login_reaches_every_registry_at_the_edge_in_the_callers_form(shelf: Shelf, client: Client) -> None:
    there = Shelf(shelf.catalog, Registry(OTHER_ACCOUNT, OTHER_REGION))
    await there.make_repository()
    await there.hold(CONFIG, LAYER)
    prefix = f"/v2/{OTHER_ACCOUNT}/{OTHER_REGION}/team/api"
    reply = await client.push(FIRST, "v1", prefix)
    assert reply.headers["location"] == f"{prefix}/manifests/{Digest.of(FIRST)}"
    assert (await client.ask("GET", reply.headers["location"])).body == FIRST
    tags = await client.ask("GET", f"{prefix}/tags/list?n=1")
    assert tags.json == {"name": f"{OTHER_ACCOUNT}/{OTHER_REGION}/team/api", "tags": ["v1"]}
    assert (await client.ask("GET", "/v2/team/api/manifests/v1")).error[:2] == (404, "MANIFEST_UNKNOWN")


async def test_a_host_names_its_registry_whatever_the_token_says(client: Client) -> None:
    await client.push(FIRST, "v1")
    stranger = Client(client.door, f"{OTHER_ACCOUNT}/{REGION}")
    reply = await stranger.ask("GET", "/v2/team/api/tags/list", host=HOST_OF_REGISTRY)
    assert reply.json == {"name": "team/api", "tags": ["v1"]}
    at_home = await stranger.ask("GET", "/v2/team/api/tags/list")
    assert at_home.error[:2] == (404, "NAME_UNKNOWN")


async def test_a_host_of_a_registry_does_not_read_registries_from_paths(client: Client) -> None:
    reply = await client.ask("GET", f"{SPELLED_OUT}/tags/list", host=HOST_OF_REGISTRY)
    assert reply.error[:2] == (404, "NAME_UNKNOWN")


async def test_at_a_host_of_a_region_that_is_not_served_no_token_is_valid(client: Client) -> None:
    elsewhere = Client(client.door, f"{ACCOUNT}/eu-nowhere-1")
    reply = await elsewhere.ask("GET", "/v2/api/tags/list", host=f"{ACCOUNT}.dkr.ecr.eu-nowhere-1.localhost")
    assert reply.error[:2] == (403, "DENIED")


async def test_policies_hear_of_the_region_that_is_asked(shelf: Shelf, tmp_path: Path) -> None:
    heard: list[str] = []

    class Listening(AllowAll):
        async def authorize(self, caller: Caller, *_rest: object, **_more: object) -> None:
            heard.append(caller.origin.region)

    client = Client(door_of(shelf.catalog, tmp_path, Listening()))
    await client.ask("GET", f"/v2/{ACCOUNT}/{OTHER_REGION}/team/api/tags/list")
    await client.ask("GET", "/v2/team/api/tags/list")
    await client.ask("GET", f"/v2/{ACCOUNT}/{OTHER_REGION}/_catalog")
    assert heard == [OTHER_REGION, REGION, OTHER_REGION]


# --- anything ---------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "X"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?"), max_size=40),
    st.sampled_from(["", "/manifests/v1", "/tags/list", "/referrers/sha256:0", "/_catalog"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
    st.binary(max_size=40),
)
async def test_no_request_is_a_defect(
    client: Client, method: str, path: str, suffix: str, query: str, body: bytes
) -> None:
    reply = await client.ask(method, f"/v2/{path}{suffix}?{query}", body)
    assert reply.status != 500
    if reply.status >= 400 and method != "HEAD":
        json.loads(reply.body)


async def test_a_defect_is_answered_without_its_words(client: Client) -> None:
    class Broken(PlainTokens):
        async def open(self, authorization: str | None, origin: Origin, only_region: RegionName | None) -> Caller:
            del authorization, origin, only_region
            raise ZeroDivisionError("a secret")

    door = OciDoor(
        client.door.admission,
        Broken(),
        client.door.world,
        client.door.regions,
        client.door.manifests,
        client.door.blobs,
        client.door.listings,
    )
    reply = await Client(door).ask("GET", "/v2/")
    assert reply.error[:2] == (500, "UNKNOWN")
    assert b"secret" not in reply.body
