"""The transfer of one offer: offer it, bring what is missing, commit; report each delivery once it is decided."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from twinport.catalog.regional import departures
from twinport.errors import Refusal
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.cargo import Cargo
from twinport.model.content import Digest
from twinport.model.replication import Delivery, FailureCode, Landed, Lane
from twinport.processes.hashing import damaged
from twinport.refusals.images import DigestMismatch, ImageInaccessible, LayerInaccessible, SizeMismatch
from twinport.refusals.storage import BlobMissing, BlobUnreadable
from twinport.replication.blob_transfer import SLICE, BlobTransfer
from twinport.replication.destination import (
    MOST_MANIFEST_BYTES,
    Behind,
    Destination,
    Done,
    Missing,
    Offer,
    OfferAnswer,
    OfferedImage,
    Part,
    Refused,
    blob_of,
)
from twinport.replication.itinerary import children_first
from twinport.replication.outcomes import Hindered, Hopeless, Outcome, outcome_of
from twinport.replication.signing import RoleSession
from twinport.replication.source_damage import SourceBytes

_TRANSFERS_AT_ONCE = 4

Report = Callable[[Delivery, Outcome], Awaitable[None]]
_Brought = asyncio.Task[int | Hindered | Hopeless]


@dataclass(frozen=True, slots=True)
class Shipment:
    """A delivery on its way, with its cargo and the image as it is offered.

    `missing` are the manifests that the destination lacks, and `carried` counts the bytes of the blobs that it
    brought.
    """

    delivery: Delivery
    cargo: Cargo
    image: OfferedImage
    missing: frozenset[Digest] = frozenset()
    carried: int = 0

    @property
    def bytes_carried(self) -> int:
        """The bytes of blobs and manifests that were brought for this delivery."""
        return self.carried + sum(len(content) for content in self.image.contents.values())


def offered(delivery: Delivery, cargo: Cargo) -> OfferedImage:
    """Describe a delivery to its destination."""
    order = children_first(cargo.root, cargo.children)
    return OfferedImage(
        delivery=delivery.id,
        repository=delivery.repository,
        digest=delivery.digest,
        tag=delivery.tag,
        position=delivery.position,
        manifests=tuple(cargo.manifests[digest] for digest in order),
        blobs=tuple(cargo.blobs.values()),
    )


def in_offers(shipments: Sequence[Shipment], limit: int = MOST_MANIFEST_BYTES) -> Iterator[list[Shipment]]:
    """Cut shipments into offers of at most `limit` bytes of manifests; a larger image travels alone."""
    together: list[Shipment] = []
    size = 0
    for shipment in shipments:
        more = sum(entry.size for entry in shipment.image.manifests)
        if together and size + more > limit:
            yield together
            together, size = [], 0
        together.append(shipment)
        size += more
    if together:
        yield together


@dataclass(frozen=True, slots=True)
class OpenLane:
    """A lane with its destination, the session for it, and the source of its bytes."""

    lane: Lane
    destination: Destination
    session: RoleSession
    source: SourceBytes
    slice_size: int = SLICE

    async def deliver(self, shipments: Sequence[Shipment], report: Report) -> None:
        """Offer `shipments` together, and carry each of them until its outcome is reported."""
        images = tuple(shipment.image for shipment in shipments)
        offer = Offer(str(uuid4()), self.lane.source, self.lane.destination, images)
        try:
            answers = await self.destination.offer(await self.session.sign(Part.OFFER, offer), offer)
        except Refusal as refusal:
            for shipment in shipments:
                await report(shipment.delivery, outcome_of(refusal))
            return
        answered = [(shipment, answers[shipment.delivery.id]) for shipment in shipments]
        async with asyncio.TaskGroup() as group:
            bytes_ = BlobTransfer(self.destination, self.session, self.source.store, self.slice_size)
            await _Transfer(self, offer, report, group, bytes_).follow(answered)


@dataclass(slots=True)
class _Transfer:
    """From answer to commit. A blob is moved once for all shipments that wait for it."""

    open_lane: OpenLane
    offer: Offer
    report: Report
    group: asyncio.TaskGroup
    bytes_: BlobTransfer
    blobs: dict[Digest, _Brought] = field(default_factory=dict)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TRANSFERS_AT_ONCE))

    async def follow(self, answered: Sequence[tuple[Shipment, OfferAnswer]]) -> None:
        """Commit shipments that need no blobs together, and each of the others as soon as its blobs have arrived."""
        ready: list[Shipment] = []
        arn = (await self.open_lane.session.current()).arn
        for shipment, answer in answered:
            match answer:
                case Missing() if answer.blobs:
                    self.group.create_task(self._bring(shipment, answer))
                case Missing():
                    ready.append(replace(shipment, missing=answer.manifests))
                case Done() | Refused() | Behind():
                    self._report(shipment, _outcome(shipment, answer, arn))
        if ready:
            await self._commit(ready)

    async def _bring(self, shipment: Shipment, missing: Missing) -> None:
        own = [digest for digest in missing.blobs if digest not in self.blobs]
        for digest in own:
            self.blobs[digest] = self.group.create_task(self._move(shipment, digest))
        moved = {digest: await self.blobs[digest] for digest in missing.blobs}
        failed = next(((digest, result) for digest, result in moved.items() if not isinstance(result, int)), None)
        if failed is not None:
            digest, why = failed
            # A permanent failure of one image may be temporary for another image that shares the blob.
            self._report(shipment, why if digest in own or isinstance(why, Hindered) else Hindered(why.reason))
            return
        carried = sum(moved[digest] for digest in own)  # type: ignore[misc]  # none has failed
        await self._commit([replace(shipment, missing=missing.manifests, carried=carried)])

    async def _move(self, shipment: Shipment, digest: Digest) -> int | Hindered | Hopeless:
        cargo = shipment.cargo
        if digest in cargo.damaged:
            name, account = shipment.delivery.repository, self.open_lane.lane.source.account
            reason = LayerInaccessible(str(digest), name, account).message
            return Hindered(reason, FailureCode.SOURCE_IMAGE_INACCESSIBLE)
        blob, key = blob_of(self.offer, shipment.image, cargo.blobs[digest]), cargo.keys[digest]
        async with self.slots:
            try:
                return await self.bytes_.bring(blob, key)
            except (DigestMismatch, SizeMismatch, BlobMissing, BlobUnreadable) as refusal:
                return await self.open_lane.source.blamed(digest, key, blob.size, refusal)
            except Refusal as refusal:
                return outcome_of(refusal)

    async def _commit(self, shipments: Sequence[Shipment]) -> None:
        complete = []
        for shipment in shipments:
            match await self._with_manifests(shipment):
                case Hindered() as hindrance:
                    self._report(shipment, hindrance)
                case Shipment() as read:
                    complete.append(read)
        if complete:
            await self._hand_over(complete)

    async def _hand_over(self, shipments: Sequence[Shipment]) -> None:
        session = self.open_lane.session
        offer = replace(self.offer, images=tuple(shipment.image for shipment in shipments))
        try:
            authorization, arn = await session.sign(Part.COMMIT, offer), (await session.current()).arn
            answers = await self.open_lane.destination.commit(authorization, offer)
        except Refusal as refusal:
            for shipment in shipments:
                self._report(shipment, outcome_of(refusal))
            return
        for shipment in shipments:
            answer = answers[shipment.delivery.id]
            self._report(shipment, _outcome(shipment, answer, arn, shipment.bytes_carried))

    async def _with_manifests(self, shipment: Shipment) -> Shipment | Hindered:
        """Add the bytes of the missing manifests, if they match their digests.

        If one is gone by now, the destination answers Behind.
        """
        repository, wanted = shipment.cargo.repository_id, shipment.missing
        contents = await self.open_lane.source.rows.read(lambda db: departures.contents(db, repository, wanted))
        for digest in await damaged(contents):
            source, name = self.open_lane.lane.source, shipment.delivery.repository
            facts = {"account": source.account, "region": source.region, "repository": name}
            telemetry.alarm(Event.MANIFEST_DAMAGED, **facts, digest=str(digest))
            reason = ImageInaccessible(str(digest), name, source.account).message
            return Hindered(reason, FailureCode.SOURCE_IMAGE_INACCESSIBLE)
        return replace(shipment, image=replace(shipment.image, contents=contents))

    def _report(self, shipment: Shipment, outcome: Outcome) -> None:
        """Report in a task of its own, so that outcomes share a commit."""
        self.group.create_task(self._settle(shipment, outcome))

    async def _settle(self, shipment: Shipment, outcome: Outcome) -> None:
        await self.report(shipment.delivery, outcome)


def _outcome(shipment: Shipment, answer: Done | Refused | Behind, arn: str, carried: int = 0) -> Outcome:
    match answer:
        case Done():
            cargo = shipment.cargo
            return Landed(carried, arn, tuple(cargo.manifests.keys() - {cargo.root}))
        case Refused(code=code, reason=reason):
            return Hopeless(code, reason)
        case Behind(reason=reason):
            return Hindered(reason)
