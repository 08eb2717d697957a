"""The transfer of one offer: offer it, bring what is missing, commit; report each delivery once it is decided."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from uuid import uuid4

from twinport.catalog.regional import departures
from twinport.errors import Refusal
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.cargo import BlobEntry, Cargo
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.replication import Delivery, FailureCode, Landed, Lane
from twinport.processes.pools import MESSAGES
from twinport.refusals.images import DigestMismatch, ImageInaccessible, LayerInaccessible
from twinport.refusals.storage import BlobMissing, BlobUnreadable
from twinport.replication.destination import (
    MOST_MANIFEST_BYTES,
    Behind,
    Consignment,
    Destination,
    Done,
    Missing,
    Offer,
    OfferAnswer,
    OfferedImage,
    Refused,
)
from twinport.replication.itinerary import children_first
from twinport.replication.outcomes import Hindered, Hopeless, Outcome, outcome_of
from twinport.replication.source_damage import SourceBytes

_TRANSFERS_AT_ONCE = 4
# Manifests larger than this are hashed in a thread.
_LARGE = 1 << 16

Report = Callable[[Delivery, Outcome], Awaitable[None]]
_Transfer = asyncio.Task[int | Hindered | Hopeless]


class Badge(Protocol):
    def show(self) -> Caller:
        """Return the session for this lane, with some of its time left."""
        ...


@dataclass(frozen=True, slots=True)
class Load:
    """A delivery with its cargo, as it is offered."""

    delivery: Delivery
    cargo: Cargo
    image: OfferedImage


def offered(delivery: Delivery, cargo: Cargo) -> OfferedImage:
    """Describe a delivery to its destination."""
    order = children_first(cargo.root, {digest: entry.children for digest, entry in cargo.manifests.items()})
    return OfferedImage(
        delivery=delivery.id,
        repository=delivery.repository,
        digest=delivery.digest,
        tag=delivery.tag,
        position=delivery.position,
        manifests=tuple(cargo.manifests[digest] for digest in order),
        blobs=tuple(cargo.blobs.values()),
    )


def in_offers(loads: Sequence[Load], limit: int = MOST_MANIFEST_BYTES) -> Iterator[list[Load]]:
    """Cut loads into offers of at most `limit` bytes of manifests; a larger image travels alone."""
    together: list[Load] = []
    size = 0
    for load in loads:
        more = sum(entry.size for entry in load.image.manifests)
        if together and size + more > limit:
            yield together
            together, size = [], 0
        together.append(load)
        size += more
    if together:
        yield together


@dataclass(frozen=True, slots=True)
class Road:
    """A lane with its destination, its session, and the source of its bytes."""

    lane: Lane
    destination: Destination
    badge: Badge
    source: SourceBytes

    async def deliver(self, loads: Sequence[Load], report: Report) -> None:
        """Offer `loads` together, and carry each of them until its outcome is reported."""
        offer = Offer(str(uuid4()), self.lane.source, self.lane.destination, tuple(load.image for load in loads))
        try:
            answers = await self.destination.offer(self.badge.show(), offer)
        except Refusal as refusal:
            for load in loads:
                await report(load.delivery, outcome_of(refusal))
            return
        async with asyncio.TaskGroup() as group:
            await _Trip(self, offer, report, group).follow([(load, answers[load.delivery.id]) for load in loads])


@dataclass(frozen=True, slots=True)
class _Ready:
    """A load that lacks only these manifests and the commit; `carried` counts its blobs' bytes."""

    load: Load
    manifests: frozenset[Digest]
    carried: int = 0


