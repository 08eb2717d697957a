"""The internal ReplicateImage protocol, as a port: a courier's requests to a destination registry, and the answers.

A conversation is *offer* → *bytes* → *commit*, in batches. Every part is repeatable: a courier asks for a lost answer
again, and nothing happens twice. A session of the replication role signs each part (`statement`), and a destination
hears only one that is bound to this source and this destination. The gate authorizes each part again, by
`ecr:ReplicateImage` on the repository, and by `ecr:CreateRepository` where the repository is absent. A fourth part,
*withdraw*, is reserved for deletions.

Bytes come in one of two ways. Where both sides stand on one store, the destination *adopts* a blob: it copies the bytes
by itself. Otherwise the courier *appends* bytes from an offset on, and the answer says how many the destination holds.
All that this module defines can cross a wire: names, digests, sizes and bytes. No key of a store leaves its side.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from twinport.access.lane_sessions import Authorization
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.manifests import Descriptor
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import FailureCode, TagOutcome

VERSION = 1
MOST_IMAGES = 100
MOST_BLOBS = 32
MOST_MANIFEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OfferedImage:
    """One delivery as it is offered, and then committed: names, sizes and digests. `manifests` has children first.

    `contents` has the bytes of those manifests that were missing. It is empty until the commit.
    """

    delivery: str
    repository: RepositoryName
    digest: Digest
    tag: str | None
    position: Position
    manifests: tuple[Descriptor, ...]
    blobs: tuple[Descriptor, ...]
    contents: Mapping[Digest, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """At most MOST_IMAGES images. `id` is the courier's own, and names the bytes that are held until commit."""

    id: str
    source: Registry
    destination: Registry
    images: tuple[OfferedImage, ...]


@dataclass(frozen=True, slots=True)
class OfferedBlob:
    """A blob of an image of the offer `offer`. The repository is that image's: the gate decides by it."""

    offer: str
    source: Registry
    destination: Registry
    repository: RepositoryName
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class OfferedBlobs:
    """Blobs of one offer that a destination adopts together: 1 to MOST_BLOBS. Otherwise ValueError is raised."""

    each: tuple[OfferedBlob, ...]

    def __post_init__(self) -> None:
        offers = {(blob.offer, blob.source, blob.destination) for blob in self.each}
        if len(offers) != 1 or len(self.each) > MOST_BLOBS:
            raise ValueError(self.each)

    @property
    def offer(self) -> str:
        return self.each[0].offer

    @property
    def source(self) -> Registry:
        return self.each[0].source

    @property
    def destination(self) -> Registry:
        return self.each[0].destination


def blob_of(offer: Offer, image: OfferedImage, blob: Descriptor) -> OfferedBlob:
    return OfferedBlob(offer.id, offer.source, offer.destination, image.repository, blob.digest, blob.size)


class Part(Enum):
    """A part of the protocol that a session signs."""

    OFFER = "offer"
    ADOPT = "adopt"
    APPEND = "append"
    COMMIT = "commit"


Signed = Offer | OfferedBlob | OfferedBlobs


def statement(part: Part, what: Signed, offset: int = 0) -> bytes:
    """Return what a session signs for one part: every fact that decides. It names bytes by their digests."""
    lane = [what.source.account, what.source.region, what.destination.account, what.destination.region]
    return json.dumps([VERSION, part.value, lane, _facts(what, offset)]).encode()


def _facts(what: Signed, offset: int) -> list[object]:
    match what:
        case Offer():
            return _offered(what)
        case OfferedBlobs():
            return [_bytes(blob, offset) for blob in what.each]
        case OfferedBlob():
            return _bytes(what, offset)


def _offered(offer: Offer) -> list[object]:
    return [offer.id, [_delivered(image) for image in offer.images]]


def _delivered(image: OfferedImage) -> list[object]:
    position = [image.position.epoch, image.position.sequence]
    return [image.delivery, image.repository, str(image.digest), image.tag, position]


def _bytes(blob: OfferedBlob, offset: int) -> list[object]:
    return [blob.offer, blob.repository, str(blob.digest), blob.size, offset]


@dataclass(frozen=True, slots=True)
class Missing:
    """What the courier must bring before it can commit the image. If both are empty, it commits at once."""

    manifests: frozenset[Digest] = frozenset()
    blobs: frozenset[Digest] = frozenset()


@dataclass(frozen=True, slots=True)
class Done:
    """The image is there, and the delivery was decided about."""

    tag: TagOutcome


@dataclass(frozen=True, slots=True)
class Refused:
    """The destination will not take the image, however often it is offered."""

    code: FailureCode
    reason: str


@dataclass(frozen=True, slots=True)
class Behind:
    """The image cannot land now: something that it needs is gone or not there yet. The courier offers it again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """The destination has this many bytes of a blob, from its beginning. If that is all, they are checked and durable.

    Fewer may be lost if the destination's process ends: the next answer then says so.
    """

    size: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """The offer holds all the blobs: checked and durable."""


@dataclass(frozen=True, slots=True)
class WrongOffset:
    """No byte was taken: the courier must continue at `held`."""

    held: int


@dataclass(frozen=True, slots=True)
class NotShared:
    """The destination cannot read the source's store: the courier must bring the bytes."""


OfferAnswer = Missing | Done | Refused | Behind
AdoptAnswer = Adopted | NotShared
AppendAnswer = Held | WrongOffset
CommitAnswer = Done | Refused | Behind


class Destination(Protocol):
    """One registry, as couriers see it."""

    async def offer(self, authorization: Authorization, offer: Offer) -> Mapping[str, OfferAnswer]:
        """Return for each delivery what is missing here.

        A blob is missing if no repository of this registry names it, whatever the blob store holds: its existence
        elsewhere must stay secret, and proves nothing. Changes no image. As every part it raises CredentialsUnknown for
        a signature that is not of this part, SessionExpired, AccessDenied if the session is not one for this lane,
        and Unavailable if the courier may try again.
        """
        ...

    async def adopt(self, authorization: Authorization, blobs: OfferedBlobs) -> AdoptAnswer:
        """Copy blobs from a store that both sides share, and hold them for the whole offer.

        The digests are computed here, of the bytes that arrived (law 8). Durable on return. A blob that the offer holds
        already is not copied again. What is raised is about one of the blobs: the others may be held by now. Raises
        DigestMismatch, LayerNotFound if the source does not hold the blob, BlobMissing, BlobUnreadable, AccessDenied,
        Unavailable.
        """
        ...

    async def append(
        self, authorization: Authorization, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]
    ) -> AppendAnswer:
        """Take bytes of a blob from `offset` on, and hold them for the whole offer.

        Once all have come, their size and digest are compared with those of the offer; only then they count as held.
        If `pieces` ends early or raises, the bytes so far stay, and the next call continues. `pieces` must end by
        itself when its sender stalls. Raises DigestMismatch or SizeMismatch, after which nothing is left of the blob;
        OfferExpired, AccessDenied, Unavailable.
        """
        ...

    async def commit(self, authorization: Authorization, offer: Offer) -> Mapping[str, CommitAnswer]:
        """Make images of an offer visible: each as a whole, manifests children first, the tag last, or not.

        `offer` has those images that are complete by now, with the contents of their missing manifests. A delivery that
        was committed before gets the same answer again. Raises AccessDenied, Unavailable.
        """
        ...


class Destinations(Protocol):
    """The destination registries that can be reached from here."""

    def find(self, registry: Registry) -> Destination | None:
        """Return a registry's port, or None if no deployment that we know serves its Region."""
        ...
