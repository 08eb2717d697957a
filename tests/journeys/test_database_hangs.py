"""A PostgreSQL that stands still: every request hears so in time, and processes end when they are told to."""

import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.journeys.clients import HOME, SOURCE, Owner
from tests.journeys.images import small
from tests.journeys.postgresql import PostgreSQL
from tests.journeys.registry import Registry
from tests.journeys.server import COMMAND, STOP_SECONDS, Server
from tests.journeys.waiting import until

REPOSITORY, IMAGE = "team/api", small()
# Longer than any deadline of ours, and shorter than a client of AWS waits.
IN_TIME = 40.0


@contextmanager
def standing_still(postgres: PostgreSQL) -> Iterator[None]:
    """Stop the whole server and every process that serves a connection, as a host that hangs does."""
    # The server first, so that no process begins after its processes are listed; one of them may end meanwhile.
    _signal(signal.SIGSTOP, postgres.pid)
    stopped = [postgres.pid, *postgres.backends()]
    _signal(signal.SIGSTOP, *stopped)
    try:
        yield
    finally:
        _signal(signal.SIGCONT, *stopped)


def _signal(number: signal.Signals, *processes: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


@pytest.fixture
def address(postgres: PostgreSQL) -> Iterator[str]:
    address = postgres.new_address()
    yield address
    postgres.drop(address)


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=IN_TIME) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_requests_are_refused_in_time_and_served_again_once_the_database_goes_on(
    tmp_path: Path, postgres: PostgreSQL, address: str
) -> None:
    with Server(tmp_path, database=address) as server:
        owner = Owner(server, SOURCE, HOME)
        owner.boto("ecr").create_repository(repositoryName=REPOSITORY)
        registry = Registry.of(owner)
        assert registry.push(REPOSITORY, "1", IMAGE) == 201
        ready = f"{server.url}/_twinport/health/ready"
        with standing_still(postgres):
            said = registry.ask("GET", f"{REPOSITORY}/manifests/1")
            assert (said.status, "retry-after" in said.headers) == (503, True)
            assert registry.put_manifest(REPOSITORY, "2", IMAGE) == 503
            assert status_of(ready) == 503
            assert status_of(f"{server.url}/_twinport/health/live") == 200
        until("it is ready", lambda: status_of(ready) == 200, seconds=IN_TIME)
        assert registry.has(REPOSITORY, IMAGE)
        assert registry.push(REPOSITORY, "2", IMAGE) == 201


def test_a_server_and_a_worker_end_in_time_while_the_database_stands_still(
    tmp_path: Path, postgres: PostgreSQL, address: str
) -> None:
    with Server(tmp_path, database=address) as server:
        owner = Owner(server, SOURCE, HOME)
        owner.boto("ecr").create_repository(repositoryName=REPOSITORY)
        command = [*COMMAND, "worker", "--data", str(tmp_path / "data")]
        with (tmp_path / "worker.log").open("wb") as log:
            worker = subprocess.Popen(command, stderr=log, env=server.environment)
        until("the worker runs", lambda: "worker.started" in (tmp_path / "worker.log").read_text(), seconds=IN_TIME)
        with standing_still(postgres):
            until("a poll hangs", lambda: status_of(f"{server.url}/_twinport/health/ready") == 503, seconds=IN_TIME)
            worker.terminate()
            assert worker.wait(timeout=STOP_SECONDS) == 0
            server.stop()


def test_several_processes_end_in_time_while_the_database_stands_still(
    tmp_path: Path, postgres: PostgreSQL, address: str
) -> None:
    with Server(tmp_path, "--workers", "2", database=address) as server:
        Owner(server, SOURCE, HOME).boto("ecr").create_repository(repositoryName=REPOSITORY)
        with standing_still(postgres):
            until("a poll hangs", lambda: status_of(f"{server.url}/_twinport/health/ready") == 503, seconds=IN_TIME)
            server.stop()
        assert '"event":"server.stopped"' in server.log