@dataclass(slots=True)
class _Trip:
    """From answer to commit. A blob is moved once for all loads that wait for it."""

    road: Road
    offer: Offer
    report: Report
    group: asyncio.TaskGroup
    transfers: dict[Digest, _Transfer] = field(default_factory=dict)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TRANSFERS_AT_ONCE))

    async def follow(self, answered: Sequence[tuple[Load, OfferAnswer]]) -> None:
        """Commit loads that need no blobs together, and each of the others as soon as its blobs have arrived."""
        ready: list[_Ready] = []
        for load, answer in answered:
            match answer:
                case Missing() if answer.blobs:
                    self.group.create_task(self._bring(load, answer))
                case Missing():
                    ready.append(_Ready(load, answer.manifests))
                case Done() | Refused() | Behind():
                    self._report(load, _outcome(load, answer, self.road.badge.show()))
        if ready:
            await self._commit(ready)

    async def _bring(self, load: Load, missing: Missing) -> None:
        own = [digest for digest in missing.blobs if digest not in self.transfers]
        for digest in own:
            self.transfers[digest] = self.group.create_task(self._move(load, load.cargo.blobs[digest]))
        moved = {digest: await self.transfers[digest] for digest in missing.blobs}
        failed = next(((digest, result) for digest, result in moved.items() if not isinstance(result, int)), None)
        if failed is not None:
            digest, why = failed
            # A permanent failure of one image may be temporary for another image that shares the blob.
            self._report(load, why if digest in own or isinstance(why, Hindered) else Hindered(why.reason))
            return
        carried = sum(moved[digest] for digest in own)  # type: ignore[misc]  # none has failed
        await self._commit([_Ready(load, missing.manifests, carried)])

    async def _move(self, load: Load, blob: BlobEntry) -> int | Hindered | Hopeless:
        if blob.digest in load.cargo.damaged:
            name, account = load.delivery.repository, self.road.lane.source.account
            reason = LayerInaccessible(str(blob.digest), name, account).message
            return Hindered(reason, FailureCode.SOURCE_IMAGE_INACCESSIBLE)
        async with self.slots:
            try:
                session, store = self.road.badge.show(), self.road.source.store
                return await self.road.destination.take(session, self.offer, load.image, blob, store)
            except (DigestMismatch, BlobMissing, BlobUnreadable) as refusal:
                return await self.road.source.blamed(blob, refusal)
            except Refusal as refusal:
                return outcome_of(refusal)

    async def _commit(self, laden: Sequence[_Ready]) -> None:
        packed = [(each, await self._consign(each)) for each in laden]
        for each, hindrance in packed:
            if isinstance(hindrance, Hindered):
                self._report(each.load, hindrance)
        ready = [(each, consignment) for each, consignment in packed if isinstance(consignment, Consignment)]
        if ready:
            await self._hand_over(ready)

    async def _hand_over(self, ready: Sequence[tuple[_Ready, Consignment]]) -> None:
        consignments = [consignment for _, consignment in ready]
        session = self.road.badge.show()
        try:
            answers = await self.road.destination.commit(session, self.offer, consignments)
        except Refusal as refusal:
            for each, _ in ready:
                self._report(each.load, outcome_of(refusal))
            return
        for each, consignment in ready:
            carried = each.carried + sum(len(content) for content in consignment.contents.values())
            self._report(each.load, _outcome(each.load, answers[each.load.delivery.id], session, carried))

    async def _consign(self, ready: _Ready) -> Consignment | Hindered:
        """Add the bytes of the missing manifests, if they match their digests.

        If one is gone by now, the destination answers Behind.
        """
        repository, wanted = ready.load.cargo.repository_id, ready.manifests
        contents = await self.road.source.rows.read(lambda db: departures.contents(db, repository, wanted))
        for digest in await _damaged(contents):
            source, name = self.road.lane.source, ready.load.delivery.repository
            facts = {"account": source.account, "region": source.region, "repository": name}
            telemetry.alarm(Event.MANIFEST_DAMAGED, **facts, digest=str(digest))
            reason = ImageInaccessible(str(digest), name, source.account).message
            return Hindered(reason, FailureCode.SOURCE_IMAGE_INACCESSIBLE)
        return Consignment(ready.load.image, contents)

    def _report(self, load: Load, outcome: Outcome) -> None:
        """Report in a task of its own, so that outcomes share a commit."""
        self.group.create_task(self._settle(load, outcome))

    async def _settle(self, load: Load, outcome: Outcome) -> None:
        await self.report(load.delivery, outcome)


async def _damaged(contents: Mapping[Digest, bytes]) -> list[Digest]:
    """Return the digests of manifests whose bytes are damaged."""
    is_large = sum(len(content) for content in contents.values()) > _LARGE
    return await MESSAGES.run(partial(_not_whole, contents)) if is_large else _not_whole(contents)


def _not_whole(contents: Mapping[Digest, bytes]) -> list[Digest]:
    return [digest for digest, content in contents.items() if not digest.names(content)]


def _outcome(load: Load, answer: Done | Refused | Behind, session: Caller, carried: int = 0) -> Outcome:
    match answer:
        case Done():
            return Landed(carried, session.arn, tuple(load.cargo.manifests.keys() - {load.cargo.root}))
        case Refused(code=code, reason=reason):
            return Hopeless(code, reason)
        case Behind(reason=reason):
            return Hindered(reason)
