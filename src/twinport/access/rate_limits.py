"""A gate that limits each registry's calls to ECR's rates (deviation `rates`), for all processes together.

A process leases a slice of a budget for a second, and serves calls from it without a statement. So N processes together
pass a rate by a slice each at most: docs/decisions/0055-rates-are-leased.md.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from twinport.access import lasting
from twinport.access.gate import NO_CONTEXT, Context, Decide, Gate, RepositoryResource, Resource
from twinport.catalog.partition import rate_budgets
from twinport.catalog.partition.rate_budgets import BudgetKey
from twinport.catalog.ports import Catalog, Connection
from twinport.errors import Unavailable
from twinport.model.identities import Caller
from twinport.model.rate_budgets import Budget, Lease, largest_slice
from twinport.model.repository_facts import RepositoryFacts
from twinport.refusals.requests import RateExceeded

# Calls a second for an account in a Region (Amazon ECR service quotas). A second's worth may come at once.
ECR_RATES: Mapping[str, int] = {
    "ecr:BatchCheckLayerAvailability": 1000,
    "ecr:BatchGetImage": 2000,
    "ecr:CompleteLayerUpload": 100,
    "ecr:GetAuthorizationToken": 500,
    "ecr:GetDownloadUrlForLayer": 3000,
    "ecr:InitiateLayerUpload": 100,
    "ecr:PutImage": 10,
    "ecr:UploadLayerPart": 500,
}
# The most slices that a process remembers. Those that it forgets come back to their budgets with time.
_MOST_REMEMBERED = 10_000
# Seconds.
_LEASE = 1.0
_CLEARING = 10.0
# A budget is full again after little more than a second.
_KEPT = timedelta(seconds=10)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING = Lease(0)


@dataclass(slots=True)
class _Slice:
    """A lease, the calls that were made of it, and when it began. Times are seconds of the process's own clock."""

    lease: Lease = _NOTHING
    used: int = 0
    begun: float = 0.0
    refused_until: float = 0.0
    # One call at a time leases.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Counts while the database cannot be written.
    alone: Budget = field(default_factory=lambda: Budget(0, _START))

    def is_over(self, now: float) -> bool:
        """Tell whether it is used up, or its second has passed."""
        return self.used >= self.lease.calls or now >= self.begun + _LEASE

    def take(self, rate: int, now: float) -> None:
        """Take a call. Raises RateExceeded if none is ready yet."""
        if self.used >= self.lease.usable(rate, timedelta(seconds=now - self.begun)):
            raise RateExceeded
        self.used += 1

    def renew(self, lease: Lease, now: float) -> None:
        """Begin with a new lease. Raises RateExceeded if no call is left."""
        self.refused_until = now + lease.wait.total_seconds() if lease.wait else 0.0
        if not lease.calls:
            raise RateExceeded
        self.lease, self.used, self.begun = lease, 0, now

    def next_wanted(self, rate: int) -> int:
        """Return how much to lease: twice a slice that was used up, and as much as was used of one that was not.

        So a process with few calls holds few that others may need.
        """
        wanted = self.used if self.used < self.lease.calls else 2 * self.used
        return max(min(wanted, largest_slice(rate)), 1)


@dataclass(slots=True)
class PacedGate:
    """Asks `gate`, and then refuses calls above the rate. `seconds` tells when the second of a slice is over."""

    gate: Gate
    catalog: Catalog
    rates: Mapping[str, int] = field(default_factory=lambda: ECR_RATES)
    seconds: Callable[[], float] = monotonic
    _slices: dict[BudgetKey, _Slice] = field(default_factory=dict)
    _cleared_at: float | None = None

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        """As the port says. Raises RateExceeded too. A denied call is not counted."""
        await self.gate.authorize(caller, action, resource, context)
        await self._count(caller, (action,), resource)

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        await self.gate.authorize_all(caller, actions, resource)
        await self._count(caller, actions, resource)

    async def decision(self, caller: Caller, actions: tuple[str, ...], resource: RepositoryResource) -> Decide:
        decide = await self.gate.decision(caller, actions, resource)

        # Each call is counted.
        lasting.decided(is_timeless=False)

        async def counting(facts: RepositoryFacts) -> None:
            await decide(facts)
            await self._count(caller, actions, resource)

        return counting

    async def _count(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        for action in actions:
            if (rate := self.rates.get(action)) is not None:
                await self._take(BudgetKey(resource.account, caller.origin.region, action), rate)

    async def _take(self, key: BudgetKey, rate: int) -> None:
        held = self._slice(key)
        while held.is_over(self.seconds()):
            async with held.turn:
                await self._renew(key, held, rate)
        held.take(rate, self.seconds())

    async def _renew(self, key: BudgetKey, held: _Slice, rate: int) -> None:
        """Lease the next slice, unless another call has. Raises RateExceeded."""
        now = self.seconds()
        if not held.is_over(now):
            return
        if now < held.refused_until:
            raise RateExceeded
        held.renew(await self._lease(key, held, rate), self.seconds())
        await self._clear()

    def _slice(self, key: BudgetKey) -> _Slice:
        if len(self._slices) >= _MOST_REMEMBERED and key not in self._slices:
            self._slices.clear()
        return self._slices.setdefault(key, _Slice())

    async def _lease(self, key: BudgetKey, held: _Slice, rate: int) -> Lease:
        wanted, unused = held.next_wanted(rate), held.lease.calls - held.used
        held.used = held.lease.calls

        def lease(db: Connection) -> Lease:
            budget = rate_budgets.hold(db, key)
            changed, leased = budget.leased(rate, self.catalog.now(db), wanted, unused)
            rate_budgets.store(db, key, changed)
            return leased

        try:
            return await self.catalog.partition.record(lease)
        except Unavailable:
            # A call that needs the database fails by itself. Others go on, as with one process.
            now = _START + timedelta(seconds=self.seconds())
            held.alone, leased = held.alone.leased(rate, now, 1)
            return leased

    async def _clear(self) -> None:
        """Remove old budgets now and then. What the database refuses now is removed later."""
        now = self.seconds()
        if self._cleared_at is not None and now < self._cleared_at + _CLEARING:
            return
        self._cleared_at = now
        with suppress(Unavailable):
            await self.catalog.partition.record(partial(_clear, now=self.catalog.now))


def _clear(db: Connection, now: Callable[[Connection], datetime]) -> None:
    rate_budgets.clear(db, now(db) - _KEPT)
