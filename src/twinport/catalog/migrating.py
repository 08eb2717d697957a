"""Brings a PostgreSQL database to the tables of today, by the migrations beside this module."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData

from twinport.catalog import schema

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(db: Connection, metadata: MetaData) -> None:
    """Run the migrations that a database lacks, in the transaction of the caller, who lets nobody else in meanwhile."""
    command.upgrade(_config(db, metadata), "head")


def _config(db: Connection, metadata: MetaData) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    versions = _MIGRATIONS / ("partition" if metadata is schema.partition else "regional")
    config.set_main_option("version_locations", str(versions))
    config.attributes["connection"] = db
    return config
