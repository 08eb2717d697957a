"""Catalogs whose databases go away after some writes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from twinport.catalog.ports import Database, PartitionDatabase, WholeCatalog
from twinport.model.names import RegionName
from twinport.refusals.storage import StorageUnavailable

T = TypeVar("T")


@dataclass
class Breaking:
    """A catalog that takes `left` more writes, to any of its databases."""

    catalog: WholeCatalog
    left: int

    @property
    def partition(self) -> PartitionDatabase:
        return BreakingPartition(self.catalog.partition, self)

    def region(self, name: RegionName) -> Database:
        return BreakingDatabase(self.catalog.region(name), self)

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self.catalog.now(db)

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise StorageUnavailable("the database is away")


@dataclass(frozen=True)
class BreakingDatabase:
    database: Database
    life: Breaking

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        self.life.count()
        return await self.database.write(transaction)


@dataclass(frozen=True)
class BreakingPartition:
    partition: PartitionDatabase
    life: Breaking

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.partition.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        self.life.count()
        return await self.partition.write(transaction)

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        return await self.partition.record(transaction)

    async def generation(self) -> int:
        return await self.partition.generation()
