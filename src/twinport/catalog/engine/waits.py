"""Deadlines of PostgreSQL: until when the work of a thread may wait, and a connection that ends each wait then.

A server that stands still honors no timeout of its own, and its kernel acknowledges what is sent to it. So each wait of
the driver ends at the deadline of the operation that it belongs to: docs/decisions/0030-deadlines-and-connections.md.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")

# The limit of a whole read or write: the wait for a connection, connecting, every statement, every try. After it, the
# client gets 503.
OPERATION = timedelta(seconds=25)
_INTERVAL = 0.1
# The limits that a live server keeps by itself end before that.
ON_THE_SERVER: dict[str, str | int] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": "-c statement_timeout=20s -c lock_timeout=15s -c idle_in_transaction_session_timeout=30s",
}


class _Until(threading.local):
    """The deadline of this thread's work, by the monotonic clock."""

    deadline: float = inf


_until = _Until()


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """End every wait of this thread at a deadline, or at the caller's deadline if that is earlier."""
    before = _until.deadline
    _until.deadline = min(before, deadline)
    try:
        yield
    finally:
        _until.deadline = before


def left() -> float:
    """Return the seconds until this thread's deadline, 0 if it has passed."""
    return max(0.0, _until.deadline - monotonic())


class PunctualConnection(psycopg.Connection[Any]):
    """Ends each wait at the deadline of its thread, and then closes: what the server does is no longer known."""

    def wait(self, gen: PQGen[T], interval: float = _INTERVAL, timeout: float | None = None) -> T:
        limit = min(left(), inf if timeout is None else timeout)
        try:
            return super().wait(gen, interval, None if limit == inf else limit)
        except psycopg.OperationalError as error:
            if left() or self.closed:
                raise
            self.close()
            raise psycopg.OperationalError("the server did not answer in time") from error
