"""A registry's replication: its rules, the role that they stand under, and the status of an image's copies."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from twinport.access.gate import AnyResource, Gate, RepositoryResource, every_repository
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import cancellations, delivery_reports, registries, repositories
from twinport.catalog.regional.delivery_lists import Place, place_of
from twinport.model.content import Digest
from twinport.model.identities import REPLICATION_SERVICE, Caller
from twinport.model.images import ImageId
from twinport.model.names import AccountId, RegionName, Registry, RepositoryId
from twinport.model.replication import DeliveryReport, DeliveryState, ListedDelivery, ReplicationConfiguration
from twinport.refusals.requests import InvalidParameter, NotBuiltYet
from twinport.registry import paging
from twinport.registry.expected import Expected, require
from twinport.registry.named_images import digest_of
from twinport.registry.paging import Page, PageRequest
from twinport.replication.listing import DeliveryListing

T = TypeVar("T")
MOST_DESTINATIONS = 25
_ROWS_AT_ONCE = 200
_PARAMETER = "replicationConfiguration"
_BEGINNING = ("", "", "", "")
_NUMBER = re.compile("[0-9]{1,18}")


class Roles(Protocol):
    """The service-linked roles, as far as the storing of rules needs them."""

    async def store_under(
        self, caller: Caller, registry: Registry, service: str, store: Callable[[Connection, str], T]
    ) -> T:
        """Run `store(db, role_id)` in a transaction of the registry's Region that also claims the service's role.

        The role is created if it is absent. Raises AccessDenied naming iam:CreateServiceLinkedRole, having stored
        nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class Copies:
    """An image, and the newest delivery of it to each of its destinations."""

    digest: Digest
    reports: tuple[DeliveryReport, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """How a registry uses the replication role: rules, deliveries under way, the last one that landed."""

    rules: int
    unsettled: int
    last_carried_at: datetime | None


@dataclass(frozen=True, slots=True)
class Replication:
    """The verbs of a registry's replication. `regions` are those that this deployment knows.

    `rows_at_once` bounds how many deliveries one transaction cancels.
    """

    gate: Gate
    catalog: Catalog
    roles: Roles
    regions: Collection[RegionName]
    rows_at_once: int = _ROWS_AT_ONCE

    async def put(
        self,
        caller: Caller,
        registry: Registry,
        configuration: ReplicationConfiguration,
        expected: Expected[ReplicationConfiguration] | None = None,
    ) -> None:
        """Replace the rules as a whole, and cancel waiting deliveries that the new rules would not plan.

        The first rules create the service-linked role. Without rules no role is needed, and an existing one stays.
        Raises ChangedMeanwhile if they would replace others than `expected`.
        """
        resource = AnyResource(registry.account, registry.region)
        await self.gate.authorize(caller, "ecr:PutReplicationConfiguration", resource)
        check(configuration, registry, self.regions)

        def store(db: Connection, role_id: str | None) -> bool:
            if expected is not None:
                require(expected, registries.hold(db, registry.account).replication)
            registries.set_replication(db, registry.account, configuration, role_id)
            cancellations.begin(db, registry.account, self.catalog.now(db))
            return self._cancel_some(db, registry.account)

        region = self.catalog.region(registry.region)
        if configuration.rules:
            is_more = await self.roles.store_under(caller, registry, REPLICATION_SERVICE, store)
        else:
            is_more = await region.write(lambda db: store(db, None))
        # If this process dies meanwhile, another goes on (`PostOffice.cancel_removed`).
        while is_more:
            is_more = await region.write(lambda db: self._cancel_some(db, registry.account))

    def _cancel_some(self, db: Connection, account: AccountId) -> bool:
        return cancellations.go_on(db, account, self.catalog.now(db), self.rows_at_once)

    async def describe(self, caller: Caller, registry: Registry) -> ReplicationConfiguration:
        """Return the rules as they were put."""
        await self.gate.authorize(caller, "ecr:DescribeRegistry", AnyResource(registry.account, registry.region))
        settings = await self.catalog.region(registry.region).read(lambda db: registries.settings(db, registry.account))
        return settings.replication

    async def activity(self, caller: Caller, registry: Registry) -> Activity:
        """Tell whether the registry needs the replication role, and when it last used it."""
        await self.gate.authorize(caller, "ecr:DescribeRegistry", AnyResource(registry.account, registry.region))
        return await self.catalog.region(registry.region).read(lambda db: _activity(db, registry))

    async def deliveries(
        self, caller: Caller, registry: Registry, states: Sequence[DeliveryState], page: PageRequest
    ) -> Page[ListedDelivery]:
        """List the deliveries of a registry in one of `states`, the newest first.

        For every repository it shows what the status of each image shows, so it needs that permission for all of them.
        """
        resource = every_repository(registry)
        await self.gate.authorize(caller, "ecr:DescribeImageReplicationStatus", resource)
        request = ("deliveries", str(registry), *(state.value for state in states))
        after = _place(paging.start(page, request, _BEGINNING))
        found = await DeliveryListing(self.catalog, page.limit + 2).page(registry, states, page.limit + 1, after)
        return paging.cut(found.deliveries, page, request, lambda each: _position(place_of(each)))

    async def status(self, caller: Caller, repository: RepositoryId, image: ImageId) -> Copies:
        """Report the newest delivery of an image to each of its destinations; none if no rule ever asked for one.

        An image named by a tag is reported under that tag: the same manifest under another tag may be further.
        Raises RepositoryNotFound, ImageNotFound.
        """
        await self.gate.authorize(caller, "ecr:DescribeImageReplicationStatus", RepositoryResource(repository))
        return await self.catalog.region(repository.region).read_much(lambda db: _status(db, repository, image))


def _place(position: paging.Position) -> Place | None:
    """Read a position of the list of deliveries. Any client can make a token, so it may be anything."""
    if position == _BEGINNING:
        return None
    *age, name = position
    if not all(_NUMBER.fullmatch(number) for number in age):
        raise InvalidParameter("nextToken", "must be the nextToken of an earlier answer to the same request")
    epoch, sequence, repetition = map(int, age)
    return epoch, sequence, repetition, name


def _position(place: Place) -> paging.Position:
    return tuple(map(str, place))


def check(configuration: ReplicationConfiguration, source: Registry, regions: Collection[RegionName]) -> None:
    """Refuse rules that lead to their own registry, too many places or an unknown Region, or that ask for deletions."""
    places = configuration.destinations
    if source in places:
        raise InvalidParameter(_PARAMETER, "Replication destination cannot be the same as the source registry")
    if len(places) > MOST_DESTINATIONS:
        raise InvalidParameter(
            _PARAMETER, f"Unique destinations across all rules must be less than or equal to {MOST_DESTINATIONS}"
        )
    for region in sorted({place.region for place in places}):
        if region not in regions:
            raise InvalidParameter(_PARAMETER, f"Replication destination region {region} is not known here")
    if any(rule.deletions for rule in configuration.rules):
        raise NotBuiltYet("deleteReplication")


def _activity(db: Connection, registry: Registry) -> Activity:
    rules = registries.settings(db, registry.account).replication.rules
    unsettled = delivery_reports.unsettled(db, registry.account)
    return Activity(len(rules), unsettled, delivery_reports.last_carried(db, registry.account))


def _status(db: Connection, repository: RepositoryId, image: ImageId) -> Copies:
    row = repositories.get(db, repository)
    digest = digest_of(db, row, image)
    return Copies(digest, tuple(delivery_reports.statuses(db, repository.account, repository.name, digest, image.tag)))
