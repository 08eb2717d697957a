"""Uploads: what is kept, what is refused, and who may."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests.catalogs import TimedCatalog
from tests.fakes import NOW, OTHER_ACCOUNT, REGISTRY, AllowAll, DenyAll, RecordingGate, caller
from tests.registry.serving import path_of
from tests.upload_ids import PlainUploadIds
from twinport.blobs.files import FileBlobStores
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import repositories, schema
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.model.content import Digest
from twinport.model.images import NewRepository
from twinport.model.names import Registry, RepositoryName
from twinport.refusals.images import (
    DigestMismatch,
    EmptyUpload,
    LayerExists,
    LayerNotFound,
    LayerPartTooSmall,
    RepositoryNotFound,
    UploadNotFound,
    UploadOutOfOrder,
)
from twinport.refusals.storage import Interrupted
from twinport.registry.layers import Layer, Layers
from twinport.registry.mounts import Mounts
from twinport.registry.uploads import LEAST_PART, Part, Uploads

ME = caller()
NAME, OTHER_NAME, ABSENT = RepositoryName("team/api"), RepositoryName("team/web"), RepositoryName("team/none")
CONTENT = b"the bytes of a layer"
DIGEST = Digest.of(CONTENT)
UNKNOWN_UPLOAD = "7b5f0a52-58a7-4e3e-9a0c-3d3a9d5c1f00"


@dataclass(frozen=True)
class Site:
    """A registry with two repositories, and ways to look beneath it."""

    uploads: Uploads
    mounts: Mounts
    layers: Layers
    folder: Path

    def behind(self, gate: RecordingGate | DenyAll) -> "Site":
        uploads, mounts = replace(self.uploads, gate=gate), replace(self.mounts, gate=gate)
        return Site(uploads, mounts, replace(self.layers, gate=gate), self.folder)

    async def begin(self, *parts: bytes) -> str:
        upload = await self.uploads.start(ME, REGISTRY.repository(NAME))
        for part in parts:
            await self.uploads.append(ME, REGISTRY.repository(NAME), upload.id, Part(pieces_of(part)))
        return upload.id

    async def append(self, upload_id: str, content: bytes, first_byte: int | None = None) -> int:
        part = Part(pieces_of(content), first_byte)
        return (await self.uploads.append(ME, REGISTRY.repository(NAME), upload_id, part)).size

    async def size(self, upload_id: str) -> int:
        return (await self.uploads.status(ME, REGISTRY.repository(NAME), upload_id)).size

    async def complete(self, upload_id: str, digest: Digest, last: bytes | None = None) -> None:
        part = None if last is None else Part(pieces_of(last))
        await self.uploads.complete(ME, REGISTRY.repository(NAME), upload_id, digest, part)

    async def stored(self, digest: Digest, name: RepositoryName = NAME) -> bytes:
        return path_of(await self.layers.find(ME, REGISTRY.repository(name), digest)).read_bytes()

    async def named_keys(self) -> set[str]:
        return await self.uploads.catalog.region(REGISTRY.region).read(named_keys)

    def files(self) -> set[str]:
        return {path.name for path in self.folder.rglob("blobs/*/*")}


async def pieces_of(content: bytes, size: int = 7) -> AsyncIterator[bytes]:
    for first in range(0, min(len(content), 4096), size):
        yield content[first : min(first + size, 4096)]
    if len(content) > 4096:
        yield content[4096:]


async def broken_off(content: bytes) -> AsyncIterator[bytes]:
    yield content
    raise Interrupted("the client went away")


def named_keys(db: Connection) -> set[str]:
    columns = (schema.blob.c.key, schema.upload_segment.c.key, schema.discarded_key.c.key)
    return {key for column in columns for key in db.execute(select(column)).scalars()}


def insert_repositories(db: Connection) -> None:
    for name in (NAME, OTHER_NAME):
        repositories.insert(db, REGISTRY.repository(name), NewRepository(), NOW)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


@pytest.fixture
async def site(catalog: EmbeddedCatalog, tmp_path: Path) -> Site:
    await catalog.region(REGISTRY.region).write(insert_repositories)
    stores, clock = FileBlobStores(tmp_path), ManualClock()
    uploads, mounts = Uploads(catalog, stores, AllowAll(), PlainUploadIds()), Mounts(AllowAll(), catalog)
    return Site(uploads, mounts, Layers(catalog, stores, AllowAll(), clock), tmp_path)


async def test_one_part_becomes_the_layer_without_being_written_again(site: Site) -> None:
    upload = await site.begin(CONTENT)
    before = site.files()
    await site.complete(upload, DIGEST)
    assert await site.stored(DIGEST) == CONTENT
    assert site.files() == before


async def test_several_parts_and_a_last_one_are_joined(site: Site) -> None:
    upload = await site.begin(CONTENT[:3], CONTENT[3:9])
    await site.complete(upload, DIGEST, CONTENT[9:])
    assert await site.stored(DIGEST) == CONTENT
    assert site.files() == await site.named_keys()


async def test_an_upload_without_parts_takes_all_its_bytes_at_completion(site: Site) -> None:
    await site.complete(await site.begin(), DIGEST, CONTENT)
    assert await site.stored(DIGEST) == CONTENT
    assert len(site.files()) == 1


async def test_a_last_part_of_no_bytes_is_no_part(site: Site) -> None:
    await site.complete(await site.begin(CONTENT), DIGEST, b"")
    assert len(site.files()) == 1


async def test_an_upload_of_no_bytes_is_the_empty_blob(site: Site) -> None:
    await site.complete(await site.begin(), Digest.of(b""))
    assert await site.stored(Digest.of(b"")) == b""


@pytest.mark.parametrize("parts", [(CONTENT,), (CONTENT[:5], CONTENT[5:]), ()])
async def test_a_layer_may_be_named_by_sha512(site: Site, parts: tuple[bytes, ...]) -> None:
    digest = Digest.of(CONTENT, "sha512")
    await site.complete(await site.begin(*parts), digest, None if parts else CONTENT)
    assert await site.stored(digest) == CONTENT


@pytest.mark.parametrize("parts", [(CONTENT,), (CONTENT[:5], CONTENT[5:]), ()])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_a_wrong_digest_leaves_the_upload_as_it_was(site: Site, parts: tuple[bytes, ...], algorithm: str) -> None:
    upload = await site.begin(*parts)
    before = site.files()
    with pytest.raises(DigestMismatch):
        await site.complete(upload, Digest.of(b"other", algorithm), None if parts else CONTENT)
    assert await site.size(upload) == sum(map(len, parts))
    assert site.files() == before
    await site.complete(upload, DIGEST, None if parts else CONTENT)
    assert await site.stored(DIGEST) == CONTENT


async def test_a_completed_upload_is_gone_and_completed_again_as_long_as_its_layer_is_there(site: Site) -> None:
    upload = await site.begin(CONTENT)
    await site.complete(upload, DIGEST)
    with pytest.raises(UploadNotFound):
        await site.size(upload)
    await site.complete(upload, DIGEST)
    await site.layers.remove(ME, REGISTRY.repository(NAME), DIGEST)
    with pytest.raises(UploadNotFound):
        await site.complete(upload, DIGEST)


async def test_a_part_that_does_not_begin_at_the_end_is_refused(site: Site) -> None:
    upload = await site.begin(b"abc")
    for first_byte in (0, 2, 4):
        with pytest.raises(UploadOutOfOrder) as refusal:
            await site.append(upload, b"def", first_byte)
        assert refusal.value.size == 3
    assert await site.append(upload, b"def", 3) == 6


async def test_a_last_part_that_does_not_begin_at_the_end_is_refused(site: Site) -> None:
    upload = await site.begin(b"abc")
    with pytest.raises(UploadOutOfOrder):
        await site.uploads.complete(ME, REGISTRY.repository(NAME), upload, DIGEST, Part(pieces_of(b"def"), 2))


async def test_a_part_of_no_bytes_changes_nothing(site: Site) -> None:
    upload = await site.begin(b"abc", b"")
    assert await site.append(upload, b"") == 3
    assert len(site.files()) == 1


async def test_a_part_that_breaks_off_leaves_the_upload_at_its_previous_size(site: Site) -> None:
    upload = await site.begin(b"abc")
    before = site.files()
    for content in (b"def", bytes(6 << 20)):
        with pytest.raises(Interrupted):
            await site.uploads.append(ME, REGISTRY.repository(NAME), upload, Part(broken_off(content)))
    with pytest.raises(Interrupted):
        await site.uploads.complete(ME, REGISTRY.repository(NAME), upload, DIGEST, Part(broken_off(b"def")))
    with pytest.raises(Interrupted):
        await site.uploads.upload_whole(ME, REGISTRY.repository(NAME), DIGEST, broken_off(CONTENT))
    assert await site.size(upload) == 3
    assert site.files() == before


async def test_of_two_parts_sent_at_once_to_one_place_exactly_one_is_kept(site: Site) -> None:
    upload = await site.begin(b"abc")
    results = await asyncio.gather(
        site.append(upload, b"one", 3), site.append(upload, b"two!", 3), return_exceptions=True
    )
    kept = [size for size in results if isinstance(size, int)]
    assert kept == [await site.size(upload)]
    assert [type(result) for result in results if not isinstance(result, int)] == [UploadOutOfOrder]
    assert site.files() == await site.named_keys()


async def test_an_upload_that_grows_while_it_is_completed_is_not_lost(site: Site) -> None:
    upload = await site.begin(b"abc", b"def")
    grown = asyncio.Event()

    async def late() -> AsyncIterator[bytes]:
        yield b"ghi"
        await site.append(upload, b"x")
        grown.set()

    with pytest.raises(UploadOutOfOrder):
        await site.uploads.complete(ME, REGISTRY.repository(NAME), upload, Digest.of(b"abcdefghi"), Part(late()))
    assert grown.is_set()
    await site.complete(upload, Digest.of(b"abcdefx"))
    assert site.files() == await site.named_keys()


async def test_of_two_completions_at_once_both_succeed_and_the_layer_is_there(site: Site) -> None:
    for parts in ((CONTENT,), (CONTENT[:5], CONTENT[5:])):
        upload = await site.begin(*parts)
        await asyncio.gather(site.complete(upload, DIGEST), site.complete(upload, DIGEST))
        assert await site.stored(DIGEST) == CONTENT
    assert site.files() == await site.named_keys()


async def test_two_uploads_of_one_digest_leave_one_of_them_to_sweep(site: Site) -> None:
    whole = [site.uploads.upload_whole(ME, REGISTRY.repository(NAME), DIGEST, pieces_of(CONTENT)) for _ in range(5)]
    layers = await asyncio.gather(*whole)
    assert set(layers) == {Layer(DIGEST, len(CONTENT))}
    assert await site.stored(DIGEST) == CONTENT
    assert site.files() == await site.named_keys()


async def test_a_repository_removed_meanwhile_takes_the_bytes_with_it(site: Site) -> None:
    region = site.uploads.catalog.region(REGISTRY.region)

    async def removing() -> AsyncIterator[bytes]:
        yield CONTENT
        owner = await region.read(lambda db: repositories.get(db, REGISTRY.repository(NAME)))
        await region.write(lambda db: repositories.remove(db, owner.id))

    with pytest.raises(RepositoryNotFound):
        await site.uploads.upload_whole(ME, REGISTRY.repository(NAME), DIGEST, removing())
    assert site.files() == set()


async def test_a_canceled_upload_is_forgotten(site: Site) -> None:
    upload = await site.begin(b"abc")
    await site.uploads.cancel(ME, REGISTRY.repository(NAME), upload)
    with pytest.raises(UploadNotFound):
        await site.size(upload)
    with pytest.raises(UploadNotFound):
        await site.append(upload, b"def")
    assert site.files() == await site.named_keys()


async def test_an_upload_belongs_to_its_repository(site: Site) -> None:
    upload = await site.begin(b"abc")
    with pytest.raises(UploadNotFound):
        await site.uploads.status(ME, REGISTRY.repository(OTHER_NAME), upload)


async def test_a_layer_of_one_account_is_not_there_for_another(site: Site) -> None:
    elsewhere = Registry(OTHER_ACCOUNT, REGISTRY.region)
    await site.uploads.catalog.region(REGISTRY.region).write(
        lambda db: repositories.insert(db, elsewhere.repository(NAME), NewRepository(), NOW)
    )
    await site.complete(await site.begin(CONTENT), DIGEST)
    with pytest.raises(LayerNotFound):
        await site.layers.find(ME, elsewhere.repository(NAME), DIGEST)


# --- ECR's own rules ----------------------------------------------------------------------------------------


async def test_ecr_completes_parts_of_which_only_the_last_is_small(site: Site) -> None:
    content = bytes(LEAST_PART) + b"the rest"
    upload = await site.begin(content[:LEAST_PART], content[LEAST_PART:])
    layer = await site.uploads.complete_parts(ME, REGISTRY.repository(NAME), upload, [DIGEST, Digest.of(content)])
    assert (layer.digest, layer.size) == (Digest.of(content), len(content))
    assert await site.stored(Digest.of(content)) == content


async def test_ecr_refuses_small_parts_before_the_last(site: Site) -> None:
    upload = await site.begin(b"abc", b"def")
    with pytest.raises(LayerPartTooSmall):
        await site.uploads.complete_parts(ME, REGISTRY.repository(NAME), upload, [Digest.of(b"abcdef")])
    assert await site.size(upload) == 6


async def test_ecr_refuses_an_upload_without_parts(site: Site) -> None:
    upload = await site.begin()
    with pytest.raises(EmptyUpload):
        await site.uploads.complete_parts(ME, REGISTRY.repository(NAME), upload, [Digest.of(b"")])


async def test_ecr_refuses_when_none_of_the_digests_is_right(site: Site) -> None:
    upload = await site.begin(CONTENT)
    others = [Digest.of(b"other"), Digest.of(b"other", "sha512")]
    with pytest.raises(DigestMismatch):
        await site.uploads.complete_parts(ME, REGISTRY.repository(NAME), upload, others)
    layer = await site.uploads.complete_parts(
        ME, REGISTRY.repository(NAME), upload, [*others, Digest.of(CONTENT, "sha512")]
    )
    assert layer.digest.algorithm == "sha512"


async def test_ecr_refuses_a_layer_that_the_repository_holds(site: Site) -> None:
    await site.complete(await site.begin(CONTENT), DIGEST)
    upload = await site.begin(CONTENT)
    with pytest.raises(LayerExists):
        await site.uploads.complete_parts(ME, REGISTRY.repository(NAME), upload, [DIGEST])


# --- mounts -------------------------------------------------------------------------------------------------


async def test_a_mounted_layer_is_there_without_being_sent(site: Site) -> None:
    await site.complete(await site.begin(CONTENT), DIGEST)
    layer = await site.mounts.mount(ME, REGISTRY.repository(OTHER_NAME), DIGEST, NAME)
    assert layer is not None
    assert await site.stored(DIGEST, OTHER_NAME) == CONTENT
    assert len(site.files()) == 1


async def test_who_may_not_ask_for_a_layer_learns_nothing_of_it_by_completing_an_upload(site: Site) -> None:
    upload = await site.begin(CONTENT)
    await site.complete(upload, DIGEST)
    gate = RecordingGate(frozenset({"ecr:BatchCheckLayerAvailability"}))
    for digest in (DIGEST, Digest.of(b"other")):
        with pytest.raises(UploadNotFound):
            await site.behind(gate).complete(upload, digest)
    await site.complete(upload, DIGEST)


async def test_a_layer_that_may_go_before_its_image_comes_completes_no_upload_again(
    site: Site, catalog: EmbeddedCatalog
) -> None:
    upload = await site.begin(CONTENT)
    await site.complete(upload, DIGEST)
    later = ManualClock(NOW)
    later.advance(site.uploads.retention.promise + timedelta(seconds=1))
    uploads = replace(site.uploads, catalog=TimedCatalog(catalog, later))
    with pytest.raises(UploadNotFound):
        await uploads.complete(ME, REGISTRY.repository(NAME), upload, DIGEST, None)


async def test_what_the_source_does_not_hold_is_not_mounted(site: Site) -> None:
    await site.complete(await site.begin(CONTENT), DIGEST)
    assert await site.mounts.mount(ME, REGISTRY.repository(OTHER_NAME), Digest.of(b"other"), NAME) is None
    assert await site.mounts.mount(ME, REGISTRY.repository(OTHER_NAME), DIGEST, ABSENT) is None


async def test_what_the_caller_may_not_read_is_not_mounted(site: Site) -> None:
    await site.complete(await site.begin(CONTENT), DIGEST)
    gate = RecordingGate(denied=frozenset({"ecr:GetDownloadUrlForLayer"}))
    assert await site.behind(gate).mounts.mount(ME, REGISTRY.repository(OTHER_NAME), DIGEST, NAME) is None
    assert ("ecr:GetDownloadUrlForLayer", REGISTRY.repository_arn(NAME)) in gate.asked
    with pytest.raises(LayerNotFound):
        await site.layers.find(ME, REGISTRY.repository(OTHER_NAME), DIGEST)


async def test_a_mount_from_any_repository_takes_one_that_the_caller_may_read(site: Site) -> None:
    await site.complete(await site.begin(CONTENT), DIGEST)
    gate = RecordingGate(frozenset({"ecr:GetDownloadUrlForLayer"}))
    assert await site.behind(gate).mounts.mount_from_any(ME, REGISTRY.repository(OTHER_NAME), DIGEST) is None
    assert await site.mounts.mount_from_any(ME, REGISTRY.repository(OTHER_NAME), Digest.of(b"other")) is None
    layer = await site.mounts.mount_from_any(ME, REGISTRY.repository(OTHER_NAME), DIGEST)
    assert layer is not None
    assert layer.digest == DIGEST


async def test_nothing_is_mounted_into_a_repository_that_does_not_exist(site: Site) -> None:
    await site.complete(await site.begin(CONTENT), DIGEST)
    with pytest.raises(RepositoryNotFound):
        await site.mounts.mount(ME, REGISTRY.repository(ABSENT), DIGEST, NAME)


# --- who may ------------------------------------------------------------------------------------------------

START, APPEND, COMPLETE = "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"
CHECK, READ = "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer"

Verb = Callable[[Site, RepositoryName], Awaitable[object]]
VERBS: dict[str, tuple[Verb, list[str]]] = {
    "start": (lambda site, name: site.uploads.start(ME, REGISTRY.repository(name)), [START]),
    "append": (
        lambda site, name: site.uploads.append(ME, REGISTRY.repository(name), UNKNOWN_UPLOAD, Part(pieces_of(b"a"))),
        [APPEND],
    ),
    "status": (lambda site, name: site.uploads.status(ME, REGISTRY.repository(name), UNKNOWN_UPLOAD), [APPEND]),
    "cancel": (lambda site, name: site.uploads.cancel(ME, REGISTRY.repository(name), UNKNOWN_UPLOAD), [APPEND]),
    "complete": (
        lambda site, name: site.uploads.complete(ME, REGISTRY.repository(name), UNKNOWN_UPLOAD, DIGEST, None),
        [COMPLETE],
    ),
    "complete with a part": (
        lambda site, name: site.uploads.complete(
            ME, REGISTRY.repository(name), UNKNOWN_UPLOAD, DIGEST, Part(pieces_of(b"a"))
        ),
        [APPEND, COMPLETE],
    ),
    "complete parts": (
        lambda site, name: site.uploads.complete_parts(ME, REGISTRY.repository(name), UNKNOWN_UPLOAD, [DIGEST]),
        [COMPLETE],
    ),
    "upload whole": (
        lambda site, name: site.uploads.upload_whole(ME, REGISTRY.repository(name), DIGEST, pieces_of(CONTENT)),
        [START, APPEND, COMPLETE],
    ),
    "mount": (
        lambda site, name: site.mounts.mount(ME, REGISTRY.repository(name), DIGEST, OTHER_NAME),
        [START, APPEND, COMPLETE],
    ),
    "check": (lambda site, name: site.layers.check(ME, REGISTRY.repository(name), [str(DIGEST)]), [CHECK]),
    "find": (lambda site, name: site.layers.find(ME, REGISTRY.repository(name), DIGEST), [READ]),
    "grant": (lambda site, name: site.layers.grant_download(ME, REGISTRY.repository(name), DIGEST), [READ]),
}


@pytest.mark.parametrize(("verb", "actions"), VERBS.values(), ids=VERBS)
async def test_a_verb_asks_the_gate_before_it_looks_anything_up(site: Site, verb: Verb, actions: list[str]) -> None:
    gate = RecordingGate()
    with pytest.raises(RepositoryNotFound):
        await verb(site.behind(gate), ABSENT)
    of_target = [action for action, arn in gate.asked if arn == REGISTRY.repository_arn(ABSENT)]
    assert of_target == actions


@pytest.mark.parametrize(("verb", "_actions"), VERBS.values(), ids=VERBS)
async def test_a_stranger_hears_the_same_whether_or_not_it_exists(site: Site, verb: Verb, _actions: list[str]) -> None:
    for name in (NAME, ABSENT):
        with pytest.raises(AccessDenied):
            await verb(site.behind(DenyAll()), name)
    assert site.files() == set()


async def test_a_verb_on_a_region_that_was_never_written_to_creates_nothing(
    catalog: EmbeddedCatalog, tmp_path: Path
) -> None:
    uploads = Uploads(catalog, FileBlobStores(tmp_path), AllowAll(), PlainUploadIds())
    for attempt in (
        uploads.start(ME, REGISTRY.repository(NAME)),
        uploads.upload_whole(ME, REGISTRY.repository(NAME), DIGEST, pieces_of(CONTENT)),
        Mounts(AllowAll(), catalog).mount(ME, REGISTRY.repository(NAME), DIGEST, OTHER_NAME),
    ):
        with pytest.raises(RepositoryNotFound):
            await attempt
    assert not (tmp_path / "regions").exists()
