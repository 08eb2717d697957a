"""What the outbox says of a registry's deliveries: for the tour and, later, the console."""

from dataclasses import dataclass

from twinport.catalog import outbox
from twinport.catalog.embedded import Catalog
from twinport.model.names import Registry
from twinport.model.replication import DeliveryReport

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Reads alone. Who may ask is for the verbs and doors above to decide."""

    catalog: Catalog

    async def latest(self, source: Registry) -> list[DeliveryReport]:
        """Report the latest deliveries of a registry, the newest first."""
        return await self.catalog.region(source.region).read_much(
            lambda db: outbox.reports(db, source.account, MOST_SHOWN)
        )
