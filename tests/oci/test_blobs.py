"""Blobs by the wire, through a real server: bytes in, bytes out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fakes import REGISTRY, caller
from tests.oci.blob_server import NAME, OTHER_NAME, Site, served_blobs
from twinport.http.messages import AnyAnswer, FileAnswer, Message, request_of
from twinport.model.content import Digest
from twinport.refusals.callers import DownloadExpired
from twinport.refusals.images import LayerNotFound
from twinport.registry.layers import DownloadGrant

CONTENT = bytes(range(256)) * 64
DIGEST = Digest.of(CONTENT)
ABSENT = Digest.of(b"absent")
LARGE = CONTENT * 400
UPLOADS = f"/v2/{NAME}/blobs/uploads/"
BLOB = f"/v2/{NAME}/blobs/{DIGEST}"
UNKNOWN_UPLOAD = UPLOADS + "7b5f0a52-58a7-4e3e-9a0c-3d3a9d5c1f00"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with served_blobs(tmp_path) as site:
        yield site


# For tests that change nothing: a server that holds nothing, and one that holds CONTENT.
SHARED = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def empty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with served_blobs(tmp_path_factory.mktemp("empty")) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[True, False], ids=["files", "streams"])
async def holding(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with served_blobs(tmp_path_factory.mktemp("holding"), files=request.param) as site:
        await push(site)
        yield site


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def send(site: Site, method: str, path: str, body: object = None, **headers: str) -> Answered:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.session.request(method, path, data=body, headers=sent) as answer:
        return Answered(answer.status, answer.headers, await answer.read())


def lasting(answer: Answered) -> dict[str, str]:
    """Return the headers that do not say when it was answered and by what."""
    return {name: value for name, value in answer.headers.items() if name.lower() not in {"date", "server"}}


async def begin(site: Site) -> str:
    return (await send(site, "POST", UPLOADS)).headers["location"]


async def push(site: Site, content: bytes = CONTENT) -> None:
    digest = Digest.of(content)
    assert (await send(site, "POST", f"{UPLOADS}?digest={digest}", BytesIO(content))).status == 201


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


# --- reading ------------------------------------------------------------------------------------------------


async def test_a_blob_is_answered_with_what_keeps_browsers_from_it(site: Site) -> None:
    await push(site)
    answer = await send(site, "GET", BLOB)
    assert (answer.status, answer.body) == (200, CONTENT)
    wanted = {
        "content-type": "application/octet-stream",
        "content-length": str(len(CONTENT)),
        "docker-content-digest": str(DIGEST),
        "etag": f'"{DIGEST}"',
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    assert {name: answer.headers[name] for name in wanted} == wanted


async def test_a_head_answers_the_same_without_the_bytes(site: Site) -> None:
    await push(site)
    got, head = await send(site, "GET", BLOB), await send(site, "HEAD", BLOB)
    assert (head.status, head.body) == (200, b"")
    assert lasting(head) == lasting(got)


@SHARED
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_blob_that_the_repository_does_not_hold_is_not_found(holding: Site, method: str) -> None:
    for path in (f"/v2/{NAME}/blobs/{ABSENT}", f"/v2/{OTHER_NAME}/blobs/{DIGEST}"):
        answer = await send(holding, method, path)
        assert answer.body == (b"LayerNotFound" if method == "GET" else b"")
        assert answer.status == 400


@SHARED
@pytest.mark.parametrize(
    "digest", ["sha256:abc", f"sha256:{'A' * 64}", f"md5:{'0' * 32}", "latest", "sha256:..%2F..%2Fetc", "sha256:"]
)
async def test_what_is_no_digest_is_refused(empty: Site, digest: str) -> None:
    assert (await send(empty, "GET", f"/v2/{NAME}/blobs/{digest}")).body == b"DigestInvalid"
    assert (await send(empty, "POST", f"{UPLOADS}?digest={digest}", CONTENT)).body == b"DigestInvalid"
    assert (await send(empty, "PUT", f"{await begin(empty)}?digest={digest}", CONTENT)).body == b"DigestInvalid"
    assert empty.files() == []


@SHARED
@pytest.mark.parametrize(
    ("asked", "status", "said", "first", "last"),
    [
        ("bytes=0-9", 206, "bytes 0-9/16384", 0, 10),
        ("bytes=100-", 206, "bytes 100-16383/16384", 100, None),
        ("bytes=-5", 206, "bytes 16379-16383/16384", -5, None),
        ("bytes=0-", 206, "bytes 0-16383/16384", 0, None),
        ("bytes=0-1,5-6", 200, None, 0, None),
        ("bytes=nonsense", 200, None, 0, None),
        ("bytes=16384-", 416, "bytes */16384", 0, 0),
    ],
)
async def test_a_range_is_honored(
    holding: Site, asked: str, status: int, said: str | None, first: int, last: int | None
) -> None:
    answer = await send(holding, "GET", BLOB, range=asked)
    assert (answer.status, answer.headers.get("content-range")) == (status, said)
    assert answer.body == CONTENT[first:last]


@SHARED
async def test_a_range_of_something_else_is_not_honored(holding: Site) -> None:
    assert (await send(holding, "GET", BLOB, range="bytes=0-9", if_range=f'"{DIGEST}"')).status == 206
    assert (await send(holding, "GET", BLOB, range="bytes=0-9", if_range=f'"{ABSENT}"')).status == 200


async def test_a_large_blob_and_its_large_range_arrive_whole(site: Site) -> None:
    await push(site, LARGE)
    path = f"/v2/{NAME}/blobs/{Digest.of(LARGE)}"
    assert (await send(site, "GET", path)).body == LARGE
    assert (await send(site, "GET", path, range="bytes=5-6000000")).body == LARGE[5:6000001]


async def test_blobs_of_a_store_that_can_only_be_read_arrive_whole(tmp_path: Path) -> None:
    async with served_blobs(tmp_path, files=False) as site:
        for content in (b"", CONTENT, LARGE):
            await push(site, content)
            path = f"/v2/{NAME}/blobs/{Digest.of(content)}"
            answer = await send(site, "GET", path)
            assert (answer.status, answer.headers["content-length"]) == (200, str(len(content)))
            assert answer.body == content
        part = await send(site, "GET", f"/v2/{NAME}/blobs/{Digest.of(LARGE)}", range="bytes=5-6000000")
        assert part.body == LARGE[5:6000001]


async def test_a_blob_in_parts_is_joined_in_a_store_that_can_only_be_read(tmp_path: Path) -> None:
    async with served_blobs(tmp_path, files=False) as site:
        location = await begin(site)
        for first in range(0, len(CONTENT), 5000):
            await send(site, "PATCH", location, CONTENT[first : first + 5000])
        assert (await send(site, "PUT", f"{location}?digest={DIGEST}")).status == 201
        assert (await send(site, "GET", BLOB)).body == CONTENT


async def test_an_empty_blob_is_served(site: Site) -> None:
    await push(site, b"")
    answer = await send(site, "GET", f"/v2/{NAME}/blobs/{Digest.of(b'')}")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


async def test_a_blob_whose_bytes_are_damaged_is_not_served(site: Site) -> None:
    await push(site)
    [file] = site.files()
    file.write_bytes(CONTENT[:-1])
    assert (await send(site, "GET", BLOB)).body == b"LayerInaccessible"
    file.unlink()
    assert (await send(site, "GET", BLOB)).body == b"LayerInaccessible"


# --- uploading ----------------------------------------------------------------------------------------------


async def test_an_upload_begins_with_the_address_where_it_goes_on(site: Site) -> None:
    answer = await send(site, "POST", UPLOADS)
    assert answer.status == 202
    assert answer.headers["location"] == UPLOADS + answer.headers["docker-upload-uuid"]
    assert answer.headers["range"] == "0-0"


async def test_a_patch_and_a_put_make_a_blob(site: Site) -> None:
    location = await begin(site)
    patched = await send(site, "PATCH", location, chunked(CONTENT[:100], CONTENT[100:]))
    assert (patched.status, patched.headers["range"]) == (202, f"0-{len(CONTENT) - 1}")
    put = await send(site, "PUT", f"{patched.headers['location']}?digest={DIGEST}")
    assert put.status == 201
    assert put.headers["location"] == BLOB
    assert put.headers["docker-content-digest"] == str(DIGEST)
    assert (await send(site, "GET", BLOB)).body == CONTENT


async def test_a_put_alone_makes_a_blob(site: Site) -> None:
    assert (await send(site, "PUT", f"{await begin(site)}?digest={DIGEST}", CONTENT)).status == 201
    assert (await send(site, "GET", BLOB)).body == CONTENT


async def test_parts_in_order_make_a_blob(site: Site) -> None:
    location = await begin(site)
    for first in (0, 5000):
        chunk = CONTENT[first : first + 5000]
        patched = await send(site, "PATCH", location, chunk, content_range=f"{first}-{first + 4999}")
        assert (patched.status, patched.headers["range"]) == (202, f"0-{first + 4999}")
    last = await send(site, "PUT", f"{location}?digest={DIGEST}", CONTENT[10000:], content_range="10000-16383")
    assert last.status == 201
    assert (await send(site, "GET", BLOB)).body == CONTENT


async def test_a_part_out_of_order_hears_where_to_go_on(site: Site) -> None:
    location = await begin(site)
    await send(site, "PATCH", location, b"abc", content_range="0-2")
    for request in (
        send(site, "PATCH", location, b"def", content_range="4-6"),
        send(site, "PATCH", location, b"abc", content_range="0-2"),
        send(site, "PUT", f"{location}?digest={DIGEST}", b"def", content_range="4-6"),
    ):
        answer = await request
        assert (answer.status, answer.headers["range"], answer.headers["location"]) == (416, "0-2", location)
        assert b'"BLOB_UPLOAD_INVALID"' in answer.body
    assert (await send(site, "GET", location)).headers["range"] == "0-2"


@SHARED
@pytest.mark.parametrize("said", ["bytes 0-2/3", "0", "2-0", "a-b"])
async def test_a_part_that_does_not_say_where_it_belongs_is_refused(empty: Site, said: str) -> None:
    answer = await send(empty, "PATCH", await begin(empty), b"abc", content_range=said)
    assert answer.body == b"ContentRangeInvalid"


async def test_a_part_of_another_length_than_it_says_is_refused(site: Site) -> None:
    location = await begin(site)
    for body in (b"abcd", b"ab", chunked(b"a", b"bcd"), chunked(b"a", b"b")):
        assert (await send(site, "PATCH", location, body, content_range="0-2")).body == b"SizeMismatch"
    assert (await send(site, "GET", location)).headers["range"] == "0-0"
    assert site.files() == []


async def test_the_state_of_an_upload_is_told(site: Site) -> None:
    location = await begin(site)
    await send(site, "PATCH", location, CONTENT)
    answer = await send(site, "GET", location)
    assert (answer.status, answer.headers["range"]) == (204, f"0-{len(CONTENT) - 1}")
    assert (answer.headers["location"], answer.headers["docker-upload-uuid"]) == (location, location.split("/")[-1])


async def test_a_deleted_upload_is_gone(site: Site) -> None:
    location = await begin(site)
    assert (await send(site, "DELETE", location)).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert (await send(site, method, location)).body == b"UploadNotFound"


@SHARED
@pytest.mark.parametrize("path", [UNKNOWN_UPLOAD, UPLOADS + "..%2f..%2fetc", UPLOADS + "x" * 3000])
async def test_an_upload_that_no_client_began_is_not_found(empty: Site, path: str) -> None:
    for request in (
        send(empty, "GET", path),
        send(empty, "PATCH", path, b"abc"),
        send(empty, "PUT", f"{path}?digest={DIGEST}", b"abc"),
        send(empty, "DELETE", path),
    ):
        assert (await request).body == b"UploadNotFound"


@pytest.mark.parametrize("last", [None, CONTENT[100:]], ids=["empty", "last part"])
async def test_a_completion_is_answered_again_whose_answer_got_lost(site: Site, last: bytes | None) -> None:
    location = await begin(site)
    await send(site, "PATCH", location, CONTENT if last is None else CONTENT[:100])
    first, again = [await send(site, "PUT", f"{location}?digest={DIGEST}", last) for _ in range(2)]
    assert (first.status, again.status) == (201, 201)
    for header in ("location", "docker-content-digest"):
        assert again.headers[header] == first.headers[header]
    assert (await send(site, "GET", BLOB)).body == CONTENT
    assert len(site.files()) == 1 if last is None else 2, "the second body is not kept"


async def test_completions_sent_at_once_are_answered_alike(site: Site) -> None:
    location = await begin(site)
    await send(site, "PATCH", location, CONTENT[:100])
    puts = [send(site, "PUT", f"{location}?digest={DIGEST}", CONTENT[100:]) for _ in range(4)]
    assert {answer.status for answer in await asyncio.gather(*puts)} == {201}
    assert (await send(site, "GET", BLOB)).body == CONTENT


async def test_a_completion_of_an_upload_that_is_gone_is_refused_unless_the_layer_is_there(site: Site) -> None:
    location = await begin(site)
    await send(site, "PATCH", location, CONTENT)
    await send(site, "DELETE", location)
    assert (await send(site, "PUT", f"{location}?digest={DIGEST}")).body == b"UploadNotFound"
    await send(site, "POST", f"{UPLOADS}?digest={DIGEST}", CONTENT)
    assert (await send(site, "PUT", f"{location}?digest={ABSENT}")).body == b"UploadNotFound"
    elsewhere = location.replace(NAME, OTHER_NAME)
    assert (await send(site, "PUT", f"{elsewhere}?digest={DIGEST}")).body == b"UploadNotFound"


async def test_bytes_of_another_digest_are_refused_and_the_upload_stays(site: Site) -> None:
    location = await begin(site)
    await send(site, "PATCH", location, CONTENT)
    assert (await send(site, "PUT", f"{location}?digest={ABSENT}")).body == b"DigestMismatch"
    assert (await send(site, "POST", f"{UPLOADS}?digest={ABSENT}", CONTENT)).body == b"DigestMismatch"
    assert (await send(site, "PUT", f"{location}?digest={DIGEST}")).status == 201


async def test_a_put_without_a_digest_is_refused(site: Site) -> None:
    assert (await send(site, "PUT", await begin(site), CONTENT)).body == b"DigestInvalid"


async def test_a_blob_is_mounted_from_where_it_is(site: Site) -> None:
    await push(site)
    answer = await send(site, "POST", f"/v2/{OTHER_NAME}/blobs/uploads/?mount={DIGEST}&from={NAME}&origin=x")
    assert (answer.status, answer.headers["location"]) == (201, f"/v2/{OTHER_NAME}/blobs/{DIGEST}")
    assert (await send(site, "GET", f"/v2/{OTHER_NAME}/blobs/{DIGEST}")).body == CONTENT


async def test_a_mount_that_names_no_repository_is_made_from_one_that_may_be_read(site: Site) -> None:
    await push(site)
    answer = await send(site, "POST", f"/v2/{OTHER_NAME}/blobs/uploads/?mount={DIGEST}")
    assert (answer.status, answer.headers["docker-content-digest"]) == (201, str(DIGEST))


@pytest.mark.parametrize(
    "query",
    [f"mount={ABSENT}&from={NAME}", f"mount={DIGEST}&from=nowhere", f"mount={DIGEST}&from=../x", f"mount={ABSENT}"],
)
async def test_a_mount_that_cannot_be_begins_an_upload(site: Site, query: str) -> None:
    await push(site)
    answer = await send(site, "POST", f"/v2/{OTHER_NAME}/blobs/uploads/?{query}")
    assert (answer.status, "docker-upload-uuid" in answer.headers) == (202, True)


# --- clients that lie or go away ----------------------------------------------------------------------------


async def raw(site: Site, request: bytes, *, hang_up: bool) -> bytes:
    """Send bytes as they are, and hang up or wait for the answer's first bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(request)
    await writer.drain()
    answer = b"" if hang_up else await reader.read(65536)
    writer.close()
    return answer


