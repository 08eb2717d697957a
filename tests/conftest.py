"""Fixtures for every suite."""

from collections.abc import Iterator

import pytest

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
