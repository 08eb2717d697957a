"""Databases around whose transactions a process may end, on whatever disk its blobs are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from tests.blobs.forgetful_disk import ForgetfulDisk, Killed
from twinport.catalog.ports import Catalog, Database, PartitionDatabase
from twinport.model.names import RegionName

T = TypeVar("T")
# The operations of a transaction, counted with those of the disk.
BEGIN, COMMIT, COMMITTED = "begin", "commit", "committed"
ENDS_OF_A_TRANSACTION = frozenset({COMMIT, COMMITTED})


class _Undone(Exception):
    """The process ended before COMMIT, so the transaction never was."""


@dataclass(frozen=True)
class MortalDatabase:
    """The process may end before a transaction, before its COMMIT, and after it without having heard of it."""

    database: Database
    disk: ForgetfulDisk

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        self.disk.step(BEGIN)
        try:
            result = await self.database.write(lambda db: self._up_to_commit(db, transaction))
        except _Undone:
            raise Killed from None
        self.disk.step(COMMITTED)
        return result

    def _up_to_commit(self, db: Connection, transaction: Callable[[Connection], T]) -> T:
        result = transaction(db)
        try:
            self.disk.step(COMMIT)
        except Killed:
            # An error of the usual kind: the thread of the database outlives this process, which is one in name only.
            raise _Undone from None
        return result


@dataclass(frozen=True)
class MortalPartition:
    partition: PartitionDatabase
    disk: ForgetfulDisk

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.partition.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.partition.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        return await MortalDatabase(self.partition, self.disk).write(transaction)

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        return await MortalDatabase(_Recording(self.partition), self.disk).write(transaction)

    async def generation(self) -> int:
        return await self.partition.generation()


@dataclass(frozen=True)
class _Recording:
    """A partition as a database whose writes change no decision."""

    partition: PartitionDatabase

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.partition.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.partition.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        return await self.partition.record(transaction)


@dataclass(frozen=True)
class MortalCatalog:
    catalog: Catalog
    disk: ForgetfulDisk

    @property
    def partition(self) -> PartitionDatabase:
        return MortalPartition(self.catalog.partition, self.disk)

    def region(self, name: RegionName) -> Database:
        return MortalDatabase(self.catalog.region(name), self.disk)

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self.catalog.now(db)
