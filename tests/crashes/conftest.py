"""A machine on each engine."""

import tempfile
from collections.abc import AsyncIterator, Container, Iterator
from pathlib import Path

import pytest

from tests.blobs.forgetful_disk import Crash
from tests.catalogs import POSTGRESQL, SQLITE, emptied
from tests.crashes.ledger import Ledger
from tests.crashes.machine import Machine
from tests.crashes.mortal import BEGIN, ENDS_OF_A_TRANSACTION
from tests.scratch import in_memory
from twinport.clock import ManualClock


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one: these tests sync thousands of times, and a double does the forgetting."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        yield Path(folder)


class EveryOperation(Container[str]):
    """Those of the disk and the ends of a transaction: one that never began leaves what one without a COMMIT leaves."""

    def __contains__(self, operation: object) -> bool:
        return operation != BEGIN


# The rows and the disk of the blobs do not know of each other: what the disk does is tried out with one engine, what
# the catalog does with both, and each extreme of what a crash leaves with one of them.
ENDINGS: dict[str, tuple[Container[str], Crash]] = {
    SQLITE: (EveryOperation(), Crash.UNSYNCED_IS_LOST),
    POSTGRESQL: (ENDS_OF_A_TRANSACTION, Crash.ALL_IS_THERE),
}


@pytest.fixture(params=ENDINGS)
async def machine(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Machine]:
    clock = ManualClock()
    machine = Machine(folder, await emptied(request, folder, clock), *ENDINGS[request.param], clock=clock)
    await machine.set_up()
    yield machine
    machine.catalog.close()


@pytest.fixture
def ledger(machine: Machine) -> Ledger:
    return Ledger(machine)
