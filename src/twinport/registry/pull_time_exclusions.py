"""The verbs of the principals whose pulls leave no time of the last pull."""

from dataclasses import dataclass

from twinport.access.gate import AnyResource, Gate
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import pull_time_exclusions, registries
from twinport.catalog.regional.pull_time_exclusions import Exclusion
from twinport.model.identities import Caller
from twinport.model.names import Registry
from twinport.refusals.images import ExclusionExists, ExclusionNotFound, TooManyExclusions
from twinport.registry import paging
from twinport.registry.paging import Page, PageRequest

# As many as the model's list of them holds.
MOST_EXCLUSIONS = 100


@dataclass(frozen=True, slots=True)
class PullTimeExclusions:
    gate: Gate
    catalog: Catalog

    async def register(self, caller: Caller, registry: Registry, principal: str) -> Exclusion:
        """Exclude a user or role, there or not. Raises ExclusionExists, TooManyExclusions."""
        await self.gate.authorize(caller, "ecr:RegisterPullTimeUpdateExclusion", _whole(registry))
        return await self.catalog.region(registry.region).write(
            lambda db: _register(db, registry, Exclusion(principal, self.catalog.now(db)))
        )

    async def deregister(self, caller: Caller, registry: Registry, principal: str) -> None:
        """Note the pulls of a principal again. Raises ExclusionNotFound."""
        await self.gate.authorize(caller, "ecr:DeregisterPullTimeUpdateExclusion", _whole(registry))
        if not await self.catalog.region(registry.region).write(
            lambda db: pull_time_exclusions.remove(db, registry.account, principal)
        ):
            raise ExclusionNotFound(principal, registry.account)

    async def list(self, caller: Caller, registry: Registry, page: PageRequest) -> Page[str]:
        """Return a page of the ARNs of the excluded principals, in their order."""
        await self.gate.authorize(caller, "ecr:ListPullTimeUpdateExclusions", _whole(registry))
        request = ("ListPullTimeUpdateExclusions", str(registry))
        (after,) = paging.start(page, request, ("",))
        found = await self.catalog.region(registry.region).read(
            lambda db: pull_time_exclusions.listed(db, registry.account, after, page.limit + 1)
        )
        return paging.cut(found, page, request, lambda principal: (principal,))


def _whole(registry: Registry) -> AnyResource:
    return AnyResource(registry.account, registry.region)


def _register(db: Connection, registry: Registry, new: Exclusion) -> Exclusion:
    # Holding the registry keeps two requests from passing the limit together.
    registries.hold(db, registry.account)
    if not pull_time_exclusions.add(db, registry.account, new):
        raise ExclusionExists(new.principal, registry.account)
    if pull_time_exclusions.count(db, registry.account) > MOST_EXCLUSIONS:
        raise TooManyExclusions(registry.account, MOST_EXCLUSIONS)
    return new
