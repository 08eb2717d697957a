"""A SQLite file as a database: reads run in place, and all writes run in one thread, several waiting in one commit.

docs/decisions/0002-one-writer-and-reads-in-place.md says why.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from twinport.catalog.engine import folders, revisions
from twinport.catalog.engine.prepared import plain
from twinport.catalog.ports import CLOSING_LIMIT
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.processes.breakdown import Breakdown
from twinport.processes.pools import DATABASES
from twinport.refusals.storage import (
    CatalogClosed,
    DatabaseUnreadable,
    OutcomeUnknown,
    StorageUnavailable,
    WriterDied,
)

T = TypeVar("T")
_MOST_IN_ONE_COMMIT = 64
_IN_MEMORY = ":memory:"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
# A migration of a large database takes long.
_LONGEST_WAIT = timedelta(seconds=30)
# How long a transaction waits for those of other processes, and how long its caller waits for all of it (law 9).
_BUSY = timedelta(seconds=20)
ANSWER_LIMIT = timedelta(seconds=25)


def no_rows(_db: Connection) -> None:
    """Begin a database without rows."""


def data_version(db: Connection) -> int:
    """Return a number that differs after each commit of another connection: https://www.sqlite.org/pragma.html.

    Numbers of two connections cannot be compared. The connection that reads never writes, so it misses no commit.
    """
    driver: Any = db.connection.driver_connection
    return int(driver.execute("PRAGMA data_version").fetchone()[0])


def look_into(path: Path, metadata: MetaData, query: Callable[[Connection], T]) -> T | None:
    """Query a file without creating or changing it. Return None if it is missing or has none of these tables."""
    if not path.exists():
        return None
    engine = _engine(path)
    try:
        with _opening(path), _alone(path, _LONGEST_WAIT), engine.connect() as connection:
            return query(connection) if revisions.has_tables(connection, metadata) else None
    finally:
        engine.dispose()


class SqliteDatabase:
    """One SQLite file (WAL, synchronous=FULL), with the current tables and their first rows.

    Raises StorageUnavailable if the file cannot be opened, or if another process prepares a database in the same
    folder for longer than `longest_wait`; also what `revisions.bring_up_to_date` raises.
    """

    def __init__(
        self,
        path: Path,
        metadata: MetaData,
        first_rows: Callable[[Connection], None] = no_rows,
        longest_wait: timedelta = _LONGEST_WAIT,
        breakdown: Breakdown | None = None,
    ) -> None:
        self._is_in_memory = path.name == _IN_MEMORY
        if not self._is_in_memory:
            folders.make(path.parent)
        self._engine = _engine(path)
        self._damage = _Damage(path)
        try:
            with _opening(path), _alone(path, longest_wait):
                self._prepare(metadata, first_rows)
        except BaseException:
            self._engine.dispose()
            raise
        if path.exists():
            # SQLite syncs the file; that it has this name must be durable too.
            folders.sync(path.parent)
        self._reader = self._engine.connect()
        self._writer = _Writer(self._engine.connect(), self._damage, breakdown or Breakdown())
        self._is_open = True

    def _prepare(self, metadata: MetaData, first_rows: Callable[[Connection], None]) -> None:
        with self._engine.connect() as connection:
            current = revisions.is_current(connection, metadata)
            if current:
                revisions.require_tables(connection, metadata)
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            if not current:
                _bring_up_to_date(connection, metadata, first_rows)

    async def read(self, query: Callable[[Connection], T]) -> T:
        return self.read_now(query)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """As `read`, for a caller that cannot await."""
        self._require_open()
        try:
            return query(self._reader)
        except (DBAPIError, sqlite3.Error):
            with self._damage, _storage_errors():
                raise

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        self._require_open()
        return self.read_now(query) if self._is_in_memory else await DATABASES.run(partial(self._apart, query))

    def _apart(self, query: Callable[[Connection], T]) -> T:
        """Run a query in this thread, on a connection of its own."""
        with self._damage, _storage_errors(), self._engine.connect() as connection:
            return query(connection)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        self._require_open()
        return await _answered(self._writer.submit(transaction), ANSWER_LIMIT)

    def write_now(self, transaction: Callable[[Connection], T]) -> T:
        """As `write`, for a thread that may wait."""
        self._require_open()
        return self._writer.submit(transaction).result(ANSWER_LIMIT.total_seconds())

    def check(self) -> None:
        """Raise Unavailable if a write would be refused, as far as this can be told without writing."""
        self.read_now(lambda db: db.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar())
        self._writer.check()

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        """Finish the submitted writes, then close the file. Writes that take longer end with the process."""
        self._is_open = False
        if self._writer.close(within):
            self._reader.close()
            self._engine.dispose()

    def _require_open(self) -> None:
        if not self._is_open:
            raise CatalogClosed


async def _answered(future: Future[T], limit: timedelta) -> T:
    """Wait for a transaction for at most `limit`. One that has not begun by then never will."""
    waiting = asyncio.timeout(limit.total_seconds())
    try:
        async with waiting:
            return await asyncio.wrap_future(future)
    except TimeoutError:
        if not waiting.expired():
            raise
        if future.cancelled():
            what = f"the database did not take the change within {limit.total_seconds():g} seconds"
            raise StorageUnavailable(what) from None
        raise OutcomeUnknown from None


class _Writer:
    """The one thread that writes. Transactions that wait together share a commit, each in a savepoint of its own."""

    def __init__(self, connection: Connection, damage: "_Damage", breakdown: Breakdown) -> None:
        self._connection, self._damage, self._breakdown = connection, damage, breakdown
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._under_way: list[_Job] = []
        self._death: WriterDied | None = None
        self._thread = threading.Thread(target=self._live, name="catalog-writer", daemon=True)
        self._thread.start()

    def submit(self, transaction: Callable[[Connection], T]) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put(_Job(transaction, future))
        if self._death is not None:
            self._refuse_the_rest(self._death)
        return future

    def check(self) -> None:
        """Raise WriterDied if nothing can be written any more."""
        if self._death is not None:
            raise self._death

    def close(self, within: timedelta) -> bool:
        """Tell whether the thread has ended in time."""
        self._jobs.put(None)
        self._thread.join(within.total_seconds())
        if self._thread.is_alive():
            return False
        self._connection.close()
        return True

    def _live(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 — whatever ends this thread ends the process, in order
            self._die(error)

    def _die(self, error: BaseException) -> None:
        """End every wait: a job under way may have been committed or not, and no other job will be."""
        self._death = WriterDied(type(error).__name__)
        for job in self._under_way:
            with suppress(InvalidStateError):  # it was settled before
                job.future.set_exception(OutcomeUnknown())
        self._refuse_the_rest(self._death)
        self._breakdown.report("database writer", error)

    def _refuse_the_rest(self, death: WriterDied) -> None:
        with suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None and job.future.set_running_or_notify_cancel():
                    job.future.set_exception(death)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            last = False
            while len(jobs) < _MOST_IN_ONE_COMMIT and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    last = True
                    break
                jobs.append(following)
            self._under_way = [each for each in jobs if each.future.set_running_or_notify_cancel()]
            self._commit_together(self._under_way)
            if last:
                return

    def _commit_together(self, jobs: "list[_Job]") -> None:
        try:
            with self._damage, _storage_errors():
                plain(self._connection, "BEGIN IMMEDIATE")
                if len(jobs) == 1:
                    jobs[0].run(self._connection)
                else:
                    for job in jobs:
                        job.run_in_savepoint(self._connection)
                self._commit()
        except Exception as error:  # noqa: BLE001 — every waiting caller must get the error, whatever it is
            self._roll_back()
            for job in jobs:
                job.future.set_exception(error)
        else:
            for job in jobs:
                job.settle()

    def _commit(self) -> None:
        try:
            plain(self._connection, "COMMIT")
        except OperationalError as error:
            self._roll_back()
            if _may_be_on_disk(error) and not self._writes_over():
                raise OutcomeUnknown from error
            raise

    def _writes_over(self) -> bool:
        """Overwrite a failed commit with another one: a restart would find the failed one in the log and apply it.

        Tell whether the new one is durable: then nothing was changed. See docs/decisions/0018-a-sync-that-fails.md.
        """
        try:
            version = self._connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            # The same value as before: this changes the first page, and no content that a query reads.
            self._connection.exec_driver_sql(f"PRAGMA user_version={version}")
            self._connection.exec_driver_sql("COMMIT")
        except OperationalError:
            self._roll_back()
            return False
        return True

    def _roll_back(self) -> None:
        if self._connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]  # sqlite3's own
            self._connection.exec_driver_sql("ROLLBACK")


class _Job:
    """A transaction with the future that waits for it."""

    def __init__(self, transaction: Callable[[Connection], Any], future: Future[Any]) -> None:
        self.transaction, self.future = transaction, future
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self, connection: Connection) -> None:
        """Run alone in a commit. What is raised undoes the commit, and goes to the caller."""
        self._result = self.transaction(connection)

    def run_in_savepoint(self, connection: Connection) -> None:
        plain(connection, "SAVEPOINT job")
        try:
            self._result = self.transaction(connection)
        except OperationalError:
            raise
        except Exception as error:  # a refusal undoes this transaction alone and goes to its caller
            if _reason_of_damage(error) is not None:
                raise
            self._error = error
            plain(connection, "ROLLBACK TO job")
        plain(connection, "RELEASE job")

    def settle(self) -> None:
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._result)


def _may_be_on_disk(error: OperationalError) -> bool:
    """Tell whether a COMMIT may have written all of its transaction: not if writing failed, but if syncing did."""
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    return name.startswith("SQLITE_IOERR") and name != "SQLITE_IOERR_WRITE"


def _reason_of_damage(error: BaseException | None) -> str | None:
    """Return SQLite's message if the file's content is damaged or is no database of ours, otherwise None."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.Error):
        return None
    name, text = str(getattr(cause, "sqlite_errorname", "")), str(cause)
    # A table that is missing was there when the database was opened.
    is_damage = name.startswith(_DAMAGED) or text.startswith("no such table")
    return text if is_damage else None


