"""The connections of one process to all databases of a deployment: limited in number, and closed when idle.

Each database has a pool, and all pools share one budget. A pool that needs a connection while the budget is used up
replaces an idle connection of any database: docs/decisions/0030-deadlines-and-connections.md.
"""

import os
import random
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from twinport.catalog.engine import waits
from twinport.refusals.storage import StorageUnavailable

# A connection that was idle for this long is closed.
IDLE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Idle:
    entry: ConnectionPoolEntry
    since: float


@dataclass
class Connections:
    """The budget: how many connections are allowed, which of them are idle, and which are in use."""

    most: int
    idle_limit: timedelta = IDLE
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _idle: dict["SharedPool", list[_Idle]] = field(default_factory=dict)
    _in_use: set[ConnectionPoolEntry] = field(default_factory=set)
    _beginning: int = 0

    @property
    def open(self) -> int:
        """Return the number of connections, including those that are being made."""
        return self._beginning + len(self._in_use) + sum(map(len, self._idle.values()))

    def take(self, pool: "SharedPool") -> ConnectionPoolEntry:
        """Return a connection of a pool. Raises StorageUnavailable if none becomes free in time."""
        with self._changed:
            idle = self._idle_or_free(pool)
            if idle is not None:
                self._in_use.add(idle)
                return idle
            self._beginning += 1
        try:
            entry = pool.connected()
        except BaseException:
            with self._changed:
                self._beginning -= 1
                self._changed.notify()
            raise
        with self._changed:
            self._beginning -= 1
            self._in_use.add(entry)
        return entry

    def give_back(self, pool: "SharedPool", entry: ConnectionPoolEntry) -> None:
        """Keep a connection for the next job on its database, unless it was lost."""
        with self._changed:
            self._in_use.discard(entry)
            if entry.dbapi_connection is not None:
                self._idle.setdefault(pool, []).append(_Idle(entry, monotonic()))
            self._close_old()
            self._changed.notify()

    def tidy(self) -> None:
        """Close the connections that were idle for too long."""
        with self._changed:
            self._close_old()
            self._changed.notify_all()

    def let_go(self, pool: "SharedPool") -> None:
        """Close the idle connections of a pool."""
        with self._changed:
            for idle in self._idle.pop(pool, ()):
                idle.entry.close()
            self._changed.notify_all()

    def cut(self) -> None:
        """End every wait for an answer on a connection, as if the server had closed it."""
        with self._changed:
            for entry in self._in_use:
                _hang_up(entry.dbapi_connection)

    def _idle_or_free(self, pool: "SharedPool") -> ConnectionPoolEntry | None:
        """Return an idle connection of a pool, the one that was used last; None once there is room for another."""
        while True:
            if own := self._idle.get(pool):
                return own.pop().entry
            if self.open < self.most or self._close_idle():
                return None
            if not self._changed.wait(min(waits.left(), threading.TIMEOUT_MAX)):
                raise StorageUnavailable(f"all {self.most} connections to the database are in use")

    def _close_idle(self) -> bool:
        """Close an idle connection of the pool that has most idle ones. Tell whether there was one."""
        longest = max(map(len, self._idle.values()), default=0)
        if not longest:
            return False
        # At random among equals: processes look at one Region after the other, and a fixed order would close exactly
        # the connection that is needed next.
        chosen = random.choice([each for each in self._idle.values() if len(each) == longest])  # noqa: S311
        chosen.pop(0).entry.close()
        return True

    def _close_old(self) -> None:
        oldest = monotonic() - self.idle_limit.total_seconds()
        for pool, each in list(self._idle.items()):
            while each and each[0].since <= oldest:
                each.pop(0).entry.close()
            if not each:
                del self._idle[pool]


class SharedPool(Pool):
    """SQLAlchemy's pool of one database, whose connections count against the budget that it joins."""

    _budget: Connections

    def join(self, budget: Connections) -> None:
        self._budget = budget

    def connected(self) -> ConnectionPoolEntry:
        """Return a new connection."""
        return self._create_connection()

    def status(self) -> str:
        return f"{self._budget.open} of {self._budget.most} connections"

    def dispose(self) -> None:
        self._budget.let_go(self)

    def recreate(self) -> "SharedPool":
        pool = SharedPool(self._creator, _dispatch=self.dispatch, dialect=self._dialect)
        pool.join(self._budget)
        return pool

    def _do_get(self) -> ConnectionPoolEntry:
        return self._budget.take(self)

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        self._budget.give_back(self, record)


def _hang_up(connection: Any) -> None:
    """Shut down the socket of a connection that another thread waits on; that thread then closes the connection."""
    if connection is None:
        return
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)
