"""The catalog on PostgreSQL: one database for the partition, and one beside it for each Region that was written to.

docs/decisions/0008-locks-on-postgresql.md gives the reasons and the order of locks;
docs/decisions/0030-deadlines-and-connections.md gives the limits of waits and connections. Only the composition root
imports this module, and only where PostgreSQL is configured.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import psycopg
from sqlalchemy import URL, Connection, MetaData, make_url, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from twinport.catalog import region_identity
from twinport.catalog.beginnings import (
    Partition,
    begin_history,
    list_region,
    listed_regions,
)
from twinport.catalog.engine import revisions, waits
from twinport.catalog.engine.postgres import MAKING, Pools, PostgresDatabase
from twinport.catalog.engine.sqlite import SqliteDatabase
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.ports import CLOSING_LIMIT, Database
from twinport.catalog.regional import schema as regional_schema
from twinport.clock import Clock
from twinport.model.names import RegionName
from twinport.processes.breakdown import Breakdown
from twinport.refusals.storage import RegionLost, StorageUnavailable
from twinport.settings.loading import DATABASE_CONNECTIONS

# The dialect is named here so that it is loaded: `statements` spells its INSERTs with the one in use.
__all__ = ["PostgresCatalog", "postgresql"]
for _index in (
    regional_schema.delivery_waiting,
    regional_schema.delivery_oldest,
    regional_schema.delivery_given_up,
    regional_schema.delivery_given_up_by_lane,
    regional_schema.lifecycle_preview_result_untagged,
    regional_schema.lifecycle_preview_result_tagged,
):
    _index.dialect_options["postgresql"]["where"] = _index.dialect_options["sqlite"]["where"]

T = TypeVar("T")
_CLOCK = text("SELECT clock_timestamp()")
_DATABASE = "SELECT 1 FROM pg_database WHERE datname = %s"
_READ_ONLY = text("SHOW transaction_read_only")


def look_into(address: str, query: Callable[[Connection], T]) -> T | None:
    """Query the partition's database without changing it. Return None if it has no tables of ours."""
    return _look_into(make_url(address), partition_schema.partition, query)


def _look_into(url: URL, metadata: MetaData, query: Callable[[Connection], T]) -> T | None:
    pools = Pools(1)
    database = PostgresDatabase(url, pools)
    try:
        with _explained():
            return database.read_now(lambda db: query(db) if revisions.has_tables(db, metadata) else None)
    finally:
        pools.close(CLOSING_LIMIT)
        database.close()


def look_into_region(address: str, name: RegionName, query: Callable[[Connection], T]) -> T | None:
    """Query a Region's database without creating or changing it. Return None if there is none, or no tables of ours."""
    url = _url_of(make_url(address), name)
    if not look_into(address, lambda db: _has_database(db, str(url.database))):
        return None
    return _look_into(url, regional_schema.regional, query)


def _url_of(base: URL, name: RegionName) -> URL:
    return base.set(database=f"{base.database}_{name}")


class PostgresCatalog:
    """The database that an address names, which must be there, and one named `NAME_REGION` beside it for each Region.

    Raises StorageUnavailable if it cannot be reached, DatabaseNewer and DatabaseUnrecognized.
    """

    def __init__(self, address: str, clock: Clock, connections: int = DATABASE_CONNECTIONS) -> None:
        self._url, self._clock, self.breakdown = make_url(address), clock, Breakdown()
        self._pools = Pools(connections)
        self._global = PostgresDatabase(self._url, self._pools)
        self.partition = Partition(self._global)
        self._empty = SqliteDatabase(Path(":memory:"), regional_schema.regional)
        self._regions: dict[RegionName, _PostgresRegion] = {}
        try:
            with _explained():
                self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    def _bring_up_to_date(self) -> None:
        """Upgrade every database, or refuse, before the server answers any request."""
        self._global.make_tables(partition_schema.partition)
        for name in self._global.read_now(listed_regions):
            self._region(name).open_if_there()

    def now(self, db: Connection) -> datetime:
        if db.dialect.name == "sqlite":  # the empty database, which stands for a Region without writes
            return self._clock.now()
        # Not now(), which stands still within a transaction: this one may have waited for a lock.
        wall: datetime = db.execute(_CLOCK).scalar_one()
        return self._clock.at(wall)

    def region(self, name: RegionName) -> Database:
        return self._region(name)

    def _region(self, name: RegionName) -> "_PostgresRegion":
        if name not in self._regions:
            self._regions[name] = _PostgresRegion(name, self)
        return self._regions[name]

    def version(self, region: RegionName) -> int | None:
        del region
        return None

    async def regions(self) -> list[RegionName]:
        return await self.partition.read(listed_regions)

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        late = partial(StorageUnavailable, "the database did not answer in time")
        return await self._pools.threads.run(work, late)

    async def check(self) -> None:
        if await self._global.read(lambda db: db.execute(_READ_ONLY).scalar()) == "on":
            raise StorageUnavailable("the database accepts no writes")

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        self._pools.close(within)
        for region in self._regions.values():
            region.close()
        self._empty.close()
        self._global.close()


