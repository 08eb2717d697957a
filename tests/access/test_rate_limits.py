"""A gate that lets through no more than so many calls a second."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes import NOW, OTHER_ACCOUNT, OTHER_REGION, REGION, REGISTRY, AllowAll, DenyAll, caller
from twinport.access.gate import Gate, RepositoryResource
from twinport.access.rate_limits import PacedGate
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.model.names import Registry, RepositoryName
from twinport.refusals.requests import RateExceeded

PUT, OTHER = "ecr:PutImage", "ecr:DescribeImages"
HERE = RepositoryResource(REGISTRY.repository(RepositoryName("team/api")))


@dataclass
class Paced:
    under: Gate = field(default_factory=AllowAll)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        self.gate = PacedGate(self.under, self.clock, {PUT: 10})

    async def passes(
        self, times: int, action: str = PUT, resource: RepositoryResource = HERE, region: str = REGION
    ) -> int:
        """Ask so often, and return how many calls passed."""
        passed = 0
        for _ in range(times):
            try:
                await self.gate.authorize(caller(region=region), action, resource)
            except RateExceeded:
                continue
            passed += 1
        return passed


async def test_a_second_s_worth_passes_at_once_and_no_more() -> None:
    assert await Paced().passes(30) == 10


async def test_time_brings_back_what_was_taken_and_never_more_than_a_second_s_worth() -> None:
    paced = Paced()
    await paced.passes(10)
    paced.clock.advance(timedelta(seconds=0.5))
    assert await paced.passes(30) == 5
    paced.clock.advance(timedelta(hours=1))
    assert await paced.passes(30) == 10


async def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    paced = Paced()
    await paced.passes(5)
    paced.clock.advance(timedelta(seconds=-60))
    assert await paced.passes(30) == 5


async def test_registries_do_not_share_their_rates() -> None:
    paced = Paced()
    await paced.passes(10)
    assert (
        await paced.passes(
            30, resource=RepositoryResource(Registry(OTHER_ACCOUNT, REGISTRY.region).repository(RepositoryName("a")))
        )
        == 10
    )
    assert await paced.passes(30, region=OTHER_REGION) == 10


async def test_what_has_no_rate_is_not_limited() -> None:
    assert await Paced().passes(1000, OTHER) == 1000


async def test_who_is_denied_takes_nothing_from_the_others() -> None:
    paced = Paced(DenyAll())
    for _ in range(30):
        with pytest.raises(AccessDenied):
            await paced.gate.authorize(caller(), PUT, HERE)
