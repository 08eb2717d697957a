"""What every blob store promises: plain functions that take a way to make stores."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from twinport.blobs.running import RunningHash
from twinport.blobs.store import PARTS, BlobStore, StoredFile, StoredStream, WrittenBlob
from twinport.model.content import Digest, Key
from twinport.refusals.images import DigestMismatch
from twinport.refusals.storage import BlobMissing

# Makes empty stores, a new one at each call.
Factory = Callable[[], BlobStore]

SMALL = b"a small layer"
LARGE = bytes(range(256)) * (5 << 12) + b"and a bit"
ABSENT = Key("00000000000000000000000000000000")


async def store(target: BlobStore, *pieces: bytes, algorithms: tuple[str, ...] = ("sha256",)) -> WrittenBlob:
    async with target.create(algorithms) as writer:
        for piece in pieces:
            await writer.write(piece)
        return await writer.finish()


async def content(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def stored_keys(target: BlobStore) -> set[Key]:
    return {each.key for part in PARTS for each in await target.listed(part)}


async def stored_bytes_are_read_back(new_store: Factory) -> None:
    for original in (b"", SMALL, LARGE):
        target = new_store()
        written = await store(target, original)
        assert await content(target.read(written.key)) == original
        assert written.size == await target.size(written.key) == len(original)


async def bytes_are_served_as_they_were_stored(new_store: Factory) -> None:
    for original in (b"", SMALL, LARGE):
        target = new_store()
        match await target.serving((await store(target, original)).key):
            case StoredFile(path=path):
                assert path.read_bytes() == original
            case StoredStream(read=read):
                assert await content(read(0, len(original))) == original
                half = len(original) // 2
                assert await content(read(half, len(original) - half)) == original[half:]


async def joined_bytes_are_those_of_the_blobs_in_order(new_store: Factory) -> None:
    source, target = new_store(), new_store()
    parts = [(await store(source, part)).key for part in (LARGE, SMALL)]
    known, joined = RunningHash(), LARGE * 3 + SMALL[:5]
    known.update(joined)
    for writing in (target.create(), target.create_joined(known)):
        async with writing as writer:
            for _ in range(3):
                await writer.join(source, parts[0], len(LARGE))
            await writer.join(source, parts[1], 5)
            await writer.write(b"the rest")
            written = await writer.finish()
        assert await content(target.read(written.key)) == joined + b"the rest"
        assert (written.size, written.digest) == (len(joined) + 8, Digest.of(joined + b"the rest"))


async def a_blob_that_is_too_short_is_not_joined(new_store: Factory) -> None:
    source, target = new_store(), new_store()
    key = (await store(source, SMALL)).key
    async with target.create() as writer:
        with pytest.raises(BlobMissing):
            await writer.join(source, key, len(SMALL) + 1)
    assert await stored_keys(target) == set()


async def digests_are_those_of_the_bytes(new_store: Factory) -> None:
    for original in (b"", SMALL, LARGE):
        written = await store(new_store(), original, algorithms=("sha256", "sha512"))
        assert written.digest == Digest.of(original)
        assert written.digests == {name: Digest.of(original, name) for name in ("sha256", "sha512")}


async def stored_bytes_can_be_hashed_later(new_store: Factory) -> None:
    target = new_store()
    written = await store(target, LARGE)
    assert await target.digest(written.key, "sha512") == Digest.of(LARGE, "sha512")


async def a_range_is_read(new_store: Factory) -> None:
    target = new_store()
    written = await store(target, LARGE)
    assert await content(target.read(written.key, 5, 2 << 20)) == LARGE[5 : 5 + (2 << 20)]
    assert await content(target.read(written.key, len(LARGE) - 3)) == LARGE[-3:]
    assert await content(target.read(written.key, len(LARGE))) == b""


async def pieces_are_at_most_a_mebibyte(new_store: Factory) -> None:
    target = new_store()
    written = await store(target, LARGE)
    assert max([len(piece) async for piece in target.read(written.key)]) <= 1 << 20


async def the_same_bytes_twice_have_two_keys(new_store: Factory) -> None:
    target = new_store()
    first, second = await store(target, SMALL), await store(target, SMALL)
    assert first.key != second.key
    await target.remove(first.key)
    assert await content(target.read(second.key)) == SMALL


async def an_abandoned_writer_leaves_nothing(new_store: Factory) -> None:
    async def breaks_off(target: BlobStore, original: bytes) -> None:
        async with target.create() as writer:
            await writer.write(original)
            raise ZeroDivisionError

    for original in (b"", SMALL, LARGE, LARGE * 2):
        target = new_store()
        with pytest.raises(ZeroDivisionError):
            await breaks_off(target, original)
        assert await stored_keys(target) == set()


async def a_writer_that_is_left_unfinished_leaves_nothing(new_store: Factory) -> None:
    target = new_store()
    async with target.create() as writer:
        await writer.write(LARGE)
    assert await stored_keys(target) == set()


async def a_canceled_writer_leaves_nothing(new_store: Factory) -> None:
    target = new_store()
    started = asyncio.Event()

    async def upload() -> None:
        async with target.create() as writer:
            await writer.write(LARGE)
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(upload())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await stored_keys(target) == set()


async def bytes_of_another_digest_are_not_kept(new_store: Factory) -> None:
    for original in (SMALL, LARGE):
        target = new_store()
        async with target.create() as writer:
            await writer.write(original)
            with pytest.raises(DigestMismatch):
                await writer.finish_as(Digest.of(b"something else"))
        assert await stored_keys(target) == set()


async def bytes_of_the_expected_digest_are_kept(new_store: Factory) -> None:
    target = new_store()
    async with target.create(("sha512",)) as writer:
        await writer.write(LARGE)
        written = await writer.finish_as(Digest.of(LARGE, "sha512"))
    assert await content(target.read(written.key)) == LARGE


async def many_writers_do_not_meet(new_store: Factory) -> None:
    target = new_store()
    originals = [bytes([n]) * (n << 18) for n in range(24)]
    written = await asyncio.gather(*(store(target, original) for original in originals))
    assert [await content(target.read(each.key)) for each in written] == originals


async def an_adopted_blob_is_a_copy_of_its_own(new_store: Factory) -> None:
    for original in (b"", SMALL, LARGE):
        source, target = new_store(), new_store()
        key = (await store(source, original)).key
        adopted = await target.adopt(source, key)
        assert adopted.digest == Digest.of(original)
        assert adopted.size == len(original)
        await source.remove(key)
        assert await content(target.read(adopted.key)) == original


async def a_blob_that_is_not_there_is_missing(new_store: Factory) -> None:
    target = new_store()
    with pytest.raises(BlobMissing):
        await target.size(ABSENT)
    with pytest.raises(BlobMissing):
        await content(target.read(ABSENT))
    with pytest.raises(BlobMissing):
        await content(target.read(ABSENT, 0, 5))
    with pytest.raises(BlobMissing):
        await target.digest(ABSENT, "sha256")
    with pytest.raises(BlobMissing):
        await target.adopt(new_store(), ABSENT)
    assert await stored_keys(target) == set()


async def a_blob_that_was_cut_short_is_missing_where_it_ends(new_store: Factory) -> None:
    target = new_store()
    written = await store(target, SMALL)
    with pytest.raises(BlobMissing):
        await content(target.read(written.key, 0, len(SMALL) + 1))


async def removing_is_repeatable(new_store: Factory) -> None:
    target = new_store()
    written = await store(target, SMALL)
    await target.remove(written.key)
    await target.remove(written.key)
    with pytest.raises(BlobMissing):
        await target.size(written.key)


async def nothing_is_created_before_the_first_blob(new_store: Factory) -> None:
    target = new_store()
    async with target.create():
        pass
    assert not await target.is_there()


async def blobs_are_listed_by_the_beginnings_of_their_keys(new_store: Factory) -> None:
    target = new_store()
    assert not await target.is_there()
    keys = {(await store(target, SMALL)).key for _ in range(20)}
    assert await target.is_there()
    listed = {part: await target.listed(part) for part in PARTS}
    assert {each.key for blobs in listed.values() for each in blobs} == keys
    assert all(each.key.startswith(part) and each.size == len(SMALL) for part in PARTS for each in listed[part])


async def a_blob_under_way_is_listed_as_just_written(new_store: Factory) -> None:
    target, before = new_store(), datetime.now(UTC) - timedelta(minutes=1)
    async with target.create() as writer:
        await writer.write(LARGE)
        await writer.finish()
        [listed] = [each for part in PARTS for each in await target.listed(part)]
    assert listed.written_at > before


async def whoever_asks_first_owns_the_store_for_good(new_store: Factory) -> None:
    target = new_store()
    await store(target, SMALL)
    answers = set(await asyncio.gather(*(target.owner(f"catalog {number}") for number in range(10))))
    assert len(answers) == 1
    assert {await target.owner("another")} == answers


CONTRACT: tuple[Callable[[Factory], Awaitable[None]], ...] = (
    stored_bytes_are_read_back,
    bytes_are_served_as_they_were_stored,
    joined_bytes_are_those_of_the_blobs_in_order,
    a_blob_that_is_too_short_is_not_joined,
    digests_are_those_of_the_bytes,
    stored_bytes_can_be_hashed_later,
    a_range_is_read,
    pieces_are_at_most_a_mebibyte,
    the_same_bytes_twice_have_two_keys,
    an_abandoned_writer_leaves_nothing,
    a_writer_that_is_left_unfinished_leaves_nothing,
    a_canceled_writer_leaves_nothing,
    bytes_of_another_digest_are_not_kept,
    bytes_of_the_expected_digest_are_kept,
    many_writers_do_not_meet,
    an_adopted_blob_is_a_copy_of_its_own,
    a_blob_that_is_not_there_is_missing,
    a_blob_that_was_cut_short_is_missing_where_it_ends,
    removing_is_repeatable,
    nothing_is_created_before_the_first_blob,
    blobs_are_listed_by_the_beginnings_of_their_keys,
    a_blob_under_way_is_listed_as_just_written,
    whoever_asks_first_owns_the_store_for_good,
)
