"""Checks whether a database itself is intact, as far as its engine can tell."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

_MOST_PROBLEMS = 100
_HAS_AMCHECK = text("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'")
_INDEXES = text(
    "SELECT indexed.oid, indexed.relname FROM pg_class AS indexed JOIN pg_am ON pg_am.oid = indexed.relam "
    "JOIN pg_index ON pg_index.indexrelid = indexed.oid JOIN pg_namespace ON pg_namespace.oid = indexed.relnamespace "
    "WHERE pg_am.amname = 'btree' AND pg_index.indisvalid AND pg_namespace.nspname = current_schema() ORDER BY 2"
)
_TABLES = text(
    "SELECT pg_class.oid, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE relkind = 'r' AND nspname = current_schema() ORDER BY 2"
)
_INDEX_AND_ROWS = text("SELECT bt_index_check(CAST(:oid AS oid), true)")
_ROWS = text("SELECT msg FROM verify_heapam(CAST(:oid AS oid)) LIMIT 1")
_NOT_ALLOWED = "42501"
_NOT_CHECKED = "the extension amcheck is not in the database, so indexes and rows were not compared"


@dataclass(frozen=True, slots=True)
class Condition:
    """The problems of a database, and the part of it that could not be checked."""

    problems: tuple[str, ...] = ()
    unchecked: str | None = None


def check(db: Connection) -> Condition:
    """Check every page, index and reference of a database. The time depends on its size; nothing is changed."""
    if db.dialect.name == "sqlite":
        return Condition(tuple(_problems_in_file(db)))
    if db.execute(_HAS_AMCHECK).first() is None:
        return Condition(unchecked=_NOT_CHECKED)
    try:
        with unhurried(db):
            return Condition(tuple(_problems_of_indexes(db)))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
            raise
        return Condition(unchecked="the database's role may not run amcheck, so indexes and rows were not compared")


@contextmanager
def unhurried(db: Connection) -> Iterator[None]:
    """Keep the deadline of requests from a check, whose time depends on the size of the database."""
    if db.dialect.name == "sqlite":
        yield
        return
    db.execute(text("SET statement_timeout = 0"))
    try:
        yield
    finally:
        db.execute(text("RESET statement_timeout"))


def _problems_in_file(db: Connection) -> Iterator[str]:
    for (line,) in db.exec_driver_sql(f"PRAGMA integrity_check({_MOST_PROBLEMS})"):
        if line != "ok":
            yield " ".join(str(line).split())
    broken = Counter((table, parent) for table, _, parent, _ in db.exec_driver_sql("PRAGMA foreign_key_check"))
    for (table, parent), count in sorted(broken.items()):
        yield f"{count} of the rows of table '{table}' refer to missing rows of table '{parent}'"


def _problems_of_indexes(db: Connection) -> Iterator[str]:
    for oid, name in db.execute(_INDEXES).all():
        try:
            db.execute(_INDEX_AND_ROWS, {"oid": oid})
        except DBAPIError as error:
            yield f"index '{name}': {_problem_in(error)}"
    for oid, name in db.execute(_TABLES).all():
        try:
            problem = db.execute(_ROWS, {"oid": oid}).scalar()
        except DBAPIError as error:
            problem = _problem_in(error)
        if problem is not None:
            yield f"table '{name}': {problem}"


def _problem_in(error: DBAPIError) -> str:
    """Return the problem that an error reports. Raises the error if it means that nothing was checked."""
    if getattr(error.orig, "sqlstate", None) == _NOT_ALLOWED:
        raise error
    return str(error.orig).splitlines()[0]
