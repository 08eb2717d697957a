"""A catalog around another one, for wrappers that look at what goes to its databases."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta

from sqlalchemy import Connection

from twinport.catalog.ports import CLOSING_LIMIT, Database, PartitionDatabase, WholeCatalog
from twinport.model.names import RegionName
from twinport.processes.breakdown import Breakdown


class WrappedCatalog(ABC):
    """Passes everything on. A subclass wraps the databases: the partition's now, and a Region's at its first use."""

    def __init__(self, catalog: WholeCatalog, partition: PartitionDatabase) -> None:
        self._catalog, self._partition = catalog, partition
        self.breakdown: Breakdown = catalog.breakdown
        self._regions: dict[RegionName, Database] = {}

    @abstractmethod
    def _wrap(self, database: Database) -> Database:
        """Return what stands around the database of a Region."""

    @property
    def partition(self) -> PartitionDatabase:
        return self._partition

    def now(self, db: Connection) -> datetime:
        return self._catalog.now(db)

    def region(self, name: RegionName) -> Database:
        found = self._regions.get(name)
        if found is None:
            found = self._regions[name] = self._wrap(self._catalog.region(name))
        return found

    def version(self, region: RegionName) -> int | None:
        return self._catalog.version(region)

    async def regions(self) -> list[RegionName]:
        return await self._catalog.regions()

    async def check(self) -> None:
        await self._catalog.check()

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        self._catalog.close(within)
