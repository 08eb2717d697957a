"""Statements that SQLite and PostgreSQL share in meaning and SQLAlchemy spells once for each.

Every INSERT with ON CONFLICT begins in `insert`, so PostgreSQL's spelling has one place to come to; it is not imported
before there is a PostgreSQL catalog (docs/decisions/0004-lean-imports.md).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

T = TypeVar("T")
# How many values one statement is given: far below the bound of either database.
_BATCH = 500


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """Cut values into lists that one statement can be given."""
    left = iter(values)
    while batch := list(islice(left, _BATCH)):
        yield batch


def insert(table: Table) -> sqlite.Insert:
    """Begin an INSERT that understands ON CONFLICT."""
    return sqlite.insert(table)


def upsert(db: Connection, table: Table, key: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Make the row named by `key` hold `changes`, whether or not it exists; its other columns stay."""
    statement = insert(table).values({**key, **changes})
    db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(changes)))


def insert_absent(db: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key is there. Tell whether it was inserted."""
    return db.execute(_insert_absent(table), dict(row)).rowcount == 1


@cache
def _insert_absent(table: Table) -> sqlite.Insert:
    """Building a statement costs more than running it, so each is built once."""
    return insert(table).on_conflict_do_nothing()
