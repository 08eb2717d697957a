"""Pages of a registry's deliveries, waiting, failed or arrived, each read with bounded statements."""

from collections.abc import Sequence
from dataclasses import dataclass

from twinport.catalog.ports import Catalog
from twinport.catalog.regional import delivery_lists
from twinport.catalog.regional.delivery_lists import Place
from twinport.model.names import RegionName, Registry
from twinport.model.replication import DeliveryState, ListedDelivery

# How many rows one statement reads, and how many statements look for those of one repository before a page ends.
_ROWS, _STATEMENTS = 200, 20
OPEN_STATES = (DeliveryState.WAITING, DeliveryState.FAILED)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page. `after` is where the next one begins, None at the end of the list."""

    deliveries: tuple[ListedDelivery, ...]
    after: Place | None


@dataclass(frozen=True, slots=True)
class DeliveryListing:
    """Only reads. The verbs and doors above decide which caller may ask."""

    catalog: Catalog
    rows: int = _ROWS

    async def registries(self, region: RegionName) -> list[Registry]:
        """Return the registries of a Region that ever had deliveries."""
        return await self.catalog.region(region).read(lambda db: delivery_lists.accounts(db, region))

    async def page(
        self,
        source: Registry,
        states: Sequence[DeliveryState],
        limit: int,
        after: Place | None = None,
        repository: str | None = None,
    ) -> Listing:
        """Return deliveries in one of `states`, the newest first, of one repository if it is named.

        A page may hold fewer than `limit` and still have a next one: it ends after a bounded number of statements.
        """
        found: list[ListedDelivery] = []
        for _ in range(_STATEMENTS):
            read = await self._read(source, states, after)
            for each in read:
                if len(found) == limit:
                    return Listing(tuple(found), after)
                after = delivery_lists.place_of(each)
                if repository in (None, each.report.repository):
                    found.append(each)
            if len(read) < self.rows:
                return Listing(tuple(found), None)
        return Listing(tuple(found), after)

    async def _read(
        self, source: Registry, states: Sequence[DeliveryState], after: Place | None
    ) -> list[ListedDelivery]:
        now, rows = self.catalog.now, self.rows
        return await self.catalog.region(source.region).read_much(
            lambda db: delivery_lists.listed(db, source, states, after, now(db), rows)
        )
