"""Decide which deliveries a change at the source owes."""

from collections.abc import Sequence

from twinport.model.content import Digest
from twinport.model.names import RepositoryId
from twinport.model.replication import PlannedDelivery, ReplicationConfiguration


def plan(
    configuration: ReplicationConfiguration,
    repository: RepositoryId,
    digest: Digest,
    tags: Sequence[str | None],
) -> tuple[PlannedDelivery, ...]:
    """Plan a delivery of this image, under each tag (None: under none), to every destination of its repository's rules.

    Each destination gets one a tag, however many rules name it; the source itself gets none. The order of rules does
    not matter.
    """
    destinations = sorted(configuration.destinations_of(repository.name) - {repository.registry})
    return tuple(PlannedDelivery(each, repository.name, digest, tag) for tag in tags for each in destinations)
