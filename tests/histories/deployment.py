"""Twinport with its database, as the nemesis finds it: a server, perhaps of several processes, and perhaps a worker."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.journeys.postgresql import PostgreSQL, running
from tests.journeys.server import COMMAND, Server

START_SECONDS = 60.0


@dataclass
class Deployment:
    """What is there to be driven and to be killed."""

    folder: Path
    server: Server
    workers: int
    postgres: PostgreSQL | None
    address: str | None

    def start(self) -> None:
        self.server.start()

    def children(self) -> list[int]:
        """The processes that serve, where a parent has several."""
        path = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children")
        return [int(word) for word in path.read_text().split()]

    def kill_server(self) -> None:
        """End every process of the server at once."""
        children = self.children()
        self.server.kill()
        for child in children:
            kill(child)

    def rows(self, region: str, query: str) -> list[tuple[Any, ...]]:
        """Look into a Region's database."""
        if self.address is not None:
            database, _, host = self.address.partition("?")
            with psycopg.connect(f"{database}_{region}?{host}", autocommit=True) as connection:
                return connection.execute(query.encode()).fetchall()
        path = self.folder / "data" / "regions" / region / "catalog.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(query).fetchall()

    @property
    def log(self) -> str:
        return self.server.log


class Worker:
    """A `twinport worker` beside the server."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._deployment.folder / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "worker", "--data", str(self._deployment.folder / "data")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._deployment.server.environment,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=10)


def kill(pid: int) -> None:
    """End a process that may have ended already."""
    send(pid, signal.SIGKILL)


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def deployed(folder: Path, database: str, workers: int) -> Iterator[Deployment]:
    """Start everything in an empty folder, and end what is left of it."""
    if database == "postgresql":
        with running() as postgres:
            yield from _started(folder, workers, postgres)
    else:
        yield from _started(folder, workers, None)


def _started(folder: Path, workers: int, postgres: PostgreSQL | None) -> Iterator[Deployment]:
    address = None if postgres is None else postgres.new_address()
    server = Server(folder, "--workers", str(workers), database=address)
    # A stopped process may hold what a start needs.
    server.patience = START_SECONDS
    deployment = Deployment(folder, server, workers, postgres, address)
    deployment.start()
    try:
        yield deployment
    finally:
        if server.is_running:
            deployment.kill_server()
