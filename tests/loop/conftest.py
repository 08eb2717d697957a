"""A server whose turns are watched, with a deployment in which there is much."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loop import seeds
from tests.loop.deployment import Deployment, deployed


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder: Path = tmp_path_factory.mktemp("watched")
    seeds.seed(folder / "data")
    with deployed(folder) as found:
        yield found
