"""Statements that mean the same on SQLite and PostgreSQL, and that SQLAlchemy spells separately for each.

Every INSERT with ON CONFLICT begins in `insert`, which spells it for the database that it is meant for. No dialect is
imported here: the one in use is loaded, and the other must cost nothing (docs/decisions/0004-lean-imports.md).
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    func,
    null,
    select,
    tuple_,
)

from twinport.catalog.engine.prepared import Prepared

T = TypeVar("T")
# How many values one statement is given: far below the limit of either database.
_BATCH = 500
# Between the texts that `joined` joins.
_BREAK = "\n"


def batches(values: Iterable[T], most: int = _BATCH) -> Iterator[list[T]]:
    """Cut values into lists that one statement can be given."""
    left = iter(values)
    while batch := list(islice(left, most)):
        yield batch


def insert(db: Connection, table: Table) -> Any:
    """Begin an INSERT that understands ON CONFLICT; that of either database has the same methods."""
    return insert_of(db.dialect.name, table)


def insert_of(engine: str, table: Table) -> Any:
    """As `insert`, for an engine by its name."""
    return _dialect_insert(engine)(table)


def upsert(db: Connection, table: Table, key: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Make the row named by `key` hold `changes`, whether or not it exists; its other columns stay."""
    _upsert(table, (*key, *changes), tuple(key), tuple(changes)).change(db, **key, **changes)


def upsert_all(
    db: Connection, table: Table, shared: Mapping[str, Any], key: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """As `upsert`, for many rows at once: each has the values of `shared` and its own; `key` names a key."""
    if rows:
        changes = tuple(name for name in rows[0] if name not in key)
        statement = _upsert(table, (*shared, *rows[0]), tuple(key), changes)
        statement.change_all(db, [{**shared, **row} for row in rows])


def insert_absent(db: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key is there. Tell whether it was inserted."""
    return _insert_absent(table, tuple(row)).change(db, **row) == 1


def insert_all_absent(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """As `insert_absent`, for many rows at once."""
    if rows:
        _insert_absent(table, tuple(rows[0])).change_all(db, rows)


def delete_some(db: Connection, table: Table, which: Sequence[ColumnElement[bool]], limit: int) -> int:
    """Delete at most `limit` of the rows for which `which` holds. Tell how many went."""
    key = tuple_(*table.primary_key)
    chosen = select(*table.primary_key).where(*which).limit(limit)
    return db.execute(delete(table).where(key.in_(chosen))).rowcount if limit > 0 else 0


def lock(db: Connection, rows: Select[Any], *, shared: bool = False) -> None:
    """Lock rows until the transaction ends, so that what is read after this stays true.

    On SQLite it stays true anyway, since one write follows another.
    """
    if db.dialect.name != "sqlite":
        db.execute(rows.with_for_update(read=shared, key_share=shared)).all()


def each_of(engine: str, parameter: str) -> Select[Any]:
    """Select the texts of a parameter that is a JSON list: so a statement of a fixed form takes any number of them."""
    given = bindparam(parameter, type_=Text)
    if engine == "sqlite":
        return select(func.json_each(given).table_valued("value").c.value)
    return select(func.json_array_elements_text(cast(given, JSON)).table_valued("value").c.value)


def is_one_of(engine: str, column: Any, parameter: str) -> Any:
    """Return the condition that a column has one of the texts of a JSON list, each of which an index looks up.

    `each_of` says why: the toolkit builds a statement anew for each number of values, which costs more than running it.
    """
    values = each_of(engine, parameter)
    # For `IN`, PostgreSQL may read the whole table, to hash it.
    return column.in_(values) if engine == "sqlite" else column == any_(func.array(values.scalar_subquery()))


def pairs_of(engine: str, parameter: str) -> Any:
    """Return the keys and values of a parameter that is a JSON object of texts, as a table of `key` and `value`."""
    given = bindparam(parameter, type_=Text)
    each = func.json_each(given) if engine == "sqlite" else func.json_each_text(cast(given, JSON))
    return each.table_valued("key", "value")


def joined(engine: str, column: Any) -> Any:
    """Return all texts of a column as one, for `parts` to take apart. No text may be NULL or have a line break.

    SQLite's driver passes the interpreter's lock on at each row. Where other threads wait for it, a thousand rows cost
    ten times as much as one row.
    """
    function = func.group_concat if engine == "sqlite" else func.string_agg
    return function(column, cast(_BREAK, Text))


def parts(text: str | None) -> list[str]:
    """Return the texts that `joined` has joined: None if there was no row."""
    return [] if text is None else text.split(_BREAK)


def version(engine: str) -> Any:
    """Return the version of the database, in the statement that reads it: `engine.sqlite.data_version`."""
    if engine != "sqlite":
        return null().label("version")
    return select(func.pragma_data_version().table_valued("data_version").c.data_version).scalar_subquery()


@cache
def _dialect_insert(dialect: str) -> Any:
    return sys.modules[f"sqlalchemy.dialects.{dialect}"].insert


@cache
def _insert_absent(table: Table, columns: tuple[str, ...]) -> Prepared:
    """Building a statement costs more than running it, so each is built once for each set of columns."""
    return Prepared(lambda engine: _inserting(engine, table, columns).on_conflict_do_nothing())


@cache
def _upsert(table: Table, columns: tuple[str, ...], key: tuple[str, ...], changes: tuple[str, ...]) -> Prepared:
    """As above."""

    def build(engine: str) -> Any:
        statement = _inserting(engine, table, columns)
        new = {name: statement.excluded[name] for name in changes}
        return statement.on_conflict_do_update(index_elements=list(key), set_=new)

    return Prepared(build)


def _inserting(engine: str, table: Table, columns: tuple[str, ...]) -> Any:
    values = {name: bindparam(name, type_=table.c[name].type) for name in columns}
    return insert_of(engine, table).values(values)
