"""Statements that SQLite and PostgreSQL share in meaning and SQLAlchemy spells once for each."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
# How many values one statement is given: far below the bound of either database.
_BATCH = 500


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """Cut values into lists that one statement can be given."""
    left = iter(values)
    while batch := list(islice(left, _BATCH)):
        yield batch


def insert(db: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT that understands ON CONFLICT, for the database that `db` speaks to."""
    return postgresql.insert(table) if db.dialect.name == "postgresql" else sqlite.insert(table)


def upsert(db: Connection, table: Table, key: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Make the row named by `key` hold `changes`, whether or not it exists; its other columns stay."""
    statement = insert(db, table).values({**key, **changes})
    db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(changes)))


def insert_absent(db: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key is there. Tell whether it was inserted."""
    return db.execute(insert(db, table).values(dict(row)).on_conflict_do_nothing()).rowcount == 1
