"""A signal is heard however busy the process is."""

import asyncio
import os
import signal

import pytest

from tests.waiting import PATIENCE_SECONDS
from twinport.processes import signals

# More than the pipe of any loop holds: a thread's call writes one byte into it.
_MORE_THAN_THE_PIPE_HOLDS = 100_000


def _drown(loop: asyncio.AbstractEventLoop) -> None:
    for _ in range(_MORE_THAN_THE_PIPE_HOLDS):
        loop.call_soon_threadsafe(int)


@pytest.mark.parametrize("number", signals.ENDING)
async def test_a_loop_that_threads_drown_in_calls_hears_that_it_must_end(number: signal.Signals) -> None:
    with signals.ending(None) as ended:
        _drown(asyncio.get_running_loop())
        os.kill(os.getpid(), number)
        await asyncio.wait_for(ended.wait(), PATIENCE_SECONDS)


async def test_a_loop_that_threads_drown_in_calls_hears_each_hangup() -> None:
    with signals.hangups(heard=True) as hung_up:
        for _ in range(2):
            _drown(asyncio.get_running_loop())
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.wait_for(hung_up.wait(), PATIENCE_SECONDS)
            hung_up.clear()


async def test_a_loop_that_sleeps_hears_that_it_must_end() -> None:
    with signals.ending(None) as ended:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(ended.wait(), PATIENCE_SECONDS)
