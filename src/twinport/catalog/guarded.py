"""A catalog whose writes are refused, or wait, while the deployment is read-only. No write passes by it.

Parts that must go on in read-only mode (sessions, sign-ins, keys of tokens) get the catalog itself, from the
composition root. docs/decisions/0056-maintenance.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Connection

from twinport.catalog.partition import maintenance
from twinport.catalog.ports import Catalog, Database, PartitionDatabase, WholeCatalog
from twinport.catalog.wrapped import WrappedCatalog
from twinport.model.maintenance import Maintenance
from twinport.refusals.storage import ReadOnly

T = TypeVar("T")
Admit = Callable[[], Awaitable[None]]
# An order takes effect in every process within this time and the time of one query.
_PAUSE = timedelta(seconds=0.5)


@dataclass(slots=True)
class Orders:
    """The operator's orders as this process last read them. `run` reads them twice a second."""

    catalog: Catalog
    known: Maintenance = field(default_factory=Maintenance)
    _may_write: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Read the orders now. Raises what a read raises."""
        self.known = await self.catalog.partition.read(maintenance.read)
        if not self.known.is_read_only:
            self._may_write.set()
        else:
            self._may_write.clear()

    async def run(self) -> None:
        """Read the orders again and again, until canceled. A database that does not answer changes no order."""
        while True:
            await self.read()
            await asyncio.sleep(_PAUSE.total_seconds())

    async def refuse(self) -> None:
        """Raise ReadOnly while the deployment is read-only."""
        if self.known.read_only_since is not None:
            raise ReadOnly(self.known.read_only_since)

    async def wait(self) -> None:
        """Wait while the deployment is read-only. Raises ReadOnly once `release` was called."""
        if self.known.is_read_only:
            await self._may_write.wait()
            await self.refuse()

    def release(self) -> None:
        """Let nothing wait any longer: the process ends."""
        self._may_write.set()


async def pauses_garbage(catalog: Catalog) -> bool:
    """Tell whether the operator has paused the collection of garbage, by the clock that all processes share."""
    return await catalog.partition.read(lambda db: maintenance.read(db).pauses_garbage(catalog.now(db)))


@dataclass(frozen=True, slots=True)
class GuardedDatabase:
    """A database that asks `admit` before each write."""

    database: Database
    admit: Admit

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        await self.admit()
        return await self.database.write(transaction)


@dataclass(frozen=True, slots=True)
class GuardedPartition(GuardedDatabase):
    database: PartitionDatabase

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        await self.admit()
        return await self.database.record(transaction)

    async def generation(self) -> int:
        return await self.database.generation()


class GuardedCatalog(WrappedCatalog):
    """A catalog that asks `admit` before each write to any of its databases."""

    def __init__(self, catalog: WholeCatalog, admit: Admit) -> None:
        super().__init__(catalog, GuardedPartition(catalog.partition, admit))
        self._admit = admit

    def _wrap(self, database: Database) -> Database:
        return GuardedDatabase(database, self._admit)
