"""Loops beside the requests."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from tests.waiting import PATIENCE_SECONDS
from twinport.processes.loops import Loops
from twinport.refusals.storage import StorageUnavailable


@dataclass
class Stubborn:
    """A loop that fails at its first run and then waits for ever."""

    error: Exception = field(default_factory=ZeroDivisionError)
    runs: int = 0
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    async def run(self) -> None:
        self.runs += 1
        if self.runs == 1:
            raise self.error
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


async def test_a_loop_that_fails_is_begun_again_and_ends_when_told() -> None:
    stubborn, steady = Stubborn(), Stubborn(runs=1)
    loops = Loops({"stubborn": stubborn.run, "steady": steady.run})
    await loops.start()
    await asyncio.wait_for(stubborn.waiting.wait(), PATIENCE_SECONDS)
    assert steady.runs == 2
    await loops.stop()
    assert stubborn.ended
    assert steady.ended


def refused() -> ExceptionGroup[Exception]:
    """Return what a group of tasks raises of which a database that is away refuses each."""
    return ExceptionGroup("tasks", [StorageUnavailable("the database is away") for _ in range(38)])


async def test_a_group_of_refusals_is_one_warning_with_the_reason(capfd: pytest.CaptureFixture[str]) -> None:
    await heard(refused())
    [said] = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert (said["level"], said["event"], said["worker"]) == ("warning", "worker.hindered", "loop")
    assert said["reason"] == StorageUnavailable("the database is away").message


async def test_of_a_group_with_a_defect_the_traceback_names_the_defect_alone(capfd: pytest.CaptureFixture[str]) -> None:
    await heard(ExceptionGroup("more tasks", [refused(), ZeroDivisionError("a defect")]))
    hindered, failed = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert hindered["event"] == "worker.hindered"
    assert failed["event"] == "worker.failed"
    assert failed["exception"].count("ZeroDivisionError") == 1
    assert "StorageUnavailable" not in failed["exception"]


async def heard(error: Exception) -> None:
    """Let a loop meet an error at its first run, and return when it runs again."""
    stubborn = Stubborn(error)
    loops = Loops({"loop": stubborn.run})
    await loops.start()
    await asyncio.wait_for(stubborn.waiting.wait(), PATIENCE_SECONDS)
    await loops.stop()


async def test_stopping_what_never_started_is_nothing() -> None:
    await Loops({}).stop()
