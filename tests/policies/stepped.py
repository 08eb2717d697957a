"""A catalog in memory whose callers wait for their turn before each transaction, so that a test chooses the order."""

import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, MetaData, create_engine, insert, select
from sqlalchemy.pool import StaticPool

from twinport.catalog.engine import statements
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema
from twinport.clock import Clock
from twinport.model.names import RegionName

T = TypeVar("T")
_REGIONAL = [
    regional_schema.history,
    regional_schema.registry,
    regional_schema.fence,
    regional_schema.lane,
    regional_schema.delivery,
]


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Wait until the actor is stepped again."""
    yield


class Stored:
    """What outlives a crash: the rows."""

    def __init__(self) -> None:
        self.partition = _Rows(partition_schema.partition, list(partition_schema.partition.sorted_tables))
        self.regions: dict[RegionName, _Rows] = {}

    def clear(self) -> None:
        """Begin again. New databases would mean compiling every statement again."""
        for rows in (self.partition, *self.regions.values()):
            rows.run(rows.clear)

    def region(self, name: RegionName) -> "_Rows":
        if name not in self.regions:
            self.regions[name] = _Rows(regional_schema.regional, _REGIONAL)
            self.regions[name].run(_begin_history)
        return self.regions[name]


class SteppedCatalog:
    """What a process has: objects that are lost in a crash. Keeps the promises of the Catalog port."""

    def __init__(self, stored: Stored, clock: Clock) -> None:
        self._stored, self._clock = stored, clock
        self.partition = _SteppedPartition(stored.partition)
        self._opened: dict[RegionName, _SteppedRegion] = {}

    def now(self, db: Connection) -> datetime:
        del db
        return self._clock.now()

    def region(self, name: RegionName) -> "_SteppedRegion":
        return self._opened.setdefault(name, _SteppedRegion(name, self._stored, self.partition, self._clock))

    async def regions(self) -> list[RegionName]:
        rows = await self.partition.read(lambda db: db.execute(select(partition_schema.region.c.name)).scalars().all())
        return sorted(RegionName(name) for name in rows)


@dataclass
class Actor(Generic[T]):
    """Something under way, one transaction a step."""

    work: Coroutine[Any, Any, T]
    done: bool = False
    results: list[T] = field(default_factory=list)
    error: BaseException | None = None

    def step(self) -> None:
        """Run up to just before the next transaction."""
        try:
            self.work.send(None)
        except StopIteration as end:
            self.done = True
            self.results.append(end.value)
        except Exception as error:  # noqa: BLE001 — kept for the test to judge
            self.done, self.error = True, error

    def finish(self) -> T:
        while not self.done:
            self.step()
        if self.error is not None:
            raise self.error
        return self.results[0]


class _Rows:
    def __init__(self, metadata: MetaData, tables: list[Any]) -> None:
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(self._engine, tables=tables)
        self._tables = [table for table in tables if table is not regional_schema.history]

    def run(self, transaction: Callable[[Connection], T]) -> T:
        with self._engine.begin() as db:
            return transaction(db)

    def clear(self, db: Connection) -> None:
        for table in self._tables:
            db.execute(table.delete())


class _SteppedPartition:
    def __init__(self, rows: _Rows) -> None:
        self._rows = rows

    async def read(self, query: Callable[[Connection], T]) -> T:
        await turn()
        return self._rows.run(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        return await self.read(transaction)

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        return await self.read(transaction)

    async def generation(self) -> int:
        return 0


class _SteppedRegion:
    def __init__(self, name: RegionName, stored: Stored, partition: _SteppedPartition, clock: Clock) -> None:
        self._name, self._stored, self._partition, self._clock = name, stored, partition, clock
        self._is_listed = False

    async def read(self, query: Callable[[Connection], T]) -> T:
        await turn()
        return self._stored.region(self._name).run(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        if not self._is_listed:
            await self._partition.record(self._list)
            self._is_listed = True
        return await self.read(transaction)

    def _list(self, db: Connection) -> None:
        statements.insert_absent(db, partition_schema.region, {"name": self._name, "created_at": self._clock.now()})


def _begin_history(db: Connection) -> None:
    db.execute(insert(regional_schema.history).values(id=1, epoch=1))
