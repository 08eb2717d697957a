"""One PostgreSQL database, and the pools that all databases of a process share: threads, connections and a log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from math import inf
from time import monotonic
from typing import Any, Protocol, TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from twinport.catalog.engine import postgres_refusals, revisions, waits
from twinport.catalog.engine.connections import IDLE, Connections, SharedPool
from twinport.catalog.engine.sqlite import no_rows
from twinport.catalog.engine.threads import Limits, Threads
from twinport.refusals.storage import CatalogClosed, OutcomeUnknown, StorageUnavailable

T = TypeVar("T")
_MOST_TRIES = 5
# How long work waits for a thread, and with it for a connection. A caller waits longer than its thread by the margin,
# since some calls of a thread, such as the lookup of a name, cannot be cut short.
_QUEUED = timedelta(seconds=5)
_MARGIN = timedelta(seconds=2)
# How long closing waits for threads whose connections were cut.
_CUT = timedelta(seconds=0.2)
# An arbitrary number: the advisory lock that a process takes before it makes tables or databases here.
MAKING = 7_406_113


class Guard(Protocol):
    """Looks at each new connection before it is used."""

    def check(self, connection: psycopg.Connection[Any]) -> None:
        """Raise a refusal if a connection leads to another database than the expected one."""
        ...

    def explain(self, options: Mapping[str, Any]) -> None:
        """Raise a refusal that tells why no connection could be made, if the reason can be found."""
        ...


class Pools:
    """The pools that the databases of one process share: as many threads as connections, so that a thread finds one."""

    def __init__(self, most: int) -> None:
        self.connections = Connections(most)
        limits = Limits(begin=_QUEUED, answer=waits.OPERATION + _MARGIN, idle=IDLE)
        self.threads = Threads(most, limits, self.connections.tidy)
        self.log, self.is_open = postgres_refusals.Log(), True

    def close(self, within: timedelta) -> None:
        """Finish the submitted work, then cut the connections that still wait for an answer."""
        self.is_open = False
        if not self.threads.close(max(within - _CUT, timedelta(0))):
            self.connections.cut()
            self.threads.close(_CUT)


@dataclass(frozen=True, slots=True)
class _Engines:
    """The engines of one database: one for transactions, one for queries outside of any."""

    writing: Engine
    reading: Engine


class PostgresDatabase:
    """One PostgreSQL database: READ COMMITTED, each query and transaction in a thread with a connection of its own."""

    def __init__(self, url: URL, pools: Pools, guard: Guard | None = None) -> None:
        self._url, self._pools = url, pools
        self._engines = _engines(url, pools.connections, guard)
        self._is_open = True

    async def read(self, query: Callable[[Connection], T]) -> T:
        self._require_open()
        late = partial(StorageUnavailable, "the database did not answer in time")
        return await self._pools.threads.run(lambda: self.read_now(query), late)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """As `Database.write`. OutcomeUnknown also means a connection that is lost in the commit, or a late answer."""
        self._require_open()
        return await self._pools.threads.run(lambda: self.write_now(transaction), OutcomeUnknown)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """As `read`, in the thread of the caller."""
        return self._trying(lambda: _query(self._engines.reading, query))

    def write_now(self, transaction: Callable[[Connection], T]) -> T:
        """As `write`, in the caller's thread. A transaction that PostgreSQL aborts in favor of others is retried."""
        return self._trying(lambda: _transact(self._engines.writing, transaction))

    def make_tables(self, metadata: MetaData, first_rows: Callable[[Connection], None] = no_rows) -> None:
        """Make or upgrade the tables, with their first rows, and only once if several processes do so."""

        def make(db: Connection) -> None:
            db.execute(text(f"SELECT pg_advisory_xact_lock({MAKING})"))
            # A migration of large tables takes long, and no client waits for its answer.
            db.execute(text("SET LOCAL statement_timeout = 0"))
            revisions.bring_up_to_date(db, metadata)
            first_rows(db)

        # If the tables are current, this process does not wait for a process that stands still while it holds the lock.
        if not self.read_now(lambda db: revisions.is_current(db, metadata)):
            self._trying(lambda: _transact(self._engines.writing, make), seconds=inf)
        self.read_now(lambda db: revisions.require_tables(db, metadata))

    def close(self) -> None:
        """Close the connections. Close the pools first: they finish the submitted work."""
        self._is_open = False
        self._engines.writing.dispose()

    def _require_open(self) -> None:
        if not self._is_open:
            raise CatalogClosed

    def _trying(self, attempt: Callable[[], T], seconds: float | None = None) -> T:
        """Run an attempt again after a deadlock, and after a connection that was lost before it took effect."""
        with waits.until(monotonic() + (seconds or waits.OPERATION.total_seconds())):
            for tries_left in reversed(range(_MOST_TRIES)):
                try:
                    return attempt()
                except DBAPIError as error:
                    is_worth_it = tries_left and waits.left() and self._pools.is_open
                    if not (is_worth_it and postgres_refusals.may_pass(error)):
                        raise self._refused(postgres_refusals.refusal(error), error) from error
                except OutcomeUnknown as unknown:
                    raise self._refused(unknown, unknown.__cause__) from unknown.__cause__
        raise AssertionError("the last attempt returns or raises")

    def _refused(self, refusal: Exception, error: BaseException | None) -> Exception:
        if isinstance(error, DBAPIError):
            self._pools.log.tell(refusal, postgres_refusals.cause_of(error, self._url))
        return refusal


def _engines(url: URL, connections: Connections, guard: Guard | None) -> _Engines:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        # As on SQLite.
        hide_parameters=True,
        poolclass=SharedPool,
        connect_args=waits.ON_THE_SERVER,
    )
    pool = engine.pool
    assert isinstance(pool, SharedPool)  # noqa: S101 — what was asked for
    pool.join(connections)

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _entry: object, arguments: Any, options: Any) -> waits.PunctualConnection:
        return _connected(guard, arguments, options)

    return _Engines(engine, engine.execution_options(isolation_level="AUTOCOMMIT"))


def _connected(guard: Guard | None, arguments: Any, options: Any) -> waits.PunctualConnection:
    """Connect, and let the guard check the database, or explain why there is no connection."""
    try:
        connection = waits.PunctualConnection.connect(*arguments, **options)
    except psycopg.OperationalError:
        if guard is not None:
            guard.explain(options)
        raise
    try:
        if guard is not None:
            guard.check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


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
