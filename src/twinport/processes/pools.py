"""The threads beside the event loop: a pool for each kind of work, so that no kind waits behind another.

Each pool has few threads and a bounded queue, and refuses work when the queue is full. Parties take turns. No party may
use all threads or the whole queue, so that no party locks the others out. The threads are daemons: the end of the
process does not wait for them. Nothing uses the loop's default executor:
docs/decisions/0028-which-work-runs-where.md.
"""

import asyncio
import contextvars
import traceback
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from threading import Condition, Thread
from time import monotonic
from typing import Any, TypeVar

from twinport.refusals.requests import ServerBusy, TookTooLong
from twinport.refusals.storage import Interrupted

T = TypeVar("T")
# The extra time for the current step of a job that checks its deadline between steps.
_LAST_STEP = timedelta(seconds=5)

# A function whose result to await: it returns when the client of the current request has closed the connection.
DEPARTURE: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("departure", default=None)
# The party of the work: the client's network, and after authentication the caller's account.
PARTY: ContextVar[str] = ContextVar("party", default="")


class Abandoned(Exception):
    """No client waits for the result of this job any more."""


class Work:
    """The state that a job of several steps checks between two steps."""

    __slots__ = ("_end", "_is_abandoned")

    def __init__(self, within: timedelta) -> None:
        self._end = monotonic() + within.total_seconds()
        self._is_abandoned = False

    @property
    def is_late(self) -> bool:
        return monotonic() >= self._end

    def check(self) -> None:
        """Raise Abandoned when no client waits for the result any more."""
        if self._is_abandoned:
            raise Abandoned

    def abandon(self) -> None:
        self._is_abandoned = True


