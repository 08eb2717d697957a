"""The internal ReplicateImage protocol, as a port: a courier's requests to a destination registry, and the answers.

A conversation is *offer* → *bytes* → *commit*, in batches. Every part is repeatable: a courier asks for a lost answer
again, and nothing happens twice. The gate authorizes each part again, by `ecr:ReplicateImage` on the repository, and by
`ecr:CreateRepository` where the repository is absent. A destination accepts only a session of the replication role that
is bound to this source and this destination. A fourth part, *withdraw*, is reserved for deletions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from twinport.blobs.store import BlobReader
from twinport.model.cargo import BlobEntry, ManifestEntry
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import Position
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import FailureCode, TagOutcome

VERSION = 1
MOST_IMAGES = 100
MOST_MANIFEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OfferedImage:
    """One delivery as it is offered: names, sizes and digests. `manifests` has children before parents."""

    delivery: str
    repository: RepositoryName
    digest: Digest
    tag: str | None
    position: Position
    manifests: tuple[ManifestEntry, ...]
    blobs: tuple[BlobEntry, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """At most MOST_IMAGES images. `id` is the courier's own, and names the bytes that are held until commit."""

    id: str
    source: Registry
    destination: Registry
    images: tuple[OfferedImage, ...]


@dataclass(frozen=True, slots=True)
class CommittedImage:
    """An image to be committed, with the bytes of those of its manifests that were missing."""

    image: OfferedImage
    contents: Mapping[Digest, bytes] = field(default_factory=dict)


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


OfferAnswer = Missing | Done | Refused | Behind
CommitAnswer = Done | Refused | Behind


class Destination(Protocol):
    """One registry, as couriers see it."""

    async def offer(self, session: Caller, offer: Offer) -> Mapping[str, OfferAnswer]:
        """Return for each delivery what is missing here.

        A blob is missing if no repository of this registry names it, whatever the blob store holds: its existence
        elsewhere must stay secret, and proves nothing. Changes no image. Raises AccessDenied if the session is not
        one for this lane, Unavailable if the courier may try again.
        """
        ...

    async def take(
        self, session: Caller, offer: Offer, wanted: OfferedImage, blob: BlobEntry, store: BlobReader
    ) -> int:
        """Take a blob of `wanted` from the source's store, and hold it for the whole offer; return the bytes moved.

        The digest is computed here, of the bytes that arrived (law 8). Durable on return. A blob that the offer holds
        already is not moved again. Raises DigestMismatch, BlobMissing, AccessDenied, Unavailable.
        """
        ...

    async def commit(
        self, session: Caller, offer: Offer, images: Sequence[CommittedImage]
    ) -> Mapping[str, CommitAnswer]:
        """Make images visible: each in one transaction, manifests children first, the tag last, or not at all.

        A delivery that was committed before gets the same answer again. Raises AccessDenied, Unavailable.
        """
        ...


class Destinations(Protocol):
    """The destination registries that can be reached from here."""

    def find(self, registry: Registry) -> Destination | None:
        """Return a registry's port, or None if no deployment that we know serves its Region."""
        ...
