"""`twinport serve` that counts its statements and transactions in a file, in whichever way they reach the driver.

BENCH_COUNTS=FILE python -m benchmarks.peers.counted serve --data FOLDER --listen HOST:PORT
"""

import mmap
import os
import sqlite3
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.pool import Pool

from twinport import entry

VARIABLE = "BENCH_COUNTS"
_BOUNDARIES = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "--")
_LAYOUT = struct.Struct("=QQ")


@dataclass(frozen=True)
class Counts:
    """How many statements there were, and how many transactions that write (on SQLite, where they say so)."""

    statements: int
    writes: int

    def since(self, before: "Counts", operations: int) -> tuple[float, float]:
        """Return what one operation took, of so many that were done meanwhile."""
        return (self.statements - before.statements) / operations, (self.writes - before.writes) / operations


def blank(file: Path) -> None:
    """Make the file that a server counts in."""
    file.write_bytes(_LAYOUT.pack(0, 0))


def read(file: Path) -> Counts:
    """Return what a server has counted so far."""
    return Counts(*_LAYOUT.unpack(file.read_bytes()))


@dataclass
class _Counter:
    shared: mmap.mmap
    statements: int = 0
    writes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, statement: str) -> None:
        first = statement.lstrip().upper()
        with self.lock:
            self.writes += first.startswith("BEGIN IMMEDIATE")
            self.statements += not first.startswith(_BOUNDARIES)
            _LAYOUT.pack_into(self.shared, 0, self.statements, self.writes)

    def watch(self, connection: Any, _record: object) -> None:  # noqa: ANN401 — a connection of either driver
        """Look at what goes through a new connection."""
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(self.note)
        elif isinstance(connection, psycopg.Connection):
            connection.cursor_factory = _noting(self)


def _noting(counter: _Counter) -> type[psycopg.Cursor[Any]]:
    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *words: Any, **named: Any) -> Any:  # noqa: ANN401 — passed on as it is
            counter.note(str(query))
            return super().execute(query, *words, **named)

        def executemany(self, query: Any, *words: Any, **named: Any) -> None:  # noqa: ANN401 — passed on as it is
            counter.note(str(query))
            super().executemany(query, *words, **named)

    return Noting


def main() -> None:
    with Path(os.environ[VARIABLE]).open("r+b") as file:
        counter = _Counter(mmap.mmap(file.fileno(), _LAYOUT.size))
    event.listen(Pool, "connect", counter.watch)
    entry.main()


if __name__ == "__main__":
    main()
