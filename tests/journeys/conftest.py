"""What the journeys share: a real server each, on either database, and one Docker engine for all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.catalogs import ENGINES, SQLITE
from tests.journeys.alone import turn
from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE, Owner
from tests.journeys.commands import lacking
from tests.journeys.engine import Engine
from tests.journeys.postgresql import PostgreSQL, running
from tests.journeys.radosgw import Radosgw
from tests.journeys.radosgw import running as running_radosgw
from tests.journeys.server import Server
from tests.scratch import in_memory


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Run a test marked `alone` while no other journey runs. The wait is outside of the time that a test may take."""
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make each journey on both databases, but for modules whose DATABASES says that only one of them matters."""
    if "database" in metafunc.fixturenames:
        databases = getattr(metafunc.module, "DATABASES", ENGINES)
        metafunc.parametrize("database", databases, indirect=True, scope="module")


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> str:
    """The engine of the journey's catalog."""
    engine: str = request.param
    return engine


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def radosgw() -> Iterator[Radosgw]:
    with running_radosgw() as server:
        yield server


@pytest.fixture
def layers(database: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of an empty object store where the catalog is in PostgreSQL; none where layers are files.

    A module whose LAYERS_ARE_FILES is true looks at files on either database.
    """
    if database == SQLITE or getattr(request.module, "LAYERS_ARE_FILES", False):
        return {}
    store: Radosgw = request.getfixturevalue("radosgw")
    return store.settings()


@pytest.fixture
def catalog(database: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """An empty database, as the setting `database` names it; none where SQLite's files are in the data folder."""
    with _emptied(database, request) as address:
        yield address


@pytest.fixture(scope="module")
def lasting_catalog(database: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """As `catalog`, for all journeys of a module together."""
    with _emptied(database, request) as address:
        yield address


@contextmanager
def _emptied(database: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    if database == SQLITE:
        yield None
        return
    postgres: PostgreSQL = request.getfixturevalue("postgres")
    address = postgres.new_address()
    yield address
    postgres.drop(address)


@pytest.fixture
def server(tmp_path: Path, catalog: str | None, layers: dict[str, str]) -> Iterator[Server]:
    with Server(tmp_path, database=catalog, settings=layers) as server:
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
def new_folder() -> Iterator[Callable[[str], Path]]:
    """Make empty folders of short paths: podman allows 50 characters, of which `tmp_path` takes most."""
    with TemporaryDirectory(prefix="twinport-", dir=in_memory(), ignore_cleanup_errors=True) as root:

        def make(name: str) -> Path:
            folder = Path(root, f"{name}{sum(1 for _ in Path(root).iterdir())}")
            folder.mkdir()
            return folder

        yield make


@pytest.fixture(scope="session")
def _shared_engine(tmp_path_factory: pytest.TempPathFactory, hosts: Path) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine"), hosts) as engine:
        yield engine


@pytest.fixture
def engine(_shared_engine: Engine) -> Engine:
    """A Docker engine without any image."""
    _shared_engine.forget_images()
    return _shared_engine
