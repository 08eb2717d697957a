"""The ports of the catalog: a database as two promises, and a catalog as all databases of a deployment.

A query and a transaction are plain functions of a connection: statements and pure decisions, no await in them
(docs/write-order.md, law 5). A read sees what is committed; a write is durable when it returns. Implementations:
SQLite in `catalog.embedded`, PostgreSQL in `catalog.postgres`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from twinport.model.names import RegionName
from twinport.processes.breakdown import Breakdown

# `Connection` is exported for modules that pass a connection on and may not import the SQL toolkit.
__all__ = ["CLOSING_LIMIT", "Catalog", "Connection", "Database", "PartitionDatabase", "WholeCatalog"]

T = TypeVar("T")
# How long closing waits for the submitted work, unless the caller has less time.
CLOSING_LIMIT = timedelta(seconds=30)


class Database(Protocol):
    """The database that verbs are given. Implementations: SqliteDatabase, and the lazy one of a Region."""

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query. It sees every write that has returned. Raises CatalogClosed after the end."""
        ...

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        """As `read`, for a query that reads much: a history, or large contents. It delays no other work."""
        ...

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        """Run a transaction; durable on return, without effect if it raises.

        Raises StorageUnavailable when the disk or the database refuses, OutcomeUnknown when they fail in a way that
        leaves open whether the transaction took effect, and CatalogClosed after the end.
        """
        ...


class PartitionDatabase(Protocol):
    """IAM's database. Each `write` advances the generation, which voids cached decisions."""

    async def read(self, query: Callable[[Connection], T]) -> T: ...

    async def read_much(self, query: Callable[[Connection], T]) -> T: ...

    async def write(self, transaction: Callable[[Connection], T]) -> T: ...

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        """Write data that changes no decision (sessions, last-used times, task progress): the generation stays."""
        ...

    async def generation(self) -> int: ...


class Catalog(Protocol):
    """Every database of this deployment."""

    def now(self, db: Connection) -> datetime:
        """Return the current time by the clock that every process on this database shares.

        Times that one process writes and another compares (leases, due times) are by this clock: `outbox`, `leases`.
        """
        ...

    @property
    def partition(self) -> PartitionDatabase: ...

    def region(self, name: RegionName) -> Database:
        """Return a Region's database. Reading one that was never written sees it empty and creates nothing."""
        ...

    async def regions(self) -> list[RegionName]:
        """List the Regions that were ever written to."""
        ...


class WholeCatalog(Catalog, Protocol):
    """A catalog as the code that opened it sees it. Errors that no retry can repair are reported to `breakdown`."""

    breakdown: Breakdown

    def version(self, region: RegionName) -> int | None:
        """Return a number that differs after each commit of any process to a Region, as `read` sees it.

        None where to ask for it is a round trip, and for a Region that is not open. `catalog.pulls` reads it with what
        it finds; numbers that `read_much` sees cannot be compared with it. Raises what a read raises.
        """
        ...

    async def check(self) -> None:
        """Raise Unavailable if nothing could be read or written now. Opens, creates and changes nothing."""
        ...

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        """Finish the submitted work within this time, then close the databases."""
        ...
