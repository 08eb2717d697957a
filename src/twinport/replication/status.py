"""What the outbox says of a registry's deliveries: for the tour and, later, the console."""

from dataclasses import dataclass

from twinport.catalog import delivery_lists
from twinport.catalog.embedded import Catalog
from twinport.model.names import Registry
from twinport.model.replication import DeliveryReport, DeliveryState

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Reads alone. Who may ask is for the verbs and doors above to decide."""

    catalog: Catalog

    async def latest(self, source: Registry) -> list[DeliveryReport]:
        """Report the latest deliveries of a registry, the newest first."""
        now, states = self.catalog.now, tuple(DeliveryState)
        found = await self.catalog.region(source.region).read_much(
            lambda db: delivery_lists.listed(db, source, states, None, now(db), MOST_SHOWN)
        )
        return [each.report for each in found]
