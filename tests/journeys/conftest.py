"""What the journeys share: a real server each, and one Docker engine for all."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE, Owner
from tests.journeys.commands import lacking
from tests.journeys.engine import Engine
from tests.journeys.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path) as server:
        yield server


@pytest.fixture
def source(server: Server) -> Owner:
    """The owner of the registry from which everything is copied."""
    return Owner(server, SOURCE, HOME)


@pytest.fixture
def source_away(server: Server) -> Owner:
    """The same owner in the other Region."""
    return Owner(server, SOURCE, AWAY)


@pytest.fixture
def other(server: Server) -> Owner:
    """The owner of another account, in the other Region."""
    return Owner(server, OTHER, AWAY)


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hosts file that knows registries by the names that Amazon ECR would give them."""
    if os.geteuid() != 0:
        lacking("a mount namespace needs root")
    names = [f"{account}.dkr.ecr.{region}.localhost" for account in (SOURCE, OTHER) for region in (HOME, AWAY)]
    path = tmp_path_factory.mktemp("hosts") / "hosts"
    path.write_text(f"127.0.0.1 localhost {' '.join(names)}\n")
    return path


@pytest.fixture(scope="session")
def _shared_engine(tmp_path_factory: pytest.TempPathFactory, hosts: Path) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine"), hosts) as engine:
        yield engine


@pytest.fixture
def engine(_shared_engine: Engine) -> Engine:
    """A Docker engine without any image."""
    _shared_engine.forget_images()
    return _shared_engine