class Pool:
    """At most `threads` jobs at once, and at most `waiting` more in the queue, `share` of them of one party.

    A party may use all threads but one, if there are several. Threads start when they are needed.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, share: int | None = None) -> None:
        self.name, self._threads, self._waiting = name, threads, waiting
        self._share = waiting if share is None else share
        self._most_running = max(1, threads - 1)
        self._change = Condition()
        # In the order in which the parties have their turn; a party that has no job is not in it.
        self._queues: dict[str, deque[_Job]] = {}
        self._running: Counter[str] = Counter()
        self._started = 0

    @property
    def queued(self) -> int:
        return sum(map(len, self._queues.values()))

    async def run(self, job: Callable[[], T]) -> T:
        """Run a job and return its result. A job that still waits is dropped when the awaiting task is canceled.

        Raises ServerBusy if the queue is full.
        """
        return await self.start(job)

    async def attend(self, job: Callable[[Work], T], within: timedelta) -> T:
        """As `run`, for a job that is useless without its client, with a deadline from now on.

        When the client has disconnected, a waiting job is dropped at once, and a running job ends at its next check.
        Raises ServerBusy, TookTooLong, and Interrupted when the client has disconnected.
        """
        work = Work(within)
        future = self.start(partial(job, work))
        try:
            async with asyncio.timeout((within + _LAST_STEP).total_seconds()):
                return await _while_attended(future)
        except TimeoutError:
            raise TookTooLong(within) from None
        finally:
            work.abandon()
            future.cancel()

    def start(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Start a job, or queue it. Raises ServerBusy if the queue is full."""
        return asyncio.wrap_future(self._submit(job, self._waiting))

    def start_ending(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """As `start`, for a job that cleans up after another job. It is never refused."""
        return asyncio.wrap_future(self._submit(job, None))

    def _submit(self, job: Callable[[], T], most: int | None) -> Future[T]:
        entry = _Job(PARTY.get(), partial(contextvars.copy_context().run, job))
        with self._change:
            if most is not None:
                self._require_place(entry.party, most)
            self._queues.setdefault(entry.party, deque()).append(entry)
            if self._started < min(self._threads, self.queued + self._running.total()):
                self._started += 1
                Thread(target=self._work, name=f"{self.name}-{self._started}", daemon=True).start()
            self._change.notify()
        entry.future.add_done_callback(lambda _: self._drop(entry))
        return entry.future

    def _require_place(self, party: str, most: int) -> None:
        """Raise ServerBusy if the queue is full, or this party's share of it."""
        own = len(self._queues.get(party, ())) + self._running[party] - self._most_running
        if self.queued + self._running.total() - self._threads >= most or own >= min(most, self._share):
            raise ServerBusy(self.name)

    def _drop(self, entry: "_Job") -> None:
        """Free the place of a job that was canceled while it waited."""
        if entry.future.cancelled():
            with self._change:
                jobs = self._queues.get(entry.party, ())
                if entry in jobs:
                    self._queues[entry.party].remove(entry)
                    if not self._queues[entry.party]:
                        del self._queues[entry.party]
                    entry.let_go()

    def _work(self) -> None:
        while True:
            with self._change:
                while (entry := self._next()) is None:
                    self._change.wait()
                party = entry.party
                self._running[party] += 1
            entry.run()
            # Release the job's objects now: the thread may wait long for the next job.
            del entry
            with self._change:
                self._running[party] -= 1
                if not self._running[party]:
                    del self._running[party]
                # Another thread may wait because this party had reached its share.
                self._change.notify()

    def _next(self) -> "_Job | None":
        """Take the first job of the party whose turn it is. That party then becomes the last in turn."""
        for party, jobs in self._queues.items():
            if self._running[party] < self._most_running:
                del self._queues[party]
                entry = jobs.popleft()
                if jobs:
                    self._queues[party] = jobs
                return entry
        return None


class _Job:
    """A function with the future of its result, and the party that it counts for."""

    __slots__ = ("_function", "future", "party")

    def __init__(self, party: str, function: Callable[[], Any]) -> None:
        self.party = party
        self._function: Callable[[], Any] | None = function
        self.future: Future[Any] = Future()

    def run(self) -> None:
        function = self.let_go()
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 — the caller hears of it, whatever it was
            _let_go_of_locals(error)
            self.future.set_exception(error)
            # Without this, the error, its traceback and this frame would form a reference cycle.
            del self
        else:
            self.future.set_result(result)

    def let_go(self) -> Callable[[], Any]:
        """Drop and return the function, which holds objects: the future, which refers to this job, may live long."""
        function, self._function = self._function, None
        assert function is not None, "a job is released once"  # noqa: S101 — an order that this module keeps
        return function


def _let_go_of_locals(error: BaseException | None) -> None:
    """Free the local variables of the failed functions here: freeing many objects would hold up the event loop."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


async def _while_attended(future: asyncio.Future[T]) -> T:
    """Return the result, unless the client disconnects first. Raises Interrupted."""
    departure = DEPARTURE.get()
    if departure is None:
        return await future
    left = asyncio.ensure_future(departure())
    waiting: set[asyncio.Future[Any]] = {future, left}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        left.cancel()
    if not future.done():
        raise Interrupted("the client closed the connection before there was an answer")
    return future.result()


# Bytes on disks: writing, hashing, reading ranges. A connection has at most one such job at a time.
BLOBS = Pool("blobs", threads=16, waiting=8192)
# Large requests, manifests and answers: hashing, parsing, writing them.
MESSAGES = Pool("messages", threads=4, waiting=256, share=64)
# Simulations of IAM policies: any caller with a key may request many.
SIMULATIONS = Pool("simulations", threads=2, waiting=16, share=4)
# What lifecycle policies do to a repository's images: a second for a hundred thousand.
LIFECYCLE = Pool("lifecycle", threads=1, waiting=16)
# Password checks at sign-in, which strangers can cause. New passwords, which need a key, have a pool of their own.
SIGN_IN = Pool("sign-in", threads=2, waiting=64, share=8)
PASSWORDS = Pool("passwords", threads=1, waiting=16, share=4)
# Name lookups: the system may take half a minute for one.
NAMES = Pool("names", threads=8, waiting=64, share=16)
# Databases: opening one, and statements over many rows.
DATABASES = Pool("databases", threads=4, waiting=256, share=64)
# Checks whether disks accept writes. A disk that hangs does not hold up other work.
HEALTH = Pool("health", threads=1, waiting=4)
