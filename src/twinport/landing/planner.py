"""Decide which deliveries a change at the source owes."""

from collections.abc import Sequence

from twinport.model.content import Digest
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import PlannedDelivery, ReplicationConfiguration


def plan(
    configuration: ReplicationConfiguration,
    source: Registry,
    repository: RepositoryName,
    digest: Digest,
    tag: str | None,
) -> tuple[PlannedDelivery, ...]:
    """Plan a delivery of this image (under this tag, or none) to every destination of the rules for its repository.

    Each destination gets one, however many rules name it; the source itself gets none. The order of rules does not
    matter.
    """
    return plan_each(configuration, source, repository, digest, (tag,))


def plan_each(
    configuration: ReplicationConfiguration,
    source: Registry,
    repository: RepositoryName,
    digest: Digest,
    tags: Sequence[str | None],
) -> tuple[PlannedDelivery, ...]:
    """As `plan`, for each of some tags."""
    destinations = sorted(configuration.destinations_of(repository) - {source})
    return tuple(PlannedDelivery(each, repository, digest, tag) for tag in tags for each in destinations)
