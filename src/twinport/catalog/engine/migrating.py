"""Runs the migrations with Alembic; loaded only for a database that lacks some."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, create_engine, inspect

from twinport.catalog.engine import migration_files
from twinport.refusals.storage import DatabaseUnrecognized

_FIRST = "0001"


def upgrade(db: Connection, metadata: MetaData, to: str = "head") -> None:
    """Run the migrations that a database lacks, in the caller's transaction. The caller keeps other processes out."""
    command.upgrade(_config(db, metadata), to)


def recognize(db: Connection, metadata: MetaData) -> None:
    """Note that a database is of the first revision: its tables were made before revisions were noted.

    Tables and indexes that came to the first revision late are made if they are missing. Raises DatabaseUnrecognized
    if a table lacks a column.
    """
    first = _first_tables(metadata)
    for table in first.tables.values():
        _check_columns(db, table)
    first.create_all(db)
    for table in first.tables.values():
        for index in table.indexes:
            index.create(db, checkfirst=True)
    command.stamp(_config(db, metadata), _FIRST)


def _first_tables(metadata: MetaData) -> MetaData:
    """Return the tables of the first revision, as it makes them in a temporary database."""
    engine, first = create_engine("sqlite://"), MetaData()
    with engine.begin() as db:
        upgrade(db, metadata, _FIRST)
        first.reflect(db, only=lambda name, _: name != "alembic_version")
    engine.dispose()
    return first


def _check_columns(db: Connection, table: Table) -> None:
    if not db.dialect.has_table(db, table.name):
        return
    there = {column["name"] for column in inspect(db).get_columns(table.name)}
    if missing := sorted(set(table.columns.keys()) - there):
        name = str(db.engine.url.database)
        raise DatabaseUnrecognized(name, f"its table '{table.name}' lacks {', '.join(missing)}")


def _config(db: Connection, metadata: MetaData) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migration_files.MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(migration_files.folder_of(metadata)).replace("%", "%%"))
    config.attributes["connection"] = db
    return config
