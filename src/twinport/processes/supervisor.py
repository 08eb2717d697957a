"""`serve --workers N`: a parent that starts N processes, replaces those that die, and ends them in order.

With `couriers_apart`, one more process is a worker, and replicates in place of the others.

The parent opens only the listening socket, which every process inherits. Any free process accepts a connection, and
connections in the socket's queue survive the death of a process. The parent has no threads and no loop, so forking is
safe, and the processes share its imports. docs/decisions/0012-several-processes.md says why it is not granian's own
supervisor.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.processes.signals import ENDING

# We promise five seconds from SIGTERM to the end, and each process needs a little more than four at most.
GRACE = timedelta(seconds=4.6)
# A process that lived this long is replaced at once. So is the first that died earlier. The next ones are replaced
# after a growing pause.
SETTLED = timedelta(seconds=1)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ParentWatch:
    """A process's pipes from its parent: one that closes with the parent and, in the first process, one for 'ready'."""

    lifeline: int
    readiness: int | None

    def ready(self) -> None:
        """Tell the parent that this process can serve."""
        if self.readiness is not None:
            os.write(self.readiness, b".")
            os.close(self.readiness)


Work = Callable[[ParentWatch], None]


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a process. `code` is its exit code, or the negative number of a signal."""

    pid: int
    code: int
    lived: timedelta
    work: Work


def pause_before_replacing(lived: timedelta, early_deaths: int) -> timedelta:
    """Return the wait before the replacement of a process, the last of `early_deaths` early deaths in a row."""
    if lived >= SETTLED or early_deaths <= 1:
        return timedelta(0)
    return min(_FIRST_PAUSE * (1 << min(early_deaths - 2, 10)), _LONGEST_PAUSE)


def supervise(works: Sequence[Work], passed_on: Sequence[signal.Signals] = ()) -> int:
    """Run each of `works` in a process of its own until SIGTERM or SIGINT, and return the exit code.

    The first process starts alone and prepares what all processes need. If it fails, its exit code is the result. Each
    process calls its work and then raises SystemExit, so that it also leaves the context managers of the calling code.
    Every process gets the signals in `passed_on`.
    """
    supervisor = _Supervisor(works, passed_on)
    supervisor.listen()
    return supervisor.run()


@dataclass(frozen=True, slots=True)
class _Planned:
    """A process: its work, and the time of the monotonic clock at which it began or is to begin."""

    work: Work
    at: float


@dataclass(slots=True)
class _Supervisor:
    works: Sequence[Work]
    passed_on: Sequence[signal.Signals] = ()
    began: dict[int, _Planned] = field(default_factory=dict)
    due: list[_Planned] = field(default_factory=list)
    early_deaths: dict[Work, int] = field(default_factory=dict)
    is_ending: bool = False
    # Each is a pipe: reading end, writing end.
    woken: tuple[int, int] = field(default_factory=os.pipe)
    lifeline: tuple[int, int] = field(default_factory=os.pipe)

    def listen(self) -> None:
        """Let signals interrupt `wait`."""
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
        for work in self.works[1:]:
            if not self.is_ending:
                self.begin(work, readiness=None)
        while not self.is_ending:
            self.wait(min((each.at for each in self.due), default=None))
            for death in self.reap():
                self.plan_replacement(death)
            self.replace_those_due()
        self.end()
        return 0

    def begin_the_first(self) -> int | None:
        """Return None once the first process is ready, or its exit code if it ends before."""
        ready, readiness = os.pipe()
        self.begin(self.works[0], readiness)
        while not (self.is_ending or ready in self.wait(None, ready)):
            for death in self.reap():
                return abs(death.code) or 1
        os.close(ready)
        os.close(readiness)
        return None

    def wait(self, until: float | None, *others: int) -> list[int]:
        """Wait for a signal, a time of the monotonic clock, or data in `others`. Return the readable descriptors."""
        timeout = None if until is None else max(0.0, until - time.monotonic())
        heard, _, _ = select.select([self.woken[0], *others], [], [], timeout)
        if self.woken[0] in heard:
            os.read(self.woken[0], 1 << 10)
        return heard

    # --- processes ---

    def begin(self, work: Work, readiness: int | None) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_a_process(work, readiness)
        self.began[pid] = _Planned(work, time.monotonic())
        telemetry.event(Event.PROCESS_STARTED, process=pid)

    def reap(self) -> list[Death]:
        """Return the processes that have ended since the last call."""
        deaths = []
        while self.began:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended = self.began.pop(pid)
            lived = timedelta(seconds=time.monotonic() - ended.at)
            deaths.append(Death(pid, os.waitstatus_to_exitcode(status), lived, ended.work))
        return deaths

    def plan_replacement(self, death: Death) -> None:
        early = 0 if death.lived >= SETTLED else self.early_deaths.get(death.work, 0) + 1
        self.early_deaths[death.work] = early
        pause = pause_before_replacing(death.lived, early)
        self.due.append(_Planned(death.work, time.monotonic() + pause.total_seconds()))
        telemetry.warning(Event.PROCESS_ENDED, process=death.pid, code=death.code, pause=pause.total_seconds())

    def replace_those_due(self) -> None:
        now = time.monotonic()
        for each in [each for each in self.due if each.at <= now]:
            self.due.remove(each)
            self.begin(each.work, readiness=None)

    def end(self) -> None:
        """Tell every process to end, and kill those that do not."""
        deadline = time.monotonic() + GRACE.total_seconds()
        self._tell(signal.SIGTERM)
        while self.began and time.monotonic() < deadline:
            self.wait(deadline)
            self.reap()
        self._tell(signal.SIGKILL)
        for pid in self.began:
            os.waitpid(pid, 0)

    def _tell(self, number: signal.Signals) -> None:
        # No process in `began` has been waited for, so the system has not reused its pid.
        for pid in self.began:
            os.kill(pid, number)

    def _become_a_process(self, work: Work, readiness: int | None) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for number in (*ENDING, *self.passed_on, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for descriptor in (*self.woken, self.lifeline[1]):
            os.close(descriptor)
        work(ParentWatch(self.lifeline[0], readiness))
        raise SystemExit(0)
