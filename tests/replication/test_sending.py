"""Blobs for a destination that cannot read the source's store: their bytes are sent, and resumed."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.replication.world import FAR, HOME, VIRGINIA, World, image, index
from twinport.access.lane_sessions import Authorization
from twinport.model.names import Registry
from twinport.model.replication import DeliveryState, ReplicationRule
from twinport.refusals.storage import StorageUnavailable
from twinport.replication.destination import (
    AdoptAnswer,
    AppendAnswer,
    CommitAnswer,
    Destination,
    Destinations,
    NotShared,
    Offer,
    OfferAnswer,
    OfferedBlob,
    OfferedBlobs,
    WrongOffset,
)

LARGE = bytes(range(256)) * (5 << 10)
IMAGE = image(LARGE)


@dataclass(slots=True)
class Line:
    """What happens to the calls that bring bytes: each takes a fate from the list, the rest go well."""

    fates: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    adoptions: int = 0


@dataclass(frozen=True, slots=True)
class FarAway:
    """Destinations with stores of their own, at the end of a line."""

    inner: Destinations
    line: Line

    def find(self, registry: Registry) -> Destination | None:
        found = self.inner.find(registry)
        return None if found is None else _FarAway(found, self.line)


@dataclass(frozen=True, slots=True)
class _FarAway:
    inner: Destination
    line: Line

    async def offer(self, authorization: Authorization, offer: Offer) -> Mapping[str, OfferAnswer]:
        return await self.inner.offer(authorization, offer)

    async def adopt(self, authorization: Authorization, blobs: OfferedBlobs) -> AdoptAnswer:
        del authorization, blobs
        self.line.adoptions += 1
        return NotShared()

    async def append(
        self, authorization: Authorization, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]
    ) -> AppendAnswer:
        self.line.offsets.append(offset)
        match self.line.fates.pop(0) if self.line.fates else "well":
            case "lost":
                await self.inner.append(authorization, blob, offset, pieces)
                raise StorageUnavailable("no answer came")
            case "unheard":
                raise StorageUnavailable("no connection")
            case "stuck":
                return WrongOffset(0)
            case _:
                return await self.inner.append(authorization, blob, offset, pieces)

    async def commit(self, authorization: Authorization, offer: Offer) -> Mapping[str, CommitAnswer]:
        return await self.inner.commit(authorization, offer)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def world(tmp_path: Path, line: Line) -> AsyncIterator[World]:
    world = World(tmp_path, wrap=lambda destinations: FarAway(destinations, line), slice_size=1 << 19)
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield world
    world.close()


async def test_what_cannot_be_adopted_is_sent(world: World, line: Line) -> None:
    one, two = image(b"one"), image(b"two")
    for each in (one, two, index(one, two)):
        await world.push(each, "1")
    await world.deliver()
    for each in (one, two, index(one, two)):
        assert await world.has(FAR, each)
    assert line.offsets == [0] * 3


async def test_a_destination_is_asked_once_an_offer_whether_it_shares_the_store(world: World, line: Line) -> None:
    for number in range(12):
        await world.push(image(bytes([number])), str(number))
    await world.deliver()
    assert line.adoptions <= 4, "four blobs travel at once; each may ask before the first answer comes"


async def test_a_large_blob_is_sent_in_slices(world: World, line: Line) -> None:
    await world.push(IMAGE, "1")
    await world.deliver()
    assert await world.has(FAR, IMAGE)
    assert [offset for offset in line.offsets if offset] == [1 << 19, 1 << 20]
    assert (await world.status(IMAGE)).bytes_carried == len(IMAGE.content) + sum(map(len, IMAGE.blobs))


@pytest.mark.parametrize("fates", [["lost"], ["unheard"], ["lost", "unheard", "lost"], ["unheard"] * 4, ["lost"] * 4])
async def test_a_call_without_an_answer_is_made_again_where_the_bytes_end(
    world: World, line: Line, fates: list[str]
) -> None:
    line.fates = fates
    await world.push(IMAGE, "1")
    await world.deliver()
    report = await world.status(IMAGE)
    assert (report.state, report.attempts) == (DeliveryState.COMPLETE, 1)
    assert await world.has(FAR, IMAGE)
    assert len(world.blob_files(VIRGINIA)) == len(IMAGE.blobs)


@pytest.mark.parametrize("fate", ["unheard", "stuck"])
async def test_a_transfer_without_progress_is_given_up_for_this_attempt(world: World, line: Line, fate: str) -> None:
    line.fates = [fate] * 20
    await world.push(IMAGE, "1")
    await world.deliver()
    report = await world.status(IMAGE)
    assert (report.state, report.attempts) == (DeliveryState.WAITING, 1)
    assert len(line.offsets) <= 2 * 5
