"""Budgets of a rate: what several processes that lease slices pass together, and what one alone passes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from twinport.model.rate_budgets import Budget, Lease, largest_slice

START = datetime(2026, 3, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
RATES = st.sampled_from([1, 3, 7, 10, 99, 100, 500, 3000])


@dataclass
class Bucket:
    """What one process did before: a second's worth of calls, in millionths of a call, counted at each call."""

    rate: int
    left: int = 0
    at: datetime = START

    def __post_init__(self) -> None:
        self.left = self.rate * SECOND

    def passes(self, now: datetime) -> bool:
        self.left = min(self.left + (now - self.at) // MICROSECOND * self.rate, self.rate * SECOND)
        self.at = now
        if self.left < SECOND:
            return False
        self.left -= SECOND
        return True


@dataclass
class Sharing:
    """Processes that serve calls from slices of one budget, as many calls as they like, and the times of these."""

    rate: int
    processes: int
    now: datetime = START
    budget: Budget = field(default_factory=lambda: Budget(0, START))
    passed: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leases = [Lease(0)] * self.processes
        self.used = [0] * self.processes
        self.begun = [self.now] * self.processes

    def call(self, process: int, wanted: int) -> bool:
        if self.used[process] == self.leases[process].calls:
            self.lease(process, wanted)
        if self.used[process] >= self.leases[process].usable(self.rate, self.now - self.begun[process]):
            return False
        self.used[process] += 1
        self.passed.append(self.now)
        return True

    def lease(self, process: int, wanted: int) -> None:
        unused = self.leases[process].calls - self.used[process]
        self.budget, lease = self.budget.leased(self.rate, self.now, wanted, unused)
        self.leases[process], self.used[process], self.begun[process] = lease, 0, self.now
        assert lease.calls or lease.wait


class SharedBudget(RuleBasedStateMachine):
    """In no span of time do the processes pass more than the rate allows, and a slice each."""

    @initialize(rate=RATES, processes=st.integers(1, 4))
    def begin(self, rate: int, processes: int) -> None:
        self.shared = Sharing(rate, processes)

    @rule(process=st.integers(0, 3), calls=st.integers(1, 400), wanted=st.integers(1, 300))
    def call(self, process: int, calls: int, wanted: int) -> None:
        for _ in range(calls):
            self.shared.call(process % self.shared.processes, min(wanted, largest_slice(self.shared.rate)))

    @rule(process=st.integers(0, 3), wanted=st.integers(1, 300))
    def renew(self, process: int, wanted: int) -> None:
        self.shared.lease(process % self.shared.processes, min(wanted, largest_slice(self.shared.rate)))

    @rule(passes=st.integers(0, 3 * SECOND))
    def wait(self, passes: int) -> None:
        self.shared.now += passes * MICROSECOND

    @invariant()
    def pass_no_more_than_the_rate_and_a_slice_each(self) -> None:
        shared = self.shared
        beyond = shared.rate + shared.processes * largest_slice(shared.rate)
        ends = sorted(set(shared.passed))
        for first in ends:
            passed = sum(each >= first for each in shared.passed)
            spanned = (ends[-1] - first) // MICROSECOND
            assert passed * SECOND <= beyond * SECOND + spanned * shared.rate


SharedBudget.TestCase.settings = settings(stateful_step_count=25, deadline=None)
test_processes_together = SharedBudget.TestCase


@given(rate=RATES, steps=st.lists(st.tuples(st.integers(0, SECOND), st.integers(1, 200), st.integers(1, 300))))
def test_one_process_passes_whatever_it_passed_when_it_counted_alone(
    rate: int, steps: list[tuple[int, int, int]]
) -> None:
    shared, alone = Sharing(rate, 1), Bucket(rate)
    for waits, calls, wanted in steps:
        shared.now += waits * MICROSECOND
        for _ in range(calls):
            if alone.passes(shared.now):
                assert shared.call(0, min(wanted, largest_slice(rate)))


@given(rate=RATES, calls=st.integers(1, 10_000))
def test_whoever_waits_as_told_gets_a_call(rate: int, calls: int) -> None:
    shared = Sharing(rate, 1)
    while calls and shared.call(0, 1):
        calls -= 1
    before = shared.now
    budget, lease = shared.budget.leased(rate, before, 1)
    assert budget.leased(rate, before + lease.wait, 1)[1].calls == 1
    if lease.wait:
        assert budget.leased(rate, before + lease.wait - MICROSECOND, 1)[1].calls == 0


def test_a_clock_that_goes_back_takes_nothing_away_and_gives_nothing() -> None:
    budget, _ = Budget(0, START).leased(10, START, 5)
    back, lease = budget.leased(10, START - timedelta(hours=1), 5)
    assert (back.spent, lease.calls) == (10 * SECOND, 5)
