"""Fixtures for every suite."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from tests import witness
from tests.catalogs import one_empty_database
from tests.postgres import KeptDatabases, PostgresServer, start_postgres
from tests.scratch import in_memory
from tests.served import Served, new_account, start

# A machine that is busy makes no property false, and neither does a seed whose first examples are left out by `assume`.
# `make nightly` asks for many examples.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
settings.register_profile("few", _UNHURRIED, max_examples=50)
settings.register_profile("many", _UNHURRIED, max_examples=1000)
settings.load_profile(os.environ.get("TWINPORT_EXAMPLES", "few"))


# What takes longer to begin than most tests take.
_SERVERS = frozenset({"server", "postgres", "postgres_kept", "postgres_address"})


def pytest_configure() -> None:
    """Have pytest make its folders in memory, unless the environment says where."""
    if folder := in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Spare the garbage collector the modules and the tests: they become no garbage, and stay until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server, so that `make test-quick` can leave them out."""
    for item in items:
        if isinstance(item, pytest.Function) and not _SERVERS.isdisjoint(item.fixturenames):
            item.add_marker("server")


@pytest.fixture(scope="session", autouse=True)
def notice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where `make gate` has it written which test runs, for the servers of this process."""
    file = tmp_path_factory.mktemp("witness") / "test"
    # A server may be asked by what tests share, before the first test begins.
    file.touch()
    if witness.is_watching():
        os.environ[witness.TEST] = str(file)
    yield file
    os.environ.pop(witness.TEST, None)


@pytest.fixture(scope="session", autouse=True)
def _one_empty_database() -> Iterator[None]:
    with one_empty_database():
        yield


@pytest.fixture(autouse=True)
def _noticed(request: pytest.FixtureRequest) -> None:
    if witness.is_watching():
        file: Path = request.getfixturevalue("notice")
        file.write_text(request.node.nodeid)


@pytest.fixture(scope="session")
def server(notice: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One real server with open accounts; take a fresh `account` each."""
    del notice
    program = "tests.watched" if witness.is_watching() else None
    served = start(tmp_path_factory.mktemp("server") / "data", program=program)
    yield served
    served.stop()


@pytest.fixture
def account() -> str:
    return new_account()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not in pytest's folder: another run of pytest removes the older ones, and a server does not survive that.
    with TemporaryDirectory(prefix="twinport-pg-", dir=in_memory(), ignore_cleanup_errors=True) as folder:
        server = start_postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def postgres_kept(postgres: PostgresServer) -> Iterator[KeptDatabases]:
    """Databases for tests that bear what others left: tables without rows."""
    kept = KeptDatabases(postgres, postgres.new_address())
    yield kept
    kept.close()


@pytest.fixture
def postgres_address(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty database of this test."""
    address = postgres.new_address()
    yield address
    postgres.drop(address)