def half_a_request(method: str, path: str, *lines: str) -> bytes:
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""])
    return head.encode() + b"6\r\nabcdef\r\n" * ("chunked" in head) + b"abcdef" * ("chunked" not in head)


LIES = (["Content-Length: 100"], ["Transfer-Encoding: chunked"])


@pytest.mark.parametrize("lines", LIES, ids=["sized", "chunked"])
async def test_a_client_that_hangs_up_leaves_nothing(site: Site, lines: list[str]) -> None:
    location = await begin(site)
    for request, (method, path) in enumerate(
        (
            ("PATCH", location),
            ("PUT", f"{location}?digest={Digest.of(b'abcdef')}"),
            ("POST", f"{UPLOADS}?digest={Digest.of(b'abcdef')}"),
        ),
        start=2,
    ):
        await raw(site, half_a_request(method, path, *lines), hang_up=True)
        await site.ended(request)
    assert (await send(site, "GET", location)).headers["range"] == "0-0"
    assert site.files() == []


@pytest.mark.parametrize("lines", LIES, ids=["sized", "chunked"])
async def test_a_client_that_stalls_is_cut_off_and_leaves_nothing(site: Site, lines: list[str]) -> None:
    location = await begin(site)
    answer = await raw(site, half_a_request("PATCH", location, *lines), hang_up=False)
    assert b"Interrupted" in answer
    assert (await send(site, "GET", location)).headers["range"] == "0-0"
    assert site.files() == []


