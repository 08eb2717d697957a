"""What the outbox says of deliveries: for the tour, the status operation and, later, the console."""

from dataclasses import dataclass

from twinport.catalog import outbox
from twinport.catalog.embedded import Catalog
from twinport.model.content import Digest
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import DeliveryReport

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Reads alone. Who may ask is for the verbs and doors above to decide."""

    catalog: Catalog

    async def latest(self, source: Registry) -> list[DeliveryReport]:
        """Report the latest deliveries of a registry, the newest first."""
        return await self.catalog.region(source.region).read(lambda db: outbox.reports(db, source.account, MOST_SHOWN))

    async def of_image(
        self, source: Registry, repository: RepositoryName, digest: Digest, tag: str | None = None
    ) -> list[DeliveryReport]:
        """Report the newest delivery of an image to each destination; with a tag, of the image under that tag."""
        return await self.catalog.region(source.region).read(
            lambda db: outbox.statuses(db, source.account, repository, digest, tag)
        )
