"""Bytes that are sent to a destination: resumed, checked, held, and left alone by every other sender."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.replication.harbor import IMAGE, Harbor, blobs_of
from tests.replication.world import FAR, VIRGINIA, image
from tests.waiting import until
from twinport.model.names import RepositoryName
from twinport.model.replication import TagOutcome
from twinport.refusals.images import DigestMismatch, SizeMismatch
from twinport.refusals.storage import ArrivalBusy, OfferExpired, StorageUnavailable
from twinport.replication.destination import Done, Held, Offer, OfferedBlob, WrongOffset

LAYER = IMAGE.blobs[1]
LARGE = bytes(range(256)) * (20 << 10)


@pytest.fixture
async def offer(harbor: Harbor) -> Offer:
    offer = await harbor.offer()
    await harbor.ask(offer)
    return offer


def layer_of(offer: Offer) -> OfferedBlob:
    [layer] = [blob for blob in blobs_of(offer) if blob.size == len(LAYER)]
    return layer


async def breaks_off(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    raise StorageUnavailable("the line is dead")


async def test_bytes_that_were_sent_are_held_and_committed(harbor: Harbor, offer: Offer) -> None:
    for blob in blobs_of(offer):
        [content] = [content for content in IMAGE.blobs if len(content) == blob.size]
        assert await harbor.append(blob, 0, content) == Held(len(content))
    assert await harbor.commit(offer) == Done(TagOutcome.MOVED)
    assert await harbor.world.has(FAR, IMAGE)


async def test_bytes_come_in_slices(harbor: Harbor) -> None:
    what = image(LARGE)
    offer = await harbor.offer(what=what)
    await harbor.ask(offer)
    [config, layer] = sorted(blobs_of(offer), key=lambda blob: blob.size)
    await harbor.append(config, 0, b"{}")
    first, second, third = LARGE[: 1 << 20], LARGE[1 << 20 : 3 << 20], LARGE[3 << 20 :]
    assert await harbor.append(layer, 0, first) == Held(1 << 20)
    assert await harbor.append(layer, 1 << 20, second) == Held(3 << 20)
    assert await harbor.append(layer, 3 << 20, third) == Held(len(LARGE))
    assert await harbor.commit(offer, what.content) == Done(TagOutcome.MOVED)
    assert await harbor.world.has(FAR, what)


async def test_a_wrong_offset_is_refused_with_the_right_one(harbor: Harbor, offer: Offer) -> None:
    layer = layer_of(offer)
    assert await harbor.append(layer, 3, LAYER[3:]) == WrongOffset(0)
    await harbor.append(layer, 0, LAYER[:3])
    for wrong in (0, 2, 4, len(LAYER)):
        assert await harbor.append(layer, wrong, LAYER[wrong:]) == WrongOffset(3)
    assert await harbor.append(layer, 3, LAYER[3:]) == Held(len(LAYER))


async def test_a_line_that_breaks_costs_no_byte_that_came(harbor: Harbor, offer: Offer) -> None:
    layer = layer_of(offer)
    with pytest.raises(StorageUnavailable):
        await harbor.send(layer, 0, breaks_off(LAYER[:4]))
    assert await harbor.append(layer, 0) == WrongOffset(4)
    assert await harbor.append(layer, 4, LAYER[4:]) == Held(len(LAYER))


async def test_bytes_that_are_held_are_held_once_whatever_comes_again(harbor: Harbor, offer: Offer) -> None:
    layer = layer_of(offer)
    await harbor.append(layer, 0, LAYER)
    files = len(harbor.world.blob_files(VIRGINIA))
    for again in (LAYER, b"x" * len(LAYER), b""):
        assert await harbor.append(layer, 0, again) == Held(len(LAYER))
    assert len(harbor.world.blob_files(VIRGINIA)) == files


async def test_bytes_of_another_digest_are_not_held_and_the_blob_begins_anew(harbor: Harbor, offer: Offer) -> None:
    layer = layer_of(offer)
    with pytest.raises(DigestMismatch):
        await harbor.append(layer, 0, LAYER.upper())
    assert harbor.world.blob_files(VIRGINIA) == []
    assert await harbor.append(layer, 0, LAYER) == Held(len(LAYER))


async def test_more_bytes_than_were_offered_are_refused_as_they_come(harbor: Harbor, offer: Offer) -> None:
    layer = layer_of(offer)
    with pytest.raises(SizeMismatch):
        await harbor.append(layer, 0, LAYER, b"!")
    assert harbor.world.blob_files(VIRGINIA) == []
    assert await harbor.append(layer, 0) == Held(0)


async def test_what_a_dead_process_had_in_part_is_begun_anew(harbor: Harbor, offer: Offer) -> None:
    layer = layer_of(offer)
    await harbor.append(layer, 0, LAYER[:4])
    found = harbor.world.destinations_behind(harbor.world.gate).find(FAR)
    assert found is not None
    harbor.destination = found
    assert await harbor.append(layer, 4, LAYER[4:]) == WrongOffset(0)
    assert await harbor.append(layer, 0, LAYER) == Held(len(LAYER))


async def test_two_senders_of_one_blob_take_turns(harbor: Harbor, offer: Offer) -> None:
    layer, is_slow = layer_of(offer), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield LAYER[:4]
        await is_slow.wait()
        yield LAYER[4:]

    first = asyncio.create_task(harbor.send(layer, 0, slowly()))
    second = asyncio.create_task(harbor.append(layer, 0, LAYER))
    await asyncio.sleep(0)
    is_slow.set()
    assert set(await asyncio.gather(first, second)) == {Held(len(LAYER))}
    assert len(harbor.world.blob_files(VIRGINIA)) == 1


async def test_a_sender_that_waits_too_long_for_its_turn_comes_again(harbor: Harbor, offer: Offer) -> None:
    layer, partials = layer_of(offer), harbor.partials
    partials.turn = timedelta(0)
    async with partials.of(layer):
        with pytest.raises(ArrivalBusy):
            await harbor.append(layer, 0, LAYER)
    assert await harbor.append(layer, 0, LAYER) == Held(len(LAYER))


async def test_the_oldest_of_too_many_partial_blobs_begins_anew(harbor: Harbor, offer: Offer) -> None:
    harbor.partials.most = 2
    layers = [replace(layer_of(offer), repository=RepositoryName(f"team/{number}")) for number in range(3)]
    for layer in layers:
        await harbor.append(layer, 0, LAYER[:4])
        harbor.world.clock.advance(timedelta(seconds=1))
    assert [await harbor.append(each, 9) for each in layers[1:]] == [WrongOffset(4)] * 2
    assert await harbor.append(layers[0], 4) == WrongOffset(0)


async def test_more_senders_at_once_than_the_bound_are_refused(harbor: Harbor, offer: Offer) -> None:
    partials = harbor.partials
    partials.most = 1
    async with partials.of(replace(layer_of(offer), offer="another")):
        with pytest.raises(ArrivalBusy):
            await harbor.append(layer_of(offer), 0, LAYER)


async def test_a_partial_blob_that_waited_for_an_hour_begins_anew(harbor: Harbor, offer: Offer) -> None:
    layer = layer_of(offer)
    await harbor.append(layer, 0, LAYER[:4])
    harbor.world.clock.advance(timedelta(hours=1))
    assert await harbor.append(layer, 4) == WrongOffset(0)
    assert harbor.world.blob_files(VIRGINIA) == []


async def test_each_call_prolongs_its_offer(harbor: Harbor, offer: Offer) -> None:
    layer = layer_of(offer)
    for number, byte in enumerate(LAYER):
        assert await harbor.append(layer, number, bytes([byte])) == Held(number + 1)
        harbor.world.clock.advance(timedelta(minutes=50))
        await harbor.world.replication.office.sweep_offers()
    harbor.world.clock.advance(timedelta(hours=2))
    await harbor.world.replication.office.sweep_offers()
    with pytest.raises(OfferExpired):
        await harbor.append(layer, 0, LAYER)


async def test_a_file_that_was_removed_as_an_orphan_meanwhile_is_named_by_no_row(harbor: Harbor) -> None:
    offer = await harbor.offer(what=image(LARGE))
    await harbor.ask(offer)
    [_, layer] = sorted(blobs_of(offer), key=lambda blob: blob.size)
    await harbor.append(layer, 0, LARGE[:-1])
    [path] = until(lambda: harbor.world.blob_files(VIRGINIA))
    path.unlink()
    with pytest.raises(ArrivalBusy):
        await harbor.append(layer, len(LARGE) - 1, LARGE[-1:])
    assert await harbor.append(layer, 0, LARGE) == Held(len(LARGE))
