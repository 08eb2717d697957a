"""Debian's PostgreSQL as an operator runs it: durable, on a socket of its own, and fit to be killed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from tests.journeys.commands import lacking
from tests.journeys.waiting import until

VERSIONS = Path("/usr/lib/postgresql")
OWNER = "postgres"
START_SECONDS = 60.0
# Fewer than the default, so that machines of every size have the memory; nothing is said of durability, which is on.
SETTINGS = ("listen_addresses=", "max_connections=200", "shared_buffers=32MB", "max_wal_size=256MB")


class PostgreSQL:
    """A server in a folder. Whatever it acknowledged is there after it was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "PostgreSQL is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> None:
        options = [word for setting in SETTINGS for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("postgres"), "-D", str(self.folder / "cluster"), "-k", str(self.folder), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=_owner(),
                group=_owner(),
                extra_groups=_no_groups(),
            )
        self.wait()

    def stop(self) -> None:
        """Let it end in order, whichever clients are connected."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End all of it without a chance to say goodbye."""
        backends = self.backends()
        self._end(signal.SIGKILL)
        for backend in backends:
            _kill(backend)

    def backends(self) -> list[int]:
        """The processes that it has begun: one for each connection, and its own."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(word) for word in children.split()]

    def connections(self) -> list[int]:
        """The processes that serve connections to other databases than its own."""
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname <> 'postgres'"
        with psycopg.connect(self.address(OWNER), autocommit=True) as connection:
            return [pid for (pid,) in connection.execute(query).fetchall()]

    def kill_connection(self) -> None:
        """End one process that serves a connection, upon which PostgreSQL ends the others and recovers by itself."""
        victim = self.connections()[0]
        _kill(victim)
        until("PostgreSQL has noticed", lambda: victim not in self.backends(), seconds=START_SECONDS)
        self.wait()

    def wait(self) -> None:
        """Wait until it has recovered from whatever befell it."""
        until("PostgreSQL accepts connections", self._accepts, seconds=START_SECONDS)

    def new_address(self) -> str:
        """Create an empty database and return its address, as the setting `database` has it."""
        name = f"twinport{next(self._numbers)}"
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.address(name)

    def address(self, database: str) -> str:
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def drop(self, address: str) -> None:
        """Drop the databases of a deployment, whichever clients are connected."""
        base = address.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(self.address(OWNER), autocommit=True) as connection:
            rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        for (name,) in rows:
            if name == base or name.startswith(f"{base}_"):
                self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.address(OWNER), autocommit=True) as connection:
            connection.execute(statement)

    def _accepts(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"PostgreSQL ended by itself:\n{self.log}"
        try:
            psycopg.connect(self.address(OWNER), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(number)
        try:
            process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            # Nothing that a test began may be left behind.
            process.kill()
            process.wait(timeout=START_SECONDS)
            raise


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """Run a new server in a folder that its owner may enter, and forget it."""
    folder = Path(tempfile.mkdtemp(prefix="twinport-postgresql-"))
    try:
        server = made(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def made(folder: Path) -> PostgreSQL:
    """Make an empty cluster in a folder, which becomes its owner's."""
    initdb = [program("initdb"), "--auth=trust", f"--username={OWNER}", "--encoding=UTF8", "--locale=C.UTF-8"]
    if os.geteuid() == 0:
        owner = pwd.getpwnam(OWNER)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    subprocess.run(
        [*initdb, str(folder / "cluster")],
        check=True,
        capture_output=True,
        cwd=folder,
        user=_owner(),
        group=_owner(),
        extra_groups=_no_groups(),
    )
    return PostgreSQL(folder)


def is_installed() -> bool:
    return any(VERSIONS.glob("*/bin/postgres"))


def program(name: str) -> str:
    """Find a program of Debian's newest PostgreSQL, which is not on PATH; the journey is skipped without."""
    found = sorted(VERSIONS.glob(f"*/bin/{name}"), key=lambda path: int(path.parent.parent.name))
    if not found:
        lacking(f"PostgreSQL is not installed: no {VERSIONS}/*/bin/{name}")
    return str(found[-1])


def _owner() -> str | None:
    """PostgreSQL refuses to run as root."""
    return OWNER if os.geteuid() == 0 else None


def _no_groups() -> list[str] | None:
    return [] if os.geteuid() == 0 else None


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