class _Damage:
    """Translates SQLite's errors about a damaged file, and raises only one alarm for all of them."""

    def __init__(self, path: Path) -> None:
        self._path, self._is_told = path, False

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        reason = _reason_of_damage(error)
        if reason is None:
            return
        if not self._is_told:
            self._is_told = True
            telemetry.alarm(Event.DATABASE_DAMAGED, database=str(self._path), reason=reason)
        raise DatabaseUnreadable(str(self._path), reason) from error


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Name the file that cannot be opened, whatever the reason."""
    try:
        with _storage_errors():
            yield
    except (DBAPIError, sqlite3.Error) as error:
        reason = _reason_of_damage(error)
        if reason is None:
            raise
        raise DatabaseUnreadable(str(path), reason) from error
    except StorageUnavailable as refusal:
        if isinstance(refusal.__cause__, (DBAPIError, sqlite3.Error)):
            cause = refusal.__cause__
            if _FULL in str(cause):
                # Nothing is wrong with the file, so nothing is to be restored.
                raise StorageUnavailable(f"the disk of '{path}' is full") from cause
            raise DatabaseUnreadable(str(path), str(cause.orig if isinstance(cause, DBAPIError) else cause)) from cause
        raise


_FULL = "disk is full"


class _storage_errors:  # noqa: N801 — used as a statement
    """Translate the driver's errors about a full, failing or read-only disk."""

    _WORDS = (_FULL, "disk i/o error", "readonly", "unable to open", "database is locked")

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (DBAPIError, sqlite3.OperationalError)):
            text = str(error.orig if isinstance(error, DBAPIError) else error)
            if any(word in text.lower() for word in self._WORDS):
                raise StorageUnavailable(text) from error


