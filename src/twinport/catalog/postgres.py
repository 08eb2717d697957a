"""The catalog on PostgreSQL: one database for the partition, and one beside it for each Region that was written to.

Why it is so, and in which order rows are locked: docs/decisions/0008-locks-on-postgresql.md. Nothing but the
composition root names this module, and only where PostgreSQL is configured.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, make_url, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DataError, DBAPIError

from twinport.catalog import partition_schema, regional_schema, revisions
from twinport.catalog.beginnings import (
    Partition,
    begin_history,
    list_region,
    listed_regions,
)
from twinport.catalog.database import Database, SqliteDatabase, no_rows
from twinport.clock import Clock
from twinport.errors import BadRequest
from twinport.model.names import RegionName
from twinport.pools import DATABASES
from twinport.refusals.storage import CatalogClosed, OutcomeUnknown, StorageUnavailable

# The dialect is named here so that it is loaded: `statements` spells its INSERTs with the one in use.
__all__ = ["PostgresCatalog", "PostgresDatabase", "postgresql"]
for _index in (regional_schema.delivery_waiting, regional_schema.delivery_given_up):
    _index.dialect_options["postgresql"]["where"] = _index.dialect_options["sqlite"]["where"]

T = TypeVar("T")
# Connections, and as many threads, for each database; made when they are needed.
CONNECTIONS = 8
_MOST_TRIES = 5
# Every wait has a deadline (law 9): for a connection, a statement, a lock, an answer of a network that is gone.
_DEADLINES = {
    "connect_timeout": 5,
    "tcp_user_timeout": 30_000,
    "options": "-c statement_timeout=30s -c lock_timeout=20s -c idle_in_transaction_session_timeout=60s",
}
_SERIALIZATION_FAILED, _DEADLOCK = "40001", "40P01"
_NO_CHARACTER = "22021"
# Connections, resources, the operator, waits, read-only transactions, the system beneath.
_UNAVAILABLE = ("08", "53", "57", "55P03", "25006", "58", "XX")
# Any number that everybody who makes tables or databases here takes first.
_MAKING = 7_406_113
_CLOCK = text("SELECT clock_timestamp()")


def look_into(address: str, query: Callable[[Connection], T]) -> T | None:
    """Ask the partition's database, and make and change nothing. Return None if it has no tables of ours."""
    database = PostgresDatabase(make_url(address))
    try:
        with _explained():
            return database.read_now(lambda db: query(db) if revisions.has_tables(db) else None)
    finally:
        database.close()


