"""Destinations at the other end of a bad wire: the double of a deployment elsewhere.

Every call becomes bytes, and is answered in another task from those bytes alone. The wire loses one answer in five
after the call took effect, brings one call in five twice, and cuts off one in five on its way.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle
from random import Random

from tests.replication import wire
from tests.replication.wire import Head
from twinport.access.lane_sessions import Authorization
from twinport.errors import Refusal, Unavailable
from twinport.model.names import RegionName, Registry
from twinport.replication.destination import (
    AdoptAnswer,
    Adopted,
    AppendAnswer,
    Behind,
    CommitAnswer,
    Destination,
    Destinations,
    Done,
    Held,
    NotShared,
    Offer,
    OfferAnswer,
    OfferedBlob,
    OfferedBlobs,
    Part,
    Refused,
    WrongOffset,
)
from twinport.replication.local_destination import LocalDestinations

LOST, TWICE, TOGETHER, CUT, WELL = "lost", "twice", "twice at once", "cut off", "well"
# A stream has so many frames at least: even a small blob can be cut off in many places.
_FRAMES = 8


class Unanswered(Unavailable):
    """No answer came: the call may have taken effect or not."""


@dataclass(slots=True)
class Line:
    """What happens to each call. Of five calls of one part, each has another fate of `deck`, in random order.

    Of the calls that come twice, every other one comes at once. If every call comes twice, the second comes after the
    first. A delivery loses four calls at most, and each of its blobs one: a courier gives up after twelve attempts, as
    it should, and no story is to end so by chance.
    """

    random: Random = field(default_factory=lambda: Random(0))
    deck: tuple[str, ...] = (LOST, TWICE, CUT, WELL, WELL)
    met: Counter[str] = field(default_factory=Counter)
    _dealt: dict[str, list[str]] = field(default_factory=dict)
    _failed: Counter[str] = field(default_factory=Counter)
    _doubles: Iterator[str] = field(default_factory=lambda: cycle((TWICE, TOGETHER)))

    def fate(self, part: str, about: Collection[str], most_failures: int) -> str:
        """Return the fate of a call of this part about these deliveries, or about this blob."""
        fate = self._next(part)
        if fate in (LOST, CUT):
            if any(self._failed[each] == most_failures for each in about):
                fate = WELL
            else:
                self._failed.update(about)
        self.met[fate] += 1
        return fate

    def _next(self, part: str) -> str:
        dealt = self._dealt.setdefault(part, [])
        if not dealt:
            dealt += self.random.sample(self.deck, len(self.deck))
        fate = dealt.pop()
        return next(self._doubles) if fate == TWICE and len(self.deck) > 1 else fate


EACH_TWICE = (TWICE,)


@dataclass(frozen=True, slots=True)
class FarSide:
    """Answers bytes with bytes. It shares nothing with the near side."""

    destinations: Destinations

    async def answer(self, message: bytes) -> bytes:
        try:
            return wire.pack(await self._answered(wire.head_of(message), message))
        except Refusal as refusal:
            return wire.pack({"refusal": wire.written_refusal(refusal)})

    async def _answered(self, head: Head, message: bytes) -> Head:
        destination = self.destinations.find(wire.read_registry(head["to"]))
        assert destination is not None
        authorization = wire.read_authorization(head["authorization"])
        match Part(head["part"]):
            case Part.OFFER:
                offer = wire.read_offer(head["offer"], wire.frames_of(message))
                return wire.written_answers(await destination.offer(authorization, offer))
            case Part.COMMIT:
                offer = wire.read_offer(head["offer"], wire.frames_of(message))
                return wire.written_answers(await destination.commit(authorization, offer))
            case Part.ADOPT:
                blobs = wire.read_blobs(head["blobs"])
                return {"answer": wire.written_held(await destination.adopt(authorization, blobs))}
            case Part.APPEND:
                blob, pieces = wire.read_blob(head["blob"]), wire.stream_of(message)
                answer = await destination.append(authorization, blob, head["offset"], pieces)
                return {"answer": wire.written_held(answer)}


@dataclass(frozen=True, slots=True)
class RemoteDestinations:
    """The near side of a far deployment."""

    far: FarSide
    line: Line

    def find(self, registry: Registry) -> Destination | None:
        return RemoteDestination(registry, self.far, self.line) if self.far.destinations.find(registry) else None


def at_the_end_of(line: Line, local: Destinations, *, without: RegionName) -> RemoteDestinations:
    """Put local destinations at the end of a line. They no longer reach the store of one Region."""
    assert isinstance(local, LocalDestinations)
    return RemoteDestinations(FarSide(replace(local, regions=set(local.regions) - {without})), line)


@dataclass(frozen=True, slots=True)
class RemoteDestination:
    registry: Registry
    far: FarSide
    line: Line

    async def offer(self, authorization: Authorization, offer: Offer) -> Mapping[str, OfferAnswer]:
        head = await self._call(Part.OFFER, authorization, {"offer": wire.written_offer(offer)})
        return {delivery: wire.read_answer(answer) for delivery, answer in head["answers"].items()}

    async def commit(self, authorization: Authorization, offer: Offer) -> Mapping[str, CommitAnswer]:
        facts, contents = {"offer": wire.written_offer(offer)}, wire.contents_of(offer)
        head = await self._call(Part.COMMIT, authorization, facts, *contents)
        return {delivery: _to_commit(wire.read_answer(answer)) for delivery, answer in head["answers"].items()}

    async def adopt(self, authorization: Authorization, blobs: OfferedBlobs) -> AdoptAnswer:
        head = await self._call(Part.ADOPT, authorization, {"blobs": wire.written_blobs(blobs)})
        answer = wire.read_held(head["answer"])
        assert isinstance(answer, Adopted | NotShared)
        return answer

    async def append(
        self, authorization: Authorization, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]
    ) -> AppendAnswer:
        facts, frames = {"blob": wire.written_blob(blob), "offset": offset}, list[bytes]()
        try:
            async for piece in pieces:
                size = max(1, len(piece) // _FRAMES)
                frames += [piece[first : first + size] for first in range(0, len(piece), size)]
        except Refusal:
            await self._send(Part.APPEND, _cut_off(self._message(Part.APPEND, authorization, facts, *frames)), WELL)
            raise
        answer = wire.read_held((await self._call(Part.APPEND, authorization, facts, *frames))["answer"])
        assert isinstance(answer, Held | WrongOffset)
        return answer

    async def _call(self, part: Part, authorization: Authorization, facts: Head, *frames: bytes) -> Head:
        fate = self.line.fate(part.value, *_about(facts))
        message = self._message(part, authorization, facts, *frames)
        if fate == CUT:
            message = message[: self.line.random.randrange(len(_up_to_frames(message)), len(message))]
        answer = await self._send(part, message, fate)
        if fate in (LOST, CUT):
            raise Unanswered(f"the answer to {part.value} did not come")
        head = wire.head_of(answer)
        if "refusal" in head:
            raise wire.read_refusal(head["refusal"])
        return head

    def _message(self, part: Part, authorization: Authorization, facts: Head, *frames: bytes) -> bytes:
        to = f"{self.registry.account}/{self.registry.region}"
        written = wire.written_authorization(authorization)
        return wire.pack({"part": part.value, "to": to, "authorization": written, **facts}, frames)

    async def _send(self, part: Part, message: bytes, fate: str) -> bytes:
        """Have the far side answer, in a task of its own; return one of its answers."""
        answering = [self._heard(part, message)]
        if fate == TWICE:
            await answering[0]
        if fate in (TWICE, TOGETHER):
            answering.append(self._heard(part, message))
        answers = await asyncio.gather(*answering)
        return answers[0] if fate == TWICE else self.line.random.choice(answers)

    def _heard(self, part: Part, message: bytes) -> asyncio.Task[bytes]:
        return asyncio.create_task(self.far.answer(message), name=f"far side: {part.value}")


def _about(facts: Head) -> tuple[Collection[str], int]:
    """Return what a call is about, and how many of its calls may fail."""
    if "offer" in facts:
        return [each["delivery"] for each in facts["offer"]["images"]], 4
    blobs = facts.get("blobs") or [facts["blob"]]
    return [f"{blob['repository']} {blob['digest']}" for blob in blobs], 1


def _to_commit(answer: wire.ImageAnswer) -> CommitAnswer:
    assert isinstance(answer, Done | Refused | Behind)
    return answer


def _up_to_frames(message: bytes) -> bytes:
    """Return a message up to the end of its head, of which the far side needs all."""
    return message[: 4 + int.from_bytes(message[:4], "big")]


def _cut_off(message: bytes) -> bytes:
    """Return a message without its last, empty frame."""
    return message[:-4]
