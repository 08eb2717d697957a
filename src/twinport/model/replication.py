"""Replication rules, and the obligations that they create."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import Registry, RepositoryName


@dataclass(frozen=True, slots=True)
class ReplicationRule:
    """Where images go whose repository name begins with one of `prefixes` (none: every repository).

    `deletions` is what was said of carrying deletions too: None where nothing was said, which means no.
    """

    destinations: tuple[Registry, ...]
    prefixes: tuple[str, ...] = ()
    deletions: bool | None = None

    def selects(self, repository: str) -> bool:
        return not self.prefixes or any(repository.startswith(prefix) for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class ReplicationConfiguration:
    """A registry's rules, replaced as a whole. Their order carries no meaning but is kept."""

    rules: tuple[ReplicationRule, ...] = ()

    @property
    def destinations(self) -> frozenset[Registry]:
        return frozenset(place for rule in self.rules for place in rule.destinations)

    def destinations_of(self, repository: str) -> frozenset[Registry]:
        """Return where images of one repository go: the union over the rules that select it."""
        return frozenset(place for rule in self.rules if rule.selects(repository) for place in rule.destinations)


class DeliveryState(Enum):
    """Waiting covers 'leased': a lease is only a claim that expires."""

    WAITING = "waiting"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def ecr(self) -> str:
        """Return the state as DescribeImageReplicationStatus names it."""
        return "IN_PROGRESS" if self is DeliveryState.WAITING else self.name


class FailureCode(Enum):
    """Why a delivery gave up. Only the first is known from AWS (field reports); the rest are ours, in its style."""

    DESTINATION_REGISTRY_ACCESS_DENIED = "DESTINATION_REGISTRY_ACCESS_DENIED"
    DESTINATION_REGION_NOT_FOUND = "DESTINATION_REGION_NOT_FOUND"
    DESTINATION_LIMIT_EXCEEDED = "DESTINATION_LIMIT_EXCEEDED"
    DESTINATION_KMS_ERROR = "DESTINATION_KMS_ERROR"
    SOURCE_IMAGE_NOT_FOUND = "SOURCE_IMAGE_NOT_FOUND"
    SOURCE_IMAGE_INACCESSIBLE = "SOURCE_IMAGE_INACCESSIBLE"
    SERVICE_LINKED_ROLE_NOT_FOUND = "SERVICE_LINKED_ROLE_NOT_FOUND"
    REPLICATION_CONFIGURATION_REMOVED = "REPLICATION_CONFIGURATION_REMOVED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class TagOutcome(Enum):
    """What became of the tag when an image arrived. In every case the image is there, and the delivery complete."""

    NONE = "none"
    MOVED = "moved"
    KEPT = "kept"  # immutable at the destination, and on another image
    SUPERSEDED = "superseded"  # a newer change was applied before: a later position, or one made at the destination


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """The planner's decision: this image (under this tag, or none) is owed to this destination.

    `repetition` is greater than that of every earlier delivery of the same at the same position, which all failed.
    """

    destination: Registry
    repository: RepositoryName
    digest: Digest
    tag: str | None
    repetition: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One obligation of the outbox: one (image, tag) to one destination registry. `id` is unique everywhere."""

    id: str
    source: Registry
    destination: Registry
    repository: RepositoryName
    digest: Digest
    tag: str | None
    position: Position
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Landed:
    """The destination has said that an image is there, and with it the images that its index refers to."""

    bytes_carried: int
    carried_by: str
    children: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """The deliveries of one source registry to one destination registry."""

    source: Registry
    destination: Registry


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What the outbox knows of one delivery; never ahead of the copy.

    `carried_by` is the ARN of the role session that brought it, `reason` the words of the last failure.
    """

    id: str
    destination: Registry
    repository: RepositoryName
    digest: Digest
    tag: str | None
    position: Position
    state: DeliveryState
    failure_code: FailureCode | None
    reason: str | None
    attempts: int
    created_at: datetime
    settled_at: datetime | None
    bytes_carried: int
    carried_by: str | None
    repetition: int = 0


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    """A delivery in a list of them. `next_try_at` is None where no attempt will come, or one is being made."""

    source: Registry
    report: DeliveryReport
    is_under_way: bool
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries of a registry, the newest first. `next` is the id after which the next page begins, if any."""

    reports: tuple[DeliveryReport, ...]
    next: str | None
