"""A gate that limits each registry's calls to ECR's rates (deviation `rates`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from twinport.access import lasting
from twinport.access.gate import NO_CONTEXT, Context, Decide, Gate, RepositoryResource, Resource
from twinport.clock import Clock
from twinport.model.identities import Caller
from twinport.model.names import AccountId, RegionName
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
# The most buckets that are kept. A registry whose bucket is dropped starts with a full second again.
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Bucket:
    """The calls that are left of a second's worth, at a time."""

    left: float
    at: datetime


@dataclass(frozen=True, slots=True)
class PacedGate:
    """Asks `gate`, and then refuses calls above the rate. Each process counts for itself."""

    gate: Gate
    clock: Clock
    rates: Mapping[str, int] = field(default_factory=lambda: ECR_RATES)
    _buckets: dict[tuple[AccountId, RegionName, str], _Bucket] = field(default_factory=dict)
    # A decision may be made in a thread of the database.
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        """As the port says. Raises RateExceeded too. A denied call is not counted."""
        await self.gate.authorize(caller, action, resource, context)
        self._count(caller, (action,), resource)

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        await self.gate.authorize_all(caller, actions, resource)
        self._count(caller, actions, resource)

    async def decision(self, caller: Caller, actions: tuple[str, ...], resource: RepositoryResource) -> Decide:
        decide = await self.gate.decision(caller, actions, resource)

        # Each call is counted.
        lasting.decided(is_timeless=False)

        async def counting(facts: RepositoryFacts) -> None:
            await decide(facts)
            self._count(caller, actions, resource)

        return counting

    def _count(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        for action in actions:
            if (rate := self.rates.get(action)) is not None:
                with self._lock:
                    self._take((resource.account, caller.origin.region, action), rate)

    def _take(self, key: tuple[AccountId, RegionName, str], rate: int) -> None:
        now = self.clock.now()
        if len(self._buckets) >= _MOST_REMEMBERED and key not in self._buckets:
            self._buckets.clear()
        bucket = self._buckets.setdefault(key, _Bucket(rate, now))
        passed = max((now - bucket.at).total_seconds(), 0)
        bucket.left, bucket.at = min(bucket.left + passed * rate, rate), now
        if bucket.left < 1:
            raise RateExceeded
        bucket.left -= 1
