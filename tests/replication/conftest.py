"""A world of two registries, one of which replicates to the other, on either engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, emptied
from tests.replication.world import FAR, HOME, World
from twinport.clock import ManualClock
from twinport.model.replication import ReplicationRule


@pytest.fixture(params=ENGINES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock()
    world = World(tmp_path, clock=clock, catalog=await emptied(request, tmp_path, clock))
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield world
    world.close()
