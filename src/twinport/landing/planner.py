"""Decide which deliveries a change at the source owes."""

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
    destinations = configuration.destinations_of(repository) - {source}
    return tuple(PlannedDelivery(destination, repository, digest, tag) for destination in sorted(destinations))
