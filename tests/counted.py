"""Databases that count how many rows each transaction changes, for tests of what bounds one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, text

from twinport.catalog.ports import Database, PartitionDatabase, WholeCatalog
from twinport.model.names import RegionName

T = TypeVar("T")
_ON_POSTGRESQL = text("SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_all_tables")


def changed(db: Connection) -> int:
    """Count the rows that were inserted, updated and deleted, those that foreign keys took along included.

    On PostgreSQL since the transaction began, on SQLite since the connection did.
    """
    if db.dialect.name == "postgresql":
        return int(db.execute(_ON_POSTGRESQL).scalar_one())
    connection = db.connection.dbapi_connection
    assert connection is not None
    return int(connection.total_changes)


@dataclass(frozen=True)
class CountedDatabase:
    """Notes for each transaction of a database how many rows it changed."""

    database: Database
    counts: list[int]

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        def counting(db: Connection) -> T:
            before = changed(db)
            result = transaction(db)
            self.counts.append(changed(db) - before)
            return result

        return await self.database.write(counting)


@dataclass(frozen=True)
class CountedPartition:
    partition: PartitionDatabase
    counts: list[int]

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.partition.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.partition.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        return await CountedDatabase(self.partition, self.counts).write(transaction)

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        return await self.partition.record(transaction)

    async def generation(self) -> int:
        return await self.partition.generation()


@dataclass(frozen=True)
class CountedCatalog:
    """A catalog whose transactions are counted; `counts` is what each of them changed."""

    catalog: WholeCatalog
    counts: list[int] = field(default_factory=list)

    @property
    def partition(self) -> PartitionDatabase:
        return CountedPartition(self.catalog.partition, self.counts)

    def region(self, name: RegionName) -> Database:
        return CountedDatabase(self.catalog.region(name), self.counts)

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self.catalog.now(db)
