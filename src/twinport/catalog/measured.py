"""Timed databases: wrappers with the same ports, which the composition root puts around a catalog."""

from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from sqlalchemy import Connection

from twinport.catalog.ports import Database, PartitionDatabase, WholeCatalog
from twinport.catalog.wrapped import WrappedCatalog
from twinport.metrics import names
from twinport.model.names import RegionName
from twinport.refusals.storage import OutcomeUnknown, StorageUnavailable

T = TypeVar("T")


class _timed:  # noqa: N801 — used as a statement
    __slots__ = ("_began", "_labels")

    def __init__(self, database: str, operation: str) -> None:
        self._labels = database, operation
        self._began = perf_counter()

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (StorageUnavailable, OutcomeUnknown)):
            names.DATABASE_ERRORS.add(self._labels[0])
        names.DATABASE_SECONDS.observe(perf_counter() - self._began, *self._labels)


class MeasuredDatabase:
    def __init__(self, database: Database, name: str) -> None:
        self._database, self._name = database, name

    async def read(self, query: Callable[[Connection], T]) -> T:
        with _timed(self._name, "read"):
            return await self._database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        with _timed(self._name, "read_much"):
            return await self._database.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        with _timed(self._name, "write"):
            return await self._database.write(transaction)


class MeasuredPartition(MeasuredDatabase):
    def __init__(self, partition: PartitionDatabase) -> None:
        super().__init__(partition, "partition")
        self._partition = partition

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        with _timed("partition", "write"):
            return await self._partition.record(transaction)

    async def generation(self) -> int:
        return await self._partition.generation()


class MeasuredCatalog(WrappedCatalog):
    """A catalog whose databases are timed. Every Region counts under one name: there may be many."""

    def __init__(self, catalog: WholeCatalog) -> None:
        super().__init__(catalog, MeasuredPartition(catalog.partition))

    def _wrap(self, database: Database) -> Database:
        return MeasuredDatabase(database, "region")

    def version(self, region: RegionName) -> int | None:
        with _timed("region", "read"):
            return super().version(region)
