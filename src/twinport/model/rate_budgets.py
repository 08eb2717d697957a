"""The arithmetic of a rate that several processes share: one budget, of which each process leases slices."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Budgets are kept in millionths of a call: in a microsecond a rate gives back as many of them as it has calls a second.
_CALL = 1_000_000
_MICROSECOND = timedelta(microseconds=1)
# A process that uses a slice up leases again, so a busy budget is asked for about this many slices a second.
_SLICES = 10


@dataclass(frozen=True, slots=True)
class Lease:
    """Calls that a process may make, and how long it must wait until another one is left for it.

    `ready` is how many of them it may make at once, in millionths of a call. The others come at the rate.
    """

    calls: int
    wait: timedelta = timedelta()
    ready: int = 0

    def usable(self, rate: int, passed: timedelta) -> int:
        """Return how many of the calls may have been made when this time has passed since the lease."""
        return min((self.ready + passed // _MICROSECOND * rate) // _CALL, self.calls)


@dataclass(frozen=True, slots=True)
class Budget:
    """What was leased of a second's worth of calls and has not come back by a time, in millionths of a call."""

    spent: int
    at: datetime

    def leased(self, rate: int, now: datetime, wanted: int, unused: int = 0) -> tuple["Budget", Lease]:
        """Take back calls that an earlier lease left unused, and lease the wanted calls if at least one is left.

        A lease may go beyond what is left: those calls are not ready, and later leases wait for them. `rate` is in
        calls a second.
        """
        passed = max((now - self.at) // _MICROSECOND, 0)
        spent = max(self.spent - passed * rate - unused * _CALL, 0)
        if wait := _wait(spent, rate):
            return Budget(spent, now), Lease(0, wait)
        ready, spent = min(rate * _CALL - spent, wanted * _CALL), spent + wanted * _CALL
        return Budget(spent, now), Lease(wanted, _wait(spent, rate), ready)


def _wait(spent: int, rate: int) -> timedelta:
    """Return how long it takes until a whole call is left."""
    missing = max(spent - (rate - 1) * _CALL, 0)
    return -(-missing // rate) * _MICROSECOND


def largest_slice(rate: int) -> int:
    """Return the most calls that a process may lease at once."""
    return max(rate // _SLICES, 1)
