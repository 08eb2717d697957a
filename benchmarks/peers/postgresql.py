"""PostgreSQL that syncs each commit, which the servers of tests do not."""

from pathlib import Path

from psycopg import sql

from tests.postgres import PostgresServer, start_postgres


def start(folder: Path) -> PostgresServer:
    """Start a server whose data are in this folder."""
    folder.mkdir(exist_ok=True)
    server = start_postgres(folder)
    for setting in ("fsync", "full_page_writes"):
        server.run(sql.SQL("ALTER SYSTEM SET {} = on").format(sql.Identifier(setting)))
    server.run(sql.SQL("SELECT pg_reload_conf()"))
    return server
