"""Loops beside the requests."""

import asyncio
from dataclasses import dataclass, field

from tests.waiting import PATIENCE_SECONDS
from twinport.background import Loops


@dataclass
class Stubborn:
    """A loop that fails at its first run and then waits for ever."""

    runs: int = 0
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    async def run(self) -> None:
        self.runs += 1
        if self.runs == 1:
            raise ZeroDivisionError
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


async def test_stopping_what_never_started_is_nothing() -> None:
    await Loops({}).stop()
