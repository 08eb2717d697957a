"""How a process hears that it should end: by a signal, or because the parent that would have told it is gone."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def ending(lifeline: int | None) -> Iterator[asyncio.Event]:
    """Set the event at SIGTERM, at SIGINT, or when nobody holds the other end of the pipe `lifeline` any more."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, ended.set)
    if lifeline is not None:
        loop.add_reader(lifeline, _parent_is_gone, loop, lifeline, ended)
    try:
        yield ended
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)


@contextmanager
def hangups(heard: bool) -> Iterator[asyncio.Event]:  # noqa: FBT001 — whether anything could be renewed
    """Set the event at each SIGHUP, if that is to be heard; else it ends the process, as it does by default."""
    hung_up, loop = asyncio.Event(), asyncio.get_running_loop()
    if heard:
        loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    yield hung_up
    if heard:
        loop.remove_signal_handler(signal.SIGHUP)


def _parent_is_gone(loop: asyncio.AbstractEventLoop, lifeline: int, ended: asyncio.Event) -> None:
    # Readable for good from now on: heard once, it is enough.
    loop.remove_reader(lifeline)
    ended.set()