def _alone(path: Path, longest_wait: timedelta) -> AbstractContextManager[None]:
    """Keep other processes from preparing a database in the same folder meanwhile.

    SQLite's own lock is not enough: SQLite refuses at once to turn a new file to WAL while another process reads it.
    """
    return nullcontext() if path.name == _IN_MEMORY else folders.alone(path.parent, longest_wait)


def _bring_up_to_date(connection: Connection, metadata: MetaData, first_rows: Callable[[Connection], None]) -> None:
    """Migrate in one transaction. Another process waits for it, and then finds nothing left to do."""
    # A migration may rebuild a table under another name and drop the old one. Dropping it must not delete the rows
    # that refer to it. The pragma takes effect outside a transaction only.
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    revisions.bring_up_to_date(connection, metadata)
    first_rows(connection)
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise AssertionError(f"a migration left a row of '{broken[0]}' that refers to nothing in '{broken[2]}'")
    connection.exec_driver_sql("COMMIT")
    connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _engine(path: Path) -> Engine:
    # AUTOCOMMIT: the driver starts no transaction by itself; ours are written out.
    engine = create_engine(
        f"sqlite:///{path}",
        isolation_level="AUTOCOMMIT",
        # A defect is logged with its traceback, and a statement's parameters may include a sealed secret.
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": _BUSY.total_seconds()},
    )

    @event.listens_for(engine, "connect")
    def _configure(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute("PRAGMA synchronous=FULL")
        # A transaction may need a temporary file, and a container may have no folder for one.
        raw.execute("PRAGMA temp_store=MEMORY")
        raw.execute("PRAGMA foreign_keys=ON")

    return engine
