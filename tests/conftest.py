"""Fixtures for every suite."""

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresServer, start_postgres
from tests.served import Served, new_account, start


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One real server with open accounts; take a fresh `account` each."""
    served = start(tmp_path_factory.mktemp("server") / "data")
    yield served
    served.stop()


@pytest.fixture
def account() -> str:
    return new_account()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = start_postgres(tmp_path_factory.mktemp("pg"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_kept(postgres: PostgresServer) -> str:
    """The address of a database for tests that bear what others left: listed Regions, and no rows."""
    return postgres.new_address()


@pytest.fixture
def postgres_address(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty database of this test."""
    address = postgres.new_address()
    yield address
    postgres.drop(address)