class _PostgresRegion:
    """Makes its database at the first write; a read finds it once this process or another has made it."""

    def __init__(self, name: RegionName, catalog: PostgresCatalog) -> None:
        self._name, self._catalog = name, catalog
        self._database: PostgresDatabase | None = None
        self._opening = asyncio.Lock()
        self._known: str | None = None

    async def read(self, query: Callable[[Connection], T]) -> T:
        if self._database is None and self._name in await self._catalog.regions():
            await self._found()
        return await (self._database or self._catalog._empty).read(query)  # noqa: SLF001 — of this module

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        database = self._database or await self._made()
        return await database.write(transaction)

    def open_if_there(self) -> None:
        """Connect and upgrade if this Region was ever written to, before the server answers any request."""
        self._database = self._find()

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _at(self) -> URL:
        return _url_of(self._catalog._url, self._name)  # noqa: SLF001 — of this module

    async def _found(self) -> None:
        async with self._opening_alone():
            if self._database is None:
                self._database = await self._catalog._in_a_thread(self._find)  # noqa: SLF001 — of this module

    @asynccontextmanager
    async def _opening_alone(self) -> AsyncIterator[None]:
        """Let one coroutine at a time open this Region. None waits for the others longer than for a database."""
        waiting = asyncio.timeout(waits.OPERATION.total_seconds())
        try:
            async with waiting, self._opening:
                yield
        except TimeoutError:
            if not waiting.expired():
                raise
            raise StorageUnavailable(f"the database of Region '{self._name}' did not answer in time") from None

    async def _made(self) -> PostgresDatabase:
        now = self._catalog._clock.now()  # noqa: SLF001 — of this module
        async with self._opening_alone():
            if self._database is None:
                # The partition lists a Region before that Region's first write. A write, not a record, makes sure that
                # this is before or after the end of a role, and not meanwhile (docs/decisions/0003-the-fence.md).
                await self._catalog.partition.write(lambda db: list_region(db, self._name, now))
                self._database = await self._catalog._in_a_thread(lambda: self._make(now))  # noqa: SLF001
        return self._database

    def _at_url(self, url: URL) -> PostgresDatabase:
        return PostgresDatabase(url, self._catalog._pools, self)  # noqa: SLF001 — of this module

    def _find(self) -> PostgresDatabase | None:
        url = self._at()
        expected = self._expected()
        if not self._catalog._global.read_now(lambda db: _has_database(db, str(url.database))):  # noqa: SLF001
            region_identity.require(self._name, expected, None)
            return None
        database = self._at_url(url)
        try:
            # One transaction makes tables and history: if this table is there, everything else is.
            if database.read_now(lambda db: db.execute(text("SELECT to_regclass('history')")).scalar()):
                database.make_tables(regional_schema.regional)
                return self._recognized(database, expected)
        except BaseException:
            database.close()
            raise
        database.close()
        region_identity.require(self._name, expected, None)
        return None

    def _recognized(self, database: PostgresDatabase, expected: str | None) -> PostgresDatabase:
        """Return a database if it is this Region's, and record its identity in the partition."""
        found = database.read_now(region_identity.own)
        region_identity.require(self._name, expected, found)
        if expected is None and found is not None:
            learning = partial(region_identity.learn, name=self._name, identity=found)
            self._catalog._global.write_now(learning)  # noqa: SLF001 — of this module
        self._known = found
        return database

    def _expected(self) -> str | None:
        return self._catalog._global.read_now(partial(region_identity.known, name=self._name))  # noqa: SLF001

    def check(self, connection: psycopg.Connection[Any]) -> None:
        """Check that a new connection leads to the database that was opened. Raises RegionLost."""
        if self._known is None:
            return
        try:
            row = connection.execute("SELECT identity FROM history").fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
        connection.rollback()
        region_identity.require(self._name, self._known, row[0] if row else None)

    def explain(self, options: Mapping[str, Any]) -> None:
        """Raise RegionLost if a connection failed because the database is gone, as the partition's database tells."""
        beside = {**options, "dbname": self._catalog._url.database}  # noqa: SLF001 — of this module
        with suppress(psycopg.Error), waits.PunctualConnection.connect(**beside) as db:
            found = db.execute(_DATABASE, (options["dbname"],)).fetchone()
            if found is None:
                self._lost()

    def _make(self, now: datetime) -> PostgresDatabase:
        url, expected = self._at(), self._expected()
        if expected is not None:
            # Written to before: it is found or refused, and never made.
            return self._find() or self._lost()
        self._catalog._global.read_now(lambda db: _create_database(db, str(url.database)))  # noqa: SLF001
        database = self._at_url(url)
        database.make_tables(regional_schema.regional, lambda db: begin_history(db, now))
        return self._recognized(database, expected)

    def _lost(self) -> NoReturn:
        raise RegionLost(self._name, "missing")


def _create_database(db: Connection, name: str) -> None:
    """Create a database unless it is there. The caller has no transaction open, as CREATE DATABASE requires."""
    db.execute(text(f"SELECT pg_advisory_lock({MAKING})"))
    try:
        if not _has_database(db, name):
            quoted = db.dialect.identifier_preparer.quote_identifier(name)
            db.exec_driver_sql(f"CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'UTF8'")
    finally:
        db.execute(text(f"SELECT pg_advisory_unlock({MAKING})"))


def _has_database(db: Connection, name: str) -> bool:
    return db.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first() is not None


@contextmanager
def _explained() -> Iterator[None]:
    """Report the driver's message to the operator at startup; the driver never repeats a password in it."""
    try:
        yield
    except StorageUnavailable as refusal:
        cause = refusal.__cause__
        words = str(cause.orig).splitlines()[0] if isinstance(cause, DBAPIError) else None
        if words is None:
            raise
        raise StorageUnavailable(words) from cause
