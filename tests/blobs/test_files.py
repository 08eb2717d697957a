"""The file store: the contract, then what only files can do wrong."""

import asyncio
import errno
import itertools
import os
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.blobs.blob_store_contract import ABSENT, CONTRACT, LARGE, SMALL, Factory, content, store
from tests.blobs.forgetful_disk import Crash, ForgetfulDisk, Killed, failing_at, killed_at
from tests.blobs.streaming_store import StreamingStore
from tests.fakes import REGION
from twinport.blobs.files import FileBlobStore, FileBlobStores
from twinport.blobs.operations import CopyRange, OwnDisk
from twinport.blobs.running import RunningHash
from twinport.blobs.writing import Budget, FileWriter
from twinport.model.content import Digest, Key
from twinport.refusals.storage import StorageUnavailable


def stored_files(target: FileBlobStore) -> list[Path]:
    folder = target.path(ABSENT).parent.parent
    return [path for path in folder.rglob("*") if path.is_file()]


def new_store(folder: Path, disk: ForgetfulDisk | None = None) -> FileBlobStore:
    folder.mkdir(exist_ok=True)
    return FileBlobStores(folder, disk).region(REGION)


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("clones", [False, True], ids=["copies", "clones"])
async def test_a_file_store_keeps_its(
    promise: Callable[[Factory], Awaitable[None]], tmp_path: Path, *, clones: bool
) -> None:
    numbers = itertools.count()
    await promise(lambda: new_store(tmp_path / str(next(numbers)), ForgetfulDisk(clones=clones)))


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_a_store_without_files_keeps_its(promise: Callable[[Factory], Awaitable[None]], tmp_path: Path) -> None:
    numbers = itertools.count()
    await promise(lambda: StreamingStore(new_store(tmp_path / str(next(numbers)))))


async def test_an_adopted_file_shares_no_inode_with_its_source(tmp_path: Path) -> None:
    source, target = new_store(tmp_path / "a"), new_store(tmp_path / "b")
    for original in (SMALL, LARGE):
        key = (await store(source, original)).key
        adopted = await target.adopt(source, key)
        assert target.path(adopted.key).stat().st_ino != source.path(key).stat().st_ino


async def test_an_abandoned_writer_leaves_no_file(tmp_path: Path) -> None:
    target = new_store(tmp_path)
    async with target.create() as writer:
        await writer.write(LARGE)
    assert stored_files(target) == []


async def test_a_blob_lies_under_the_first_two_digits_of_its_key(tmp_path: Path) -> None:
    target = new_store(tmp_path)
    key = (await store(target, SMALL)).key
    assert len(key) == 32
    assert target.path(key) == tmp_path / "regions" / REGION / "blobs" / key[:2] / key
    assert stored_files(target) == [target.path(key)]


async def test_a_small_blob_is_synced_before_its_name(tmp_path: Path) -> None:
    disk = ForgetfulDisk()
    await store(new_store(tmp_path, disk), *[b"piece"] * 100)
    assert disk.operations[-4:] == ["create", "write", "sync", "sync_folder"]


async def test_a_store_whose_folders_were_removed_makes_them_again(tmp_path: Path) -> None:
    target = FileBlobStores(tmp_path).region(REGION)
    key = (await store(target, SMALL)).key
    await target.remove(key)
    for folder in (target.path(key).parent, target.path(key).parent.parent):
        folder.rename(tmp_path / f"away-{folder.name}")
    again = [(await store(target, SMALL)).key for _ in range(600)]
    assert all(target.path(key).read_bytes() == SMALL for key in again)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("original", [SMALL, LARGE], ids=["small", "large"])
async def test_a_disk_that_refuses_leaves_no_file_and_an_explained_refusal(
    tmp_path: Path, code: int, original: bytes
) -> None:
    whole = ForgetfulDisk()
    await store(new_store(tmp_path / "whole", whole), original)
    for n in range(1, len(whole.operations) + 1):
        target = new_store(tmp_path / str(n), ForgetfulDisk(failing_at(n, code)))
        with pytest.raises(StorageUnavailable):
            await store(target, original)
        assert stored_files(target) == []


async def test_a_clone_that_is_damaged_on_its_way_shows_in_its_digest(tmp_path: Path) -> None:
    source, target = new_store(tmp_path / "a"), new_store(tmp_path / "b", ForgetfulDisk(clones=True))
    key = (await store(source, LARGE)).key
    source.path(key).write_bytes(LARGE[:-1] + b"x")
    assert (await target.adopt(source, key)).digest == Digest.of(LARGE[:-1] + b"x")


@pytest.mark.parametrize("crash", Crash)
@pytest.mark.parametrize("original", [SMALL, LARGE], ids=["small", "large"])
async def test_a_finished_blob_outlives_a_crash_at_any_later_operation(
    tmp_path: Path, crash: Crash, original: bytes
) -> None:
    for n in itertools.count(1):
        disk = ForgetfulDisk(killed_at(n))
        target = new_store(tmp_path / str(n), disk)
        finished: list[Key] = []
        try:
            finished.append((await store(target, original)).key)
            await target.remove((await store(target, SMALL)).key)
            finished.append((await target.adopt(target, finished[0])).key)
        except Killed:
            disk.crash(crash)
            assert [await content(target.read(key)) for key in finished] == [original] * len(finished)
        else:
            break
    assert n > 10


