"""`serve --workers N`: a parent that begins N processes, replaces those that die, and ends them in order.

The parent opens nothing but the listening socket, which every process inherits: whoever is free accepts, and what
waits in its queue survives the death of any of them. It has no threads and no loop, so forking is safe, and what was
imported before is shared. Why not granian's own supervisor: docs/decisions/0012-several-processes.md.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from twinport import telemetry
from twinport.signals import ENDING
from twinport.telemetry import Event

# The promise is five seconds from SIGTERM to the end, and each process needs at most four and a bit.
GRACE = timedelta(seconds=4.6)
# A process that lived this long is replaced at once, and so is the first that did not; others after a pause that grows.
SETTLED = timedelta(seconds=1)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Tether:
    """What binds a process to its parent: a pipe that ends with the parent; and the first one, one to say 'ready'."""

    lifeline: int
    readiness: int | None

    def ready(self) -> None:
        """Say that nothing stands in the way of serving."""
        if self.readiness is not None:
            os.write(self.readiness, b".")
            os.close(self.readiness)


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended: `code` is its exit code, or the number of a signal, below zero."""

    pid: int
    code: int
    lived: timedelta


def pause_before_replacing(lived: timedelta, early_deaths: int) -> timedelta:
    """Decide how long to wait before a process is replaced, the last of so many that died early one after the other."""
    if lived >= SETTLED or early_deaths <= 1:
        return timedelta(0)
    return min(_FIRST_PAUSE * (1 << min(early_deaths - 2, 10)), _LONGEST_PAUSE)


def supervise(count: int, work: Callable[[Tether], None], passed_on: Sequence[signal.Signals] = ()) -> int:
    """Have `count` processes do `work` until SIGTERM or SIGINT; return the exit code.

    The first one begins alone. It prepares what all need, and if it cannot, its exit code is the answer. In each of the
    processes `work` is called and then SystemExit raised: what the caller entered before is left there, too. Signals in
    `passed_on` are told to every process.
    """
    supervisor = _Supervisor(count, work, passed_on)
    supervisor.listen()
    return supervisor.run()


@dataclass(slots=True)
class _Supervisor:
    count: int
    work: Callable[[Tether], None]
    passed_on: Sequence[signal.Signals] = ()
    began: dict[int, float] = field(default_factory=dict)
    due: list[float] = field(default_factory=list)
    early_deaths: int = 0
    is_ending: bool = False
    # Each a pipe: reading end, writing end.
    woken: tuple[int, int] = field(default_factory=os.pipe)
    lifeline: tuple[int, int] = field(default_factory=os.pipe)

    def listen(self) -> None:
        """Let signals wake whoever waits."""
        for descriptor in self.woken:
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self.woken[1])
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in ENDING:
            signal.signal(number, lambda *_: setattr(self, "is_ending", True))
        for number in self.passed_on:
            signal.signal(number, lambda number, _frame: self._tell(signal.Signals(number)))

    def run(self) -> int:
        failed = self.begin_the_first()
        if failed is not None:
            return failed
        while len(self.began) < self.count and not self.is_ending:
            self.begin(readiness=None)
        while not self.is_ending:
            self.wait(min(self.due, default=None))
            for death in self.reap():
                self.plan_replacement(death)
            self.replace_those_due()
        self.end()
        return 0

    def begin_the_first(self) -> int | None:
        """Return None once the first process is ready, or an exit code if it ended before."""
        ready, readiness = os.pipe()
        self.begin(readiness)
        while not (self.is_ending or ready in self.wait(None, ready)):
            for death in self.reap():
                return abs(death.code) or 1
        os.close(ready)
        os.close(readiness)
        return None

    def wait(self, until: float | None, *others: int) -> list[int]:
        """Wait for a signal, a moment of the monotonic clock, or until one of `others` can be read. Return these."""
        timeout = None if until is None else max(0.0, until - time.monotonic())
        heard, _, _ = select.select([self.woken[0], *others], [], [], timeout)
        if self.woken[0] in heard:
            os.read(self.woken[0], 1 << 10)
        return heard

    # --- processes ---

    def begin(self, readiness: int | None) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_a_process(readiness)
        self.began[pid] = time.monotonic()
        telemetry.event(Event.PROCESS_STARTED, process=pid)

    def reap(self) -> list[Death]:
        """Return who has ended since the last time."""
        deaths = []
        while self.began:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            lived = timedelta(seconds=time.monotonic() - self.began.pop(pid))
            deaths.append(Death(pid, os.waitstatus_to_exitcode(status), lived))
        return deaths

    def plan_replacement(self, death: Death) -> None:
        self.early_deaths = 0 if death.lived >= SETTLED else self.early_deaths + 1
        pause = pause_before_replacing(death.lived, self.early_deaths)
        self.due.append(time.monotonic() + pause.total_seconds())
        telemetry.warning(Event.PROCESS_ENDED, process=death.pid, code=death.code, pause=pause.total_seconds())

    def replace_those_due(self) -> None:
        now = time.monotonic()
        for _ in [each for each in self.due if each <= now]:
            self.begin(readiness=None)
        self.due = [each for each in self.due if each > now]

    def end(self) -> None:
        """Tell every process to end, and end those that do not."""
        deadline = time.monotonic() + GRACE.total_seconds()
        self._tell(signal.SIGTERM)
        while self.began and time.monotonic() < deadline:
            self.wait(deadline)
            self.reap()
        self._tell(signal.SIGKILL)
        for pid in self.began:
            os.waitpid(pid, 0)

    def _tell(self, number: signal.Signals) -> None:
        # None of them was waited for, so each number is still theirs.
        for pid in self.began:
            os.kill(pid, number)

    def _become_a_process(self, readiness: int | None) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for number in (*ENDING, *self.passed_on, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for descriptor in (*self.woken, self.lifeline[1]):
            os.close(descriptor)
        self.work(Tether(self.lifeline[0], readiness))
        raise SystemExit(0)
