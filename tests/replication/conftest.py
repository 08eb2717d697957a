"""A world of two registries, one of which replicates to the other, on either engine; and destinations near and far."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, emptied
from tests.replication.harbor import Harbor
from tests.replication.remote_double import EACH_TWICE, Line, at_the_end_of
from tests.replication.world import FAR, HOME, IRELAND, World
from twinport.clock import ManualClock
from twinport.model.replication import ReplicationRule


@pytest.fixture(params=ENGINES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock()
    world = World(tmp_path, clock=clock, catalog=await emptied(request, tmp_path, clock))
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield world
    world.close()


@pytest.fixture
async def near(tmp_path: Path) -> AsyncIterator[Harbor]:
    """A destination of this deployment."""
    world = World(tmp_path)
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield Harbor(world)
    world.close()


@pytest.fixture(params=[None, Line(deck=EACH_TWICE)], ids=["near", "far, each call twice"])
async def harbor(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harbor]:
    """A destination as its port promises it: of this deployment, and at the end of a wire that repeats every call."""
    line: Line | None = request.param
    world = World(tmp_path, lambda local: local if line is None else at_the_end_of(line, local, without=IRELAND))
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield Harbor(world)
    world.close()
