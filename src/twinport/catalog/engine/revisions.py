"""The revision of a database, and its upgrade to the current one.

Both engines use the same migrations. Alembic, which runs them, takes longer to import than everything
else takes to start: it is loaded by name, and only for a database that lacks a migration. A new database gets the
current tables at once; a test checks that they are the same (docs/decisions/0010-one-path-of-migrations.md).
"""

import importlib
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, create_mock_engine, insert, inspect, select

from twinport.catalog.engine.migration_files import known
from twinport.refusals.storage import DatabaseNewer, DatabaseUnreadable, DatabaseUnrecognized

# Alembic's own table, as Alembic makes it.
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def has_tables(db: Connection, metadata: MetaData) -> bool:
    """Tell whether a partition's or a Region's database was ever given its tables, of any revision."""
    return db.dialect.has_table(db, metadata.info["first_table"])


def is_current(db: Connection, metadata: MetaData) -> bool:
    """Tell whether a database has the current tables, without changing anything.

    Raises DatabaseNewer if it is of a revision that a later version of twinport made.
    """
    return _revision(db, metadata) == known(metadata)[-1]


def require_tables(db: Connection, metadata: MetaData) -> None:
    """Raise DatabaseUnreadable unless every current table is there."""
    missing = sorted(metadata.tables.keys() - set(inspect(db).get_table_names()))
    if missing:
        raise DatabaseUnreadable(_name(db), f"it lacks the table '{missing[0]}'")


def bring_up_to_date(db: Connection, metadata: MetaData) -> None:
    """Upgrade a database to the current tables, in the caller's transaction. The caller keeps other processes out.

    Raises DatabaseNewer, and DatabaseUnrecognized if its tables are of no revision; then nothing was changed.
    """
    if is_current(db, metadata):
        return
    if _is_empty(db, metadata):
        _make(db, metadata)
    else:
        migrating = importlib.import_module("twinport.catalog.engine.migrating")
        if _revision(db, metadata) is None:
            migrating.recognize(db, metadata)
        migrating.upgrade(db, metadata)


def _revision(db: Connection, metadata: MetaData) -> str | None:
    if not db.dialect.has_table(db, _version.name):
        return None
    revisions: list[str] = list(db.scalars(select(_version.c.version_num)))
    if not revisions:
        return None
    if len(revisions) > 1:
        raise DatabaseUnrecognized(_name(db), f"it is of {len(revisions)} revisions at once")
    if revisions[0] not in known(metadata):
        raise DatabaseNewer(_name(db), revisions[0], known(metadata)[-1])
    return revisions[0]


def _is_empty(db: Connection, metadata: MetaData) -> bool:
    """Tell whether none of our tables is there; tables of other programs do not matter."""
    return metadata.tables.keys().isdisjoint(inspect(db).get_table_names())


def _make(db: Connection, metadata: MetaData) -> None:
    for statement in _statements(metadata, db.engine.url.drivername):
        db.exec_driver_sql(statement)
    _version.create(db, checkfirst=True)
    db.execute(insert(_version).values(version_num=known(metadata)[-1]))


@cache
def _statements(metadata: MetaData, driver: str) -> tuple[str, ...]:
    """Compile the statements that make the current tables, once in a process: to compile takes longer than to run."""
    spelled: list[str] = []

    def note(statement: Any, *_: object) -> None:
        spelled.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine(f"{driver}://", note)
    metadata.create_all(engine, checkfirst=False)
    return tuple(spelled)


def _name(db: Connection) -> str:
    return str(db.engine.url.database)