class PostgresDatabase:
    """One PostgreSQL database: READ COMMITTED, each query and transaction in a thread with a connection of its own."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level="READ COMMITTED",
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_use_lifo=True,
            connect_args=_DEADLINES,
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="catalog")
        self._is_open = True

    async def read(self, query: Callable[[Connection], T]) -> T:
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """As promised by Database; and raises OutcomeUnknown if the connection is lost while it commits."""
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write_now, transaction)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """As `read`, in the thread of the caller."""
        return _trying(lambda: _query(self._reading, query))

    def write_now(self, transaction: Callable[[Connection], T]) -> T:
        """As `write`, in the thread of the caller. What PostgreSQL gives up, so that others go on, is tried again."""
        return _trying(lambda: _transact(self._engine, transaction))

    def make_tables(self, metadata: MetaData, first_rows: Callable[[Connection], None] = no_rows) -> None:
        """Bring the tables to those of today, with their first rows, and only once if several processes do."""

        def make(db: Connection) -> None:
            db.execute(text(f"SELECT pg_advisory_xact_lock({_MAKING})"))
            # A migration takes as long as its tables are large, and nobody waits for an answer to it.
            db.execute(text("SET LOCAL statement_timeout = 0"))
            revisions.bring_up_to_date(db, metadata)
            first_rows(db)

        # Where all is made, nobody waits for a process that stands still with the lock in its hand.
        if not self.read_now(lambda db: revisions.is_current(db, metadata)):
            self.write_now(make)
        self.read_now(lambda db: revisions.require_tables(db, metadata))

    def close(self) -> None:
        """Finish what was submitted, then let go of the connections."""
        self._is_open = False
        self._threads.shutdown()
        self._engine.dispose()

    def _require_open(self) -> None:
        if not self._is_open:
            raise CatalogClosed


class PostgresCatalog:
    """The database that an address names, which must be there, and one named `NAME_REGION` beside it for each Region.

    Raises StorageUnavailable if it cannot be reached, DatabaseNewer and DatabaseUnrecognised.
    """

    def __init__(self, address: str, clock: Clock) -> None:
        self._url, self._clock = make_url(address), clock
        self._global = PostgresDatabase(self._url)
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
        """Upgrade every database, or refuse, before anybody is served."""
        self._global.make_tables(partition_schema.partition)
        for name in self._global.read_now(listed_regions):
            self._region(name).open_if_there()

    def now(self, db: Connection) -> datetime:
        if db.dialect.name == "sqlite":  # the empty database, which stands for a Region that nobody wrote to
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

    async def regions(self) -> list[RegionName]:
        return await self.partition.read(listed_regions)

    def close(self) -> None:
        for region in self._regions.values():
            region.close()
        self._empty.close()
        self._global.close()


class _PostgresRegion:
    """Makes its database at the first write; a read finds it once somebody has."""

    def __init__(self, name: RegionName, catalog: PostgresCatalog) -> None:
        self._name, self._catalog = name, catalog
        self._database: PostgresDatabase | None = None
        self._opening = asyncio.Lock()

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
        """Connect, and upgrade, if this Region was ever written to; before anybody is served."""
        self._database = self._find()

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _at(self) -> URL:
        base = self._catalog._url  # noqa: SLF001 — of this module
        return base.set(database=f"{base.database}_{self._name}")

    async def _found(self) -> None:
        async with self._opening:
            if self._database is None:
                self._database = await DATABASES.run(self._find)

    async def _made(self) -> PostgresDatabase:
        now = self._catalog._clock.now()  # noqa: SLF001 — of this module
        async with self._opening:
            if self._database is None:
                # The partition lists a Region before that Region's first write; in a write, not a record, so that it
                # is before or after the end of a role, and not meanwhile (docs/decisions/0003-the-fence.md).
                await self._catalog.partition.write(lambda db: list_region(db, self._name, now))
                self._database = await DATABASES.run(partial(self._make, now))
        return self._database

    def _find(self) -> PostgresDatabase | None:
        url = self._at()
        if not self._catalog._global.read_now(lambda db: _has_database(db, str(url.database))):  # noqa: SLF001
            return None
        database = PostgresDatabase(url)
        try:
            # Tables and history come in one transaction: with this row, everything else is there.
            if database.read_now(lambda db: db.execute(text("SELECT to_regclass('history')")).scalar()):
                database.make_tables(regional_schema.regional)
                return database
        except BaseException:
            database.close()
            raise
        database.close()
        return None

    def _make(self, now: datetime) -> PostgresDatabase:
        url = self._at()
        self._catalog._global.read_now(lambda db: _create_database(db, str(url.database)))  # noqa: SLF001
        database = PostgresDatabase(url)
        database.make_tables(regional_schema.regional, lambda db: begin_history(db, now))
        return database


def _create_database(db: Connection, name: str) -> None:
    """Create a database unless it is there. It has its own transactions, so it runs where there is none."""
    db.execute(text(f"SELECT pg_advisory_lock({_MAKING})"))
    try:
        if not _has_database(db, name):
            quoted = db.dialect.identifier_preparer.quote_identifier(name)
            db.exec_driver_sql(f"CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'UTF8'")
    finally:
        db.execute(text(f"SELECT pg_advisory_unlock({_MAKING})"))


def _has_database(db: Connection, name: str) -> bool:
    return db.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first() is not None


def _query(engine: Engine, query: Callable[[Connection], T]) -> T:
    with engine.connect() as connection:
        return query(connection)


def _transact(engine: Engine, transaction: Callable[[Connection], T]) -> T:
    with engine.connect() as connection, connection.begin() as under_way:
        result = transaction(connection)
        try:
            under_way.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise OutcomeUnknown from error
            raise
        return result


def _trying(attempt: Callable[[], T]) -> T:
    """Run an attempt again after a deadlock, and once more after a connection that was lost before it took effect."""
    for left in reversed(range(_MOST_TRIES)):
        try:
            return attempt()
        except DBAPIError as error:
            if not (left and _may_pass(error)):
                raise _refusal(error) from error
    raise AssertionError("the last attempt returns or raises")


def _may_pass(error: DBAPIError) -> bool:
    return error.connection_invalidated or _state(error) in (_SERIALIZATION_FAILED, _DEADLOCK)


def _refusal(error: DBAPIError) -> Exception:
    """Say that it may be tried again, without what only the operator may know; a defect stays what it is."""
    state = _state(error)
    if isinstance(error, DataError) and state in (None, _NO_CHARACTER):
        return BadRequest("a value holds a character that cannot be stored")
    if error.connection_invalidated or state is None:
        return StorageUnavailable("the database cannot be reached")
    if state in (_SERIALIZATION_FAILED, _DEADLOCK) or state.startswith(_UNAVAILABLE):
        return StorageUnavailable(f"the database gave up with SQLSTATE {state}")
    return error


@contextmanager
def _explained() -> Iterator[None]:
    """Let whoever starts a server hear what the driver says; it knows better than to repeat a password."""
    try:
        yield
    except StorageUnavailable as refusal:
        cause = refusal.__cause__
        words = str(cause.orig).splitlines()[0] if isinstance(cause, DBAPIError) else refusal.message
        raise StorageUnavailable(words) from cause


def _state(error: DBAPIError) -> str | None:
    """Return the SQLSTATE that the server gave; none if there was no server to give one."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state