async def test_a_folder_that_another_writer_made_and_did_not_sync_is_not_trusted(tmp_path: Path) -> None:
    disk = ForgetfulDisk()
    target = new_store(tmp_path, disk)
    (tmp_path / "regions" / REGION).mkdir(parents=True)
    await store(target, SMALL)
    assert disk.operations.count("sync_folder") == 5


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 700_000), max_size=16))
def test_bytes_in_any_pieces_give_the_same_blob(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    original = (LARGE * 3)[: sum(sizes)]
    ends = list(itertools.accumulate(sizes))
    pieces = [original[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    target = new_store(tmp_path_factory.mktemp("store"))
    written = asyncio.run(store(target, *pieces))
    assert written.digest == Digest.of(original)
    assert target.path(written.key).read_bytes() == original


async def test_many_uploads_at_once_share_what_may_wait_in_memory(tmp_path: Path) -> None:
    target = new_store(tmp_path)
    for _ in range(3):  # twice as much as the budget each time: what was taken is given back
        await asyncio.gather(*(store(target, *[bytes(1 << 20)] * 4) for _ in range(16)))
    assert len(stored_files(target)) == 48


async def test_small_copies_take_no_more_memory_than_their_bytes(tmp_path: Path) -> None:
    """Copies under way leave pushes the room in memory, without which each piece is written by itself."""
    source = new_store(tmp_path)
    key = (await store(source, SMALL)).key
    budget = Budget(1 << 20)
    blob = source.create()._blob
    writer = FileWriter(blob, budget)
    copying = asyncio.create_task(writer.copy_small(await source.serving(key), key, len(SMALL)))
    await asyncio.sleep(0)
    assert budget.take((1 << 20) - len(SMALL))
    assert await copying is not None


@pytest.mark.parametrize(("uploads", "pieces", "bound"), [(1, 2560, 12 << 20), (12, 210, 72 << 20)])
async def test_uploads_of_any_size_need_a_bounded_memory(tmp_path: Path, uploads: int, pieces: int, bound: int) -> None:
    target, piece = new_store(tmp_path), bytes(100 << 10)

    async def upload() -> int:
        async with target.create() as writer:
            for _ in range(pieces):
                await writer.write(piece)
            return (await writer.finish()).size

    tracemalloc.start()
    sizes = await asyncio.gather(*(upload() for _ in range(uploads)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) >= 240 << 20
    assert peak < bound


def refusing(code: int) -> CopyRange:
    """Make a system that copies nothing between files."""

    def copy(src: int, dst: int, count: int, offset_src: int) -> int:
        del src, dst, count, offset_src
        raise OSError(code, os.strerror(code))

    return copy


def halting(src: int, dst: int, count: int, offset_src: int) -> int:
    """Copy less than was asked for, as a system may."""
    return os.copy_file_range(src, dst, min(count, 1000), offset_src)


@pytest.mark.parametrize(
    "copy",
    [os.copy_file_range, halting, refusing(errno.EXDEV), refusing(errno.ENOSYS), refusing(errno.EOPNOTSUPP)],
    ids=["copies", "halts", "other disk", "old kernel", "unsupported"],
)
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "read"])
async def test_joined_blobs_are_whole_on_every_system(tmp_path: Path, copy: CopyRange, *, is_known: bool) -> None:
    target = new_store(tmp_path, ForgetfulDisk(disk=OwnDisk(copy)))
    running = RunningHash()
    parts = [await store(target, piece) for piece in (SMALL, LARGE, SMALL)]
    running.update(SMALL + LARGE + SMALL)
    async with target.create_joined(running) if is_known else target.create() as writer:
        for part in parts:
            await writer.join(target, part.key, part.size)
        await writer.write(b"end")
        written = await writer.finish()
    whole = SMALL + LARGE + SMALL + b"end"
    assert (await content(target.read(written.key)), written.size) == (whole, len(whole))
    assert written.digest == Digest.of(whole)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
async def test_a_disk_that_refuses_to_join_leaves_no_file(tmp_path: Path, code: int) -> None:
    target = new_store(tmp_path, ForgetfulDisk(disk=OwnDisk(refusing(code))))
    part = await store(target, SMALL)
    with pytest.raises(StorageUnavailable):
        async with target.create() as writer:
            await writer.join(target, part.key, part.size)
    assert stored_files(target) == [target.path(part.key)]


@pytest.mark.parametrize("crash", Crash)
async def test_joined_blobs_outlive_a_crash_at_any_later_operation(tmp_path: Path, crash: Crash) -> None:
    reached: set[str] = set()
    for n in itertools.count(1):
        disk = ForgetfulDisk(killed_at(n))
        target = new_store(tmp_path / str(n), disk)
        finished: list[Key] = []
        try:
            parts = [await store(target, SMALL), await store(target, LARGE)]
            async with target.create() as writer:
                for part in parts:
                    await writer.join(target, part.key, part.size)
                finished.append((await writer.finish()).key)
            await target.remove(parts[0].key)
        except Killed:
            reached.update(disk.operations)
            disk.crash(crash)
            assert [await content(target.read(key)) for key in finished] == [SMALL + LARGE] * len(finished)
        else:
            break
    assert "append_from" in reached
