"""How a process learns that it must end: from a signal, or because its parent is gone."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGINT)


def call_at(numbers: Iterable[signal.Signals], act: Callable[[], object]) -> None:
    """Call `act` on the running loop at each of these signals, until the loop is closed.

    asyncio alone would lose a signal: its number crosses a pipe, and is dropped while the pipe is full of wake-ups from
    threads that a busy loop has yet to read. So the signal's own handler queues the call; the pipe only wakes the loop.
    """
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, _loop_wakes)
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))
        signal.siginterrupt(number, False)  # noqa: FBT003 — as asyncio does: system calls go on
    signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)  # a full pipe wakes the loop as well


@contextmanager
def ending(lifeline: int | None) -> Iterator[asyncio.Event]:
    """Set the event at SIGTERM, at SIGINT, or when no process holds the other end of the pipe `lifeline` any more."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    call_at(ENDING, ended.set)
    if lifeline is not None:
        loop.add_reader(lifeline, _parent_is_gone, loop, lifeline, ended)
    try:
        yield ended
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)


def setter(ended: asyncio.Event) -> Callable[[], None]:
    """Return a function that sets the event from any thread, for as long as this loop runs."""
    loop = asyncio.get_running_loop()

    def set_from_any_thread() -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(ended.set)

    return set_from_any_thread


async def unless(ended: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Run `work`, but cancel it when the process must end. Returns whether it was done. Raises what it raises."""
    working, ending_ = asyncio.create_task(work), asyncio.create_task(ended.wait())
    await asyncio.wait({working, ending_}, return_when=asyncio.FIRST_COMPLETED)
    ending_.cancel()
    if not working.done():
        working.cancel()
        return False
    await working
    return True


@contextmanager
def hangups(heard: bool) -> Iterator[asyncio.Event]:  # noqa: FBT001 — whether anything could be renewed
    """Set the event at each SIGHUP if `heard`. Otherwise SIGHUP ends the process, as by default."""
    hung_up = asyncio.Event()
    if heard:
        call_at((signal.SIGHUP,), hung_up.set)
    yield hung_up
    if heard:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


def _loop_wakes() -> None:
    """Do nothing: a loop that read the pipe has woken."""


def _parent_is_gone(loop: asyncio.AbstractEventLoop, lifeline: int, ended: asyncio.Event) -> None:
    # The pipe stays readable from now on. One notification is enough.
    loop.remove_reader(lifeline)
    ended.set()
