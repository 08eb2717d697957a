"""Replication rules, and the deliveries that they create."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import Registry, RepositoryName


@dataclass(frozen=True, slots=True)
class ReplicationRule:
    """The destinations of images whose repository name begins with one of `prefixes` (none: every repository).

    `deletions` is the setting for replicating deletions too. None means that the request did not set it: no.
    """

    destinations: tuple[Registry, ...]
    prefixes: tuple[str, ...] = ()
    deletions: bool | None = None

    def selects(self, repository: str) -> bool:
        return not self.prefixes or any(repository.startswith(prefix) for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class ReplicationConfiguration:
    """A registry's rules, replaced as a whole. Their order has no meaning but is preserved."""

    rules: tuple[ReplicationRule, ...] = ()

    @property
    def destinations(self) -> frozenset[Registry]:
        return frozenset(place for rule in self.rules for place in rule.destinations)

    def destinations_of(self, repository: str) -> frozenset[Registry]:
        """Return the destinations of one repository's images: the union over the rules that select it."""
        return frozenset(place for rule in self.rules if rule.selects(repository) for place in rule.destinations)


class DeliveryState(Enum):
    """The state of a delivery. A leased delivery counts as waiting: a lease is only a claim that expires."""

    WAITING = "waiting"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def ecr(self) -> str:
        """Return the state's name in DescribeImageReplicationStatus."""
        return "IN_PROGRESS" if self is DeliveryState.WAITING else self.name


class FailureCode(Enum):
    """Why a delivery failed. Only the first code is known from AWS (field reports); the rest are ours, in its style."""

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
    """What happened to the tag when an image arrived. In every case the image is stored and the delivery complete."""

    NONE = "none"
    MOVED = "moved"
    KEPT = "kept"  # immutable at the destination, and on another image
    SUPERSEDED = "superseded"  # a newer change was applied before: a later position, or one made at the destination


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """The planner's decision to deliver an image (under a tag, or without one) to a destination.

    `repetition` is greater than that of every earlier delivery of the same image and tag at the same position. Those
    deliveries all failed.
    """

    destination: Registry
    repository: RepositoryName
    digest: Digest
    tag: str | None
    repetition: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One entry of the outbox: one (image, tag) for one destination registry. `id` is globally unique."""

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
    """The destination's confirmation that it has an image and, for an index, the images that it refers to."""

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
    """The outbox's record of one delivery. It never claims more than the copy's true state.

    `carried_by` is the ARN of the role session that delivered it. `reason` is the text of the last failure.
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
    """A delivery in a list. `next_try_at` is None if no attempt will come or one is in progress."""

    source: Registry
    report: DeliveryReport
    is_under_way: bool
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of a registry's deliveries, the newest first. The next page begins after the id `next`, if it is set."""

    reports: tuple[DeliveryReport, ...]
    next: str | None
