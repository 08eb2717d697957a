"""The outbox's reports on a registry's deliveries, for `/_twinport/deliveries` and the tour, which reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import delivery_lists
from twinport.model.names import Registry
from twinport.model.replication import DeliveryPage, DeliveryState, ListedDelivery


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Only reads. The verbs and doors above decide which caller may ask."""

    catalog: Catalog

    async def page(self, source: Registry, limit: int, before: str | None) -> DeliveryPage:
        """Report at most `limit` deliveries of a registry, the newest first, or those that follow `before`.

        Raises DeliveryUnknown.
        """

        def some(db: Connection) -> Sequence[ListedDelivery]:
            after = None if before is None else delivery_lists.place_behind(db, source.account, before)
            return delivery_lists.listed(db, source, tuple(DeliveryState), after, self.catalog.now(db), limit + 1)

        found = await self.catalog.region(source.region).read_much(some)
        shown = tuple(each.report for each in found[:limit])
        return DeliveryPage(shown, shown[-1].id if len(found) > limit else None)
