"""The transfer of one offer: offer it, bring what is missing, commit; report each delivery once it is decided."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from twinport.catalog.regional import departures
from twinport.errors import Refusal, Unavailable
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
    MOST_BLOBS,
    MOST_MANIFEST_BYTES,
    Behind,
    Destination,
    Done,
    Missing,
    Offer,
    OfferAnswer,
    OfferedBlob,
    OfferedBlobs,
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

Report = Callable[[Sequence[tuple[Delivery, Outcome]]], Awaitable[None]]
_Moved = int | Hindered | Hopeless


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
            await report([(shipment.delivery, outcome_of(refusal)) for shipment in shipments])
            return
        answered = [(shipment, answers[shipment.delivery.id]) for shipment in shipments]
        async with asyncio.TaskGroup() as group:
            bytes_ = BlobTransfer(self.destination, self.session, self.source.store, self.slice_size)
            await _Transfer(self, offer, report, group, _Moves(self, offer, bytes_)).follow(answered)


@dataclass(slots=True)
class _Transfer:
    """From answer to commit. A blob is moved once for all shipments that wait for it.

    `ready` are shipments that the next commit takes: while one is under way, others become ready.
    """

    open_lane: OpenLane
    offer: Offer
    report: Report
    group: asyncio.TaskGroup
    moves: "_Moves"
    ready: list[Shipment] = field(default_factory=list)
    is_committing: bool = False

    async def follow(self, answered: Sequence[tuple[Shipment, OfferAnswer]]) -> None:
        """Commit each shipment as soon as its blobs have arrived; those that are ready by then go together."""
        arn = (await self.open_lane.session.current()).arn
        decided: list[tuple[Delivery, Outcome]] = []
        incomplete: list[tuple[Shipment, Missing]] = []
        for shipment, answer in answered:
            match answer:
                case Missing() if answer.blobs:
                    incomplete.append((shipment, answer))
                case Missing():
                    self.ready.append(replace(shipment, missing=answer.manifests))
                case Done() | Refused() | Behind():
                    decided.append((shipment.delivery, _outcome(shipment, answer, arn)))
        self._report(decided)
        self.moves.begin(self.group, incomplete)
        for shipment, answer in incomplete:
            self.group.create_task(self._bring(shipment, answer))
        self._commit_soon()

    async def _bring(self, shipment: Shipment, missing: Missing) -> None:
        brought = await self.moves.brought(shipment, missing)
        if isinstance(brought, int):
            self.ready.append(replace(shipment, missing=missing.manifests, carried=brought))
            self._commit_soon()
        else:
            self._report([(shipment.delivery, brought)])

    def _commit_soon(self) -> None:
        if self.ready and not self.is_committing:
            self.is_committing = True
            self.group.create_task(self._commit_what_is_ready())

    async def _commit_what_is_ready(self) -> None:
        while self.ready:
            shipments, self.ready = self.ready, []
            await self._commit(shipments)
        self.is_committing = False

    async def _commit(self, shipments: Sequence[Shipment]) -> None:
        complete: list[Shipment] = []
        for shipment in await self._with_manifests(shipments):
            if isinstance(shipment, Shipment):
                complete.append(shipment)
            else:
                self._report([shipment])
        if complete:
            await self._hand_over(complete)

    async def _hand_over(self, shipments: Sequence[Shipment]) -> None:
        session = self.open_lane.session
        offer = replace(self.offer, images=tuple(shipment.image for shipment in shipments))
        try:
            authorization, arn = await session.sign(Part.COMMIT, offer), (await session.current()).arn
            answers = await self.open_lane.destination.commit(authorization, offer)
        except Refusal as refusal:
            self._report([(shipment.delivery, outcome_of(refusal)) for shipment in shipments])
            return
        answered = [(each, answers[each.delivery.id]) for each in shipments]
        self._report([(each.delivery, _outcome(each, answer, arn, each.bytes_carried)) for each, answer in answered])

    async def _with_manifests(self, shipments: Sequence[Shipment]) -> list[Shipment | tuple[Delivery, Hindered]]:
        """Add the bytes of the missing manifests, if they match their digests.

        If one is gone by now, the destination answers Behind.
        """
        of_repository: dict[int, list[Shipment]] = {}
        for shipment in shipments:
            of_repository.setdefault(shipment.cargo.repository_id, []).append(shipment)
        found: list[Shipment | tuple[Delivery, Hindered]] = []
        for repository, same in of_repository.items():
            contents = await self._contents(repository, frozenset[Digest]().union(*(each.missing for each in same)))
            bad = set(await damaged(contents))
            found += [self._with_contents(each, contents, bad) for each in same]
        return found

    async def _contents(self, repository: int, wanted: Collection[Digest]) -> dict[Digest, bytes]:
        return await self.open_lane.source.rows.read(lambda db: departures.contents(db, repository, wanted))

    def _with_contents(
        self, shipment: Shipment, contents: Mapping[Digest, bytes], bad: Collection[Digest]
    ) -> Shipment | tuple[Delivery, Hindered]:
        source, name = self.open_lane.lane.source, shipment.delivery.repository
        for digest in sorted(shipment.missing.intersection(bad)):
            facts = {"account": source.account, "region": source.region, "repository": name}
            telemetry.alarm(Event.MANIFEST_DAMAGED, **facts, digest=str(digest))
            reason = ImageInaccessible(str(digest), name, source.account).message
            return shipment.delivery, Hindered(reason, FailureCode.SOURCE_IMAGE_INACCESSIBLE)
        own = {digest: contents[digest] for digest in shipment.missing if digest in contents}
        return replace(shipment, image=replace(shipment.image, contents=own))

    def _report(self, outcomes: Sequence[tuple[Delivery, Outcome]]) -> None:
        """Report in a task of its own, so that outcomes share a commit."""
        if outcomes:
            self.group.create_task(self._settle(outcomes))

    async def _settle(self, outcomes: Sequence[tuple[Delivery, Outcome]]) -> None:
        await self.report(outcomes)


@dataclass(slots=True)
class _Moves:
    """The blobs that an offer brings: small ones in groups, each once for all shipments that wait for it."""

    open_lane: OpenLane
    offer: Offer
    bytes_: BlobTransfer
    owners: dict[Digest, Shipment] = field(default_factory=dict)
    moving: "dict[Digest, asyncio.Task[Mapping[Digest, _Moved]]]" = field(default_factory=dict)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TRANSFERS_AT_ONCE))

    def begin(self, group: asyncio.TaskGroup, incomplete: Sequence[tuple[Shipment, Missing]]) -> None:
        """Begin to move what is missing. The first shipment that misses a blob owns it: its bytes count there."""
        for shipment, missing in incomplete:
            for digest in missing.blobs:
                self.owners.setdefault(digest, shipment)
        for digests in _in_groups({digest: owner.cargo.blobs[digest].size for digest, owner in self.owners.items()}):
            task = group.create_task(self._move(digests))
            self.moving.update(dict.fromkeys(digests, task))

    async def brought(self, shipment: Shipment, missing: Missing) -> int | Hindered | Hopeless:
        """Wait for the blobs of a shipment. Return the bytes that were brought for it, or why they were not."""
        carried = 0
        for digest in missing.blobs:
            moved, is_own = (await self.moving[digest])[digest], self.owners[digest] is shipment
            if not isinstance(moved, int):
                # A permanent failure of one image may be temporary for another image that shares the blob.
                return moved if is_own or isinstance(moved, Hindered) else Hindered(moved.reason)
            carried += moved if is_own else 0
        return carried

    async def _move(self, digests: Sequence[Digest]) -> "Mapping[Digest, _Moved]":
        """Bring blobs together; or, if one of them is refused or no store is shared, each by itself."""
        moved: dict[Digest, _Moved] = {each: self._damaged(each) for each in digests if self._is_damaged(each)}
        whole = [digest for digest in digests if digest not in moved]
        together = await self._adopt(whole) if len(whole) > 1 else None
        if together is None:
            each = await asyncio.gather(*(self._move_one(digest) for digest in whole))
            together = dict(zip(whole, each, strict=True))
        return moved | together

    async def _adopt(self, digests: Sequence[Digest]) -> "dict[Digest, _Moved] | None":
        """Have blobs adopted. Return None if that depends on the blob."""
        async with self.slots:
            try:
                is_done = await self.bytes_.adopted(OfferedBlobs(tuple(self._blob(digest) for digest in digests)))
            except (BlobMissing, BlobUnreadable):
                return None
            except Unavailable as refusal:
                return dict.fromkeys(digests, outcome_of(refusal))
            except Refusal:
                return None
        return {digest: self._blob(digest).size for digest in digests} if is_done else None

    def _is_damaged(self, digest: Digest) -> bool:
        return digest in self.owners[digest].cargo.damaged

    async def _move_one(self, digest: Digest) -> "_Moved":
        blob, key = self._blob(digest), self.owners[digest].cargo.keys[digest]
        async with self.slots:
            try:
                await self.bytes_.bring(blob, key)
            except (DigestMismatch, SizeMismatch, BlobMissing, BlobUnreadable) as refusal:
                return await self.open_lane.source.blamed(digest, key, blob.size, refusal)
            except Refusal as refusal:
                return outcome_of(refusal)
        return blob.size

    def _blob(self, digest: Digest) -> OfferedBlob:
        owner = self.owners[digest]
        return blob_of(self.offer, owner.image, owner.cargo.blobs[digest])

    def _damaged(self, digest: Digest) -> Hindered:
        name, account = self.owners[digest].delivery.repository, self.open_lane.lane.source.account
        reason = LayerInaccessible(str(digest), name, account).message
        return Hindered(reason, FailureCode.SOURCE_IMAGE_INACCESSIBLE)


def _in_groups(sizes: Mapping[Digest, int]) -> Iterator[list[Digest]]:
    """Cut blobs into groups of at most MOST_BLOBS and SLICE bytes; a larger blob goes alone."""
    together: list[Digest] = []
    size = 0
    for digest, more in sizes.items():
        if together and (len(together) == MOST_BLOBS or size + more > SLICE):
            yield together
            together, size = [], 0
        together.append(digest)
        size += more
    if together:
        yield together


def _outcome(shipment: Shipment, answer: Done | Refused | Behind, arn: str, carried: int = 0) -> Outcome:
    match answer:
        case Done():
            cargo = shipment.cargo
            return Landed(carried, arn, tuple(cargo.manifests.keys() - {cargo.root}))
        case Refused(code=code, reason=reason):
            return Hopeless(code, reason)
        case Behind(reason=reason):
            return Hindered(reason)
