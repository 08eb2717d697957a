"""The tables of a Region in memory, for properties that begin empty with each example."""

import sqlite3
from functools import cache

from sqlalchemy import Connection, create_engine

from twinport.catalog.regional import schema


def region_in_memory() -> Connection:
    """Connect to a new database with the tables of a Region and no row. The caller closes it, and its engine."""
    db = create_engine("sqlite://").connect()
    _raw(db).deserialize(_made())
    return db


def _raw(db: Connection) -> sqlite3.Connection:
    connection = db.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection


@cache
def _made() -> bytes:
    """Make the tables once in a process: to make them takes longer than most examples."""
    db = create_engine("sqlite://").connect()
    schema.regional.create_all(db)
    db.commit()
    made = _raw(db).serialize()
    db.close()
    db.engine.dispose()
    return made