# --- presigned addresses ------------------------------------------------------------------------------------


async def presigned(site: Site, grant: DownloadGrant, **headers: str) -> AnyAnswer:
    async def receive() -> Message:
        return {"type": "http.request"}

    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": "GET", "path": "/_layers", "headers": lines}
    return await site.routes.presigned(request_of(scope, receive, "r"), grant)


async def test_a_grant_serves_a_blob_and_its_ranges_until_it_expires(site: Site) -> None:
    await push(site)
    grant = await site.routes.layers.grant_download(caller(), REGISTRY.repository(NAME), DIGEST)
    whole, part = await presigned(site, grant), await presigned(site, grant, range="bytes=5-6")
    assert isinstance(whole, FileAnswer)
    assert (whole.status, whole.size, whole.path.read_bytes()) == (200, len(CONTENT), CONTENT)
    assert isinstance(part, FileAnswer)
    assert (part.status, part.first, part.size) == (206, 5, 2)
    assert whole.headers["x-content-type-options"] == "nosniff"
    site.clock.advance(timedelta(hours=1))
    with pytest.raises(DownloadExpired):
        await presigned(site, grant)


async def test_nothing_is_granted_that_is_not_there(site: Site) -> None:
    with pytest.raises(LayerNotFound):
        await site.routes.layers.grant_download(caller(), REGISTRY.repository(NAME), DIGEST)
