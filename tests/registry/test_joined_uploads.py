"""Uploads of several parts: which process must read them again, and what becomes of a digest under way."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import REGISTRY, AllowAll
from tests.registry.test_uploads import CONTENT, DIGEST, ME, NAME, Site, broken_off, insert_repositories
from tests.upload_ids import PlainUploadIds, read_upload
from twinport.blobs.files import FileBlobStores
from twinport.blobs.running import RunningHash
from twinport.blobs.store import BlobStore
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import ManualClock
from twinport.errors import Refusal
from twinport.model.content import Digest
from twinport.model.names import RegionName
from twinport.refusals.images import DigestMismatch, UploadNotFound
from twinport.refusals.storage import BlobMissing, Interrupted
from twinport.registry.garbage import Garbage
from twinport.registry.layers import Layers
from twinport.registry.mounts import Mounts
from twinport.registry.uploads import Part, Uploads
from twinport.settings.retention import Retention

PARTS = (b"one" * 50_000, b"two" * 40_000, b"three" * 30_000)
JOINED = Digest.of(b"".join(PARTS))


class CountingStore:
    """A store that writes down with which of its two ways joined blobs begin: known, or read again."""

    def __init__(self, store: BlobStore, begun: list[str]) -> None:
        self._store, self._begun = store, begun

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — whatever the store has
        return getattr(self._store, name)

    def create(self, *wanted: Any, **more: Any) -> Any:  # noqa: ANN401
        self._begun.append("read")
        return self._store.create(*wanted, **more)

    def create_joined(self, known: RunningHash) -> Any:  # noqa: ANN401
        self._begun.append("known")
        return self._store.create_joined(known)


class CountingStores:
    def __init__(self, folder: Path) -> None:
        self._stores, self.begun = FileBlobStores(folder), list[str]()

    def region(self, name: RegionName) -> Any:  # noqa: ANN401
        return CountingStore(self._stores.region(name), self.begun)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


@pytest.fixture
async def processes(catalog: EmbeddedCatalog, tmp_path: Path) -> tuple[Site, Site, list[str]]:
    """Two processes on one catalog and one store, and how the last blobs began."""
    await catalog.region(REGISTRY.region).write(insert_repositories)
    stores, clock = CountingStores(tmp_path), ManualClock()
    layers = Layers(catalog, stores, AllowAll(), clock)
    mounts = Mounts(AllowAll(), catalog)
    first, second = (
        Site(Uploads(catalog, stores, AllowAll(), PlainUploadIds()), mounts, layers, tmp_path) for _ in range(2)
    )
    return first, second, stores.begun


async def test_the_process_that_received_all_parts_reads_none_of_them_again(
    processes: tuple[Site, Site, list[str]],
) -> None:
    site, _, begun = processes
    upload = await site.begin(*PARTS)
    await site.complete(upload, JOINED)
    assert begun[-1] == "known"
    assert await site.stored(JOINED) == b"".join(PARTS)


async def test_a_last_part_goes_on_from_the_known_digest(processes: tuple[Site, Site, list[str]]) -> None:
    site, _, begun = processes
    upload = await site.begin(*PARTS[:2])
    await site.complete(upload, JOINED, PARTS[2])
    assert begun[-1] == "known"
    assert await site.stored(JOINED) == b"".join(PARTS)


async def test_a_process_that_received_no_part_reads_them(processes: tuple[Site, Site, list[str]]) -> None:
    first, second, begun = processes
    upload = await first.begin(*PARTS)
    await second.complete(upload, JOINED)
    assert begun[-1] == "read"
    assert await second.stored(JOINED) == b"".join(PARTS)


@pytest.mark.parametrize("elsewhere", range(3))
async def test_a_process_that_received_only_some_parts_reads_them_all(
    processes: tuple[Site, Site, list[str]], elsewhere: int
) -> None:
    first, second, begun = processes
    upload = await first.begin()
    for number, part in enumerate(PARTS):
        await (second if number == elsewhere else first).append(upload, part)
    await first.complete(upload, JOINED)
    assert begun[-1] == "read"
    assert await first.stored(JOINED) == b"".join(PARTS)


async def test_a_part_that_broke_off_leaves_nothing_in_the_known_digest(
    processes: tuple[Site, Site, list[str]],
) -> None:
    site, _, begun = processes
    upload = await site.begin(PARTS[0])
    with pytest.raises(Interrupted):
        await site.uploads.append(ME, REGISTRY.repository(NAME), upload, Part(broken_off(PARTS[1][:70_000])))
    await site.append(upload, PARTS[1])
    await site.append(upload, PARTS[2])
    await site.complete(upload, JOINED)
    assert begun[-1] == "known"
    assert await site.stored(JOINED) == b"".join(PARTS)


async def test_a_part_that_was_refused_as_out_of_order_leaves_nothing_in_the_known_digest(
    processes: tuple[Site, Site, list[str]],
) -> None:
    site, _, _ = processes
    upload = await site.begin(PARTS[0])
    outcomes = await asyncio.gather(*(site.append(upload, part) for part in PARTS[1:]), return_exceptions=True)
    [refused] = [part for part, outcome in zip(PARTS[1:], outcomes, strict=True) if isinstance(outcome, Refusal)]
    [taken] = [part for part in PARTS[1:] if part is not refused]
    await site.append(upload, refused)
    whole = Digest.of(PARTS[0] + taken + refused)
    await site.complete(upload, whole)
    assert await site.stored(whole) == PARTS[0] + taken + refused


async def test_a_wrong_digest_of_known_parts_is_refused_and_the_upload_stays(
    processes: tuple[Site, Site, list[str]],
) -> None:
    site, _, _ = processes
    upload = await site.begin(*PARTS)
    before = site.files()
    with pytest.raises(DigestMismatch):
        await site.complete(upload, Digest.of(b"else"))
    assert site.files() == before
    await site.complete(upload, JOINED)


async def test_another_algorithm_than_the_known_one_is_read(processes: tuple[Site, Site, list[str]]) -> None:
    site, _, begun = processes
    upload = await site.begin(*PARTS)
    sha512 = Digest("sha512", hashlib.sha512(b"".join(PARTS)).hexdigest())
    await site.complete(upload, sha512)
    assert begun[-1] == "read"
    assert await site.stored(sha512) == b"".join(PARTS)


async def test_known_digests_are_bounded_and_the_upload_that_rested_longest_is_read(
    processes: tuple[Site, Site, list[str]],
) -> None:
    site, _, begun = processes
    site.uploads.running.most = 2
    waiting = [await site.begin(*PARTS) for _ in range(3)]
    for upload, way in zip(waiting, ("read", "known", "known"), strict=True):
        await site.complete(upload, JOINED)
        assert begun[-1] == way
    assert site.uploads.running._known == {}


@pytest.mark.parametrize("ending", ["completed", "canceled"])
async def test_an_upload_that_ended_takes_no_place_among_the_known_digests(
    processes: tuple[Site, Site, list[str]], ending: str
) -> None:
    site, _, begun = processes
    site.uploads.running.most = 2
    large = await site.begin(*PARTS)
    for _ in range(2):
        small = await site.begin(CONTENT)
        if ending == "completed":
            await site.complete(small, DIGEST)
        else:
            await site.uploads.cancel(ME, REGISTRY.repository(NAME), small)
    await site.complete(large, JOINED)
    assert begun[-1] == "known"


async def test_an_upload_that_expired_takes_no_memory_whichever_process_ended_it(
    catalog: EmbeddedCatalog, processes: tuple[Site, Site, list[str]], tmp_path: Path
) -> None:
    site, _, begun = processes
    running, seconds = site.uploads.running, [0.0]
    running.seconds = lambda: seconds[0]
    garbage = Garbage(catalog, FileBlobStores(tmp_path), Retention(upload_expiry=timedelta(hours=1)), running=running)
    await site.begin(*PARTS)
    seconds[0] = 1800.0
    young = await site.begin(*PARTS)
    seconds[0] = 3600.0
    await garbage.sweep(REGISTRY.region)
    assert list(running._known) == [young]
    await site.complete(young, JOINED)
    assert begun[-1] == "known"


@pytest.mark.parametrize("known", [True, False], ids=["known", "read"])
async def test_a_segment_that_is_gone_or_cut_short_completes_no_upload(
    processes: tuple[Site, Site, list[str]], tmp_path: Path, *, known: bool
) -> None:
    first, second, _ = processes
    upload = await first.begin(*PARTS)
    region = first.uploads.catalog.region(REGISTRY.region)
    begun = await region.read(lambda db: read_upload(db, REGISTRY.repository(NAME), upload))
    segments = [segment async for segment in first.uploads._segments(begun)]
    path = FileBlobStores(tmp_path).region(REGISTRY.region).path(segments[1].key)
    os.truncate(path, 10)
    with pytest.raises(BlobMissing):
        await (first if known else second).complete(upload, JOINED)
    path.unlink()
    with pytest.raises(BlobMissing):
        await (first if known else second).complete(upload, JOINED)
    assert await first.size(upload) == len(b"".join(PARTS))


async def test_ecr_completes_an_upload_again_whose_layer_is_there(processes: tuple[Site, Site, list[str]]) -> None:
    site, _, _ = processes
    upload = await site.begin(CONTENT)
    for _ in range(2):
        layer = await site.uploads.complete_parts(ME, REGISTRY.repository(NAME), upload, [DIGEST])
        assert layer.digest == DIGEST
    with pytest.raises(UploadNotFound):
        await site.uploads.complete_parts(ME, REGISTRY.repository(NAME), upload, [Digest.of(b"else")])
