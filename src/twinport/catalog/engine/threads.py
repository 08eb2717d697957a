"""Threads that work on a database for coroutines: a bounded number, with a deadline for every wait of a coroutine.

They are daemons: a thread that stands still in a call that nothing can end must not keep the process from ending.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any, TypeVar

from twinport.refusals.storage import CatalogClosed, StorageUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a coroutine waits until a thread begins its work, and how long for all of it.

    A thread that found nothing to do for `idle` ends.
    """

    begin: timedelta
    answer: timedelta
    idle: timedelta


@dataclass
class Threads:
    """At most `most` threads, begun when they are needed. A thread that ends because it is idle calls `tidy`."""

    most: int
    limits: Limits
    tidy: Callable[[], None]
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _jobs: "deque[_Job]" = field(default_factory=deque)
    _count: int = 0
    _waiting: int = 0
    _is_open: bool = True

    async def run(self, work: Callable[[], T], late: Callable[[], Exception]) -> T:
        """Run work in a thread, and return what it returns.

        Raises StorageUnavailable if no thread is free in time, `late()` if work that began has not ended in time, and
        CatalogClosed after the end. Work whose caller is canceled before it begins is dropped.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._put(job)
        timers = (
            loop.call_later(self.limits.begin.total_seconds(), job.refuse, self._busy),
            loop.call_later(self.limits.answer.total_seconds(), job.give_up, late),
        )
        try:
            result: T = await job.answer
            return result
        finally:
            job.claim()
            for timer in timers:
                timer.cancel()

    def close(self, within: timedelta) -> bool:
        """Finish the submitted work. Tell whether every thread ended in time."""
        end = monotonic() + within.total_seconds()
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
            while self._count and (left := end - monotonic()) > 0:
                self._changed.wait(left)
            return self._count == 0

    def _busy(self) -> Exception:
        return StorageUnavailable(
            f"all {self.most} connections to the database were in use for {self.limits.begin.total_seconds():g} seconds"
        )

    def _put(self, job: "_Job") -> None:
        with self._changed:
            if not self._is_open:
                raise CatalogClosed
            self._jobs.append(job)
            if self._waiting < len(self._jobs) and self._count < self.most:
                self._count += 1
                threading.Thread(target=self._work, name="catalog", daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.run()
        self.tidy()

    def _next(self) -> "_Job | None":
        with self._changed:
            self._waiting += 1
            end = monotonic() + self.limits.idle.total_seconds()
            while not self._jobs and self._is_open and (left := end - monotonic()) > 0:
                self._changed.wait(left)
            self._waiting -= 1
            if self._jobs:
                return self._jobs.popleft()
            # Under the same lock, so that the next caller of `run` counts one thread less.
            self._count -= 1
            self._changed.notify_all()
            return None


class _Job:
    """Work, and the coroutine's future for its answer. The thread or the loop decides, whichever claims it first."""

    def __init__(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Any]") -> None:
        self._work, self._loop, self.answer = work, loop, answer
        self._claim, self._context = threading.Lock(), copy_context()

    def claim(self) -> bool:
        return self._claim.acquire(blocking=False)

    def run(self) -> None:
        """Do the work in this thread, unless its caller waits for it no longer."""
        if not self.claim():
            return
        try:
            result = self._context.run(self._work)
        except BaseException as error:  # noqa: BLE001 — the caller must get the error, whatever it is
            self._tell(self._fail, error)
        else:
            self._tell(self._succeed, result)

    def refuse(self, why: Callable[[], Exception]) -> None:
        """Give up work that has not begun."""
        if self.claim():
            self._fail(why())

    def give_up(self, why: Callable[[], Exception]) -> None:
        """Wait no longer for work that has begun."""
        self._fail(why())

    def _tell(self, settle: Callable[[Any], None], what: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(settle, what)

    def _succeed(self, result: object) -> None:
        if not self.answer.done():
            self.answer.set_result(result)

    def _fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
