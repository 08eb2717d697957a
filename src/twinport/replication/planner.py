"""Decide what a change at the source owes to which destinations."""

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
    """Owe this image (under this tag, or none) to every destination of the rules that select its repository.

    Each destination once, however many rules name it; never the source itself; the order of rules is of no account.
    """
    destinations = configuration.destinations_of(repository) - {source}
    return tuple(PlannedDelivery(destination, repository, digest, tag) for destination in sorted(destinations))
