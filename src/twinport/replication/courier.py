"""The courier: brings the deliveries of one lane to their destination, under a session of the replication role."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from twinport.blobs.store import BlobStores
from twinport.catalog.partition import uses
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import departures
from twinport.clock import Clock
from twinport.errors import NotFound, Unavailable
from twinport.model.cargo import Cargo
from twinport.model.content import Digest
from twinport.model.entities import Use
from twinport.model.identities import REPLICATION_SERVICE
from twinport.model.names import AccountId, RegionName, RepositoryId
from twinport.model.replication import Delivery, FailureCode, Lane
from twinport.replication.blob_transfer import SLICE
from twinport.replication.destination import Destinations
from twinport.replication.outcomes import Hopeless, Outcome
from twinport.replication.signing import RoleSession, Sessions
from twinport.replication.source_damage import SourceBytes
from twinport.replication.transfer import OpenLane, Report, Shipment, in_offers, offered

_LOOKED_UP_TOGETHER = 25
_USE_NOTED_EVERY = timedelta(minutes=1)


class Role(Protocol):
    @property
    def unique_id(self) -> str: ...

    @property
    def last_used_at(self) -> datetime | None: ...


class Roles(Protocol):
    """The service-linked roles, as far as couriers need them."""

    async def find(self, account: AccountId, service: str) -> Role | None: ...


@dataclass(frozen=True, slots=True)
class Courier:
    """Carries batches. It reports on every delivery exactly once, unless it raises."""

    catalog: Catalog
    stores: BlobStores
    destinations: Destinations
    roles: Roles
    sessions: Sessions
    world: Clock
    slice_size: int = SLICE

    async def carry(self, lane: Lane, deliveries: Sequence[Delivery], report: Report) -> None:
        """Bring `deliveries`, and report each outcome as soon as it is known."""
        opened = await self._open(lane)
        if isinstance(opened, Hopeless):
            await report([(delivery, opened) for delivery in deliveries])
            return
        shipments = await self._shipments(deliveries, report)
        for together in in_offers(shipments):
            await opened.deliver(together, report)

    async def _open(self, lane: Lane) -> OpenLane | Hopeless:
        destination = self.destinations.find(lane.destination)
        if destination is None:
            code = FailureCode.DESTINATION_REGION_NOT_FOUND
            return Hopeless(code, f"no deployment serves Region '{lane.destination.region}'")
        role = await self.roles.find(lane.source.account, REPLICATION_SERVICE)
        if role is None:
            code = FailureCode.SERVICE_LINKED_ROLE_NOT_FOUND
            return Hopeless(code, f"account '{lane.source.account}' has no role for {REPLICATION_SERVICE}")
        await self._note_use(role, lane.destination.region)
        session = RoleSession(lane, role.unique_id, self.sessions, self.world)
        region = lane.source.region
        source = SourceBytes(region, self.catalog.region(region), self.stores.region(region), self.catalog.now)
        return OpenLane(lane, destination, session, source, self.slice_size)

    async def _note_use(self, role: Role, region: RegionName) -> None:
        """Record, for GetRole, roughly when and where the role was last used; nothing depends on it."""
        now = self.world.now()
        if role.last_used_at is None or now - role.last_used_at >= _USE_NOTED_EVERY:
            with contextlib.suppress(Unavailable):
                await self.catalog.partition.record(
                    lambda db: uses.of_role(db, role.unique_id, Use(now, region, "ecr"))
                )

    async def _shipments(self, deliveries: Sequence[Delivery], report: Report) -> list[Shipment]:
        """Look up the images of deliveries. A tag that has moved since changes nothing: the pushed image is owed."""
        found: list[Shipment] = []
        gone: list[tuple[Delivery, Outcome]] = []
        for source, same in _by_repository(deliveries):
            cargoes = await self._cargoes(source, [each.digest for each in same])
            for each in same:
                match cargoes[each.digest]:
                    case Cargo() as cargo:
                        found.append(Shipment(each, cargo, offered(each, cargo)))
                    case refusal:
                        gone.append((each, Hopeless(FailureCode.SOURCE_IMAGE_NOT_FOUND, refusal.message)))
        if gone:
            await report(gone)
        return found

    async def _cargoes(self, source: RepositoryId, digests: Sequence[Digest]) -> Mapping[Digest, Cargo | NotFound]:
        region = self.catalog.region(source.region)
        return await region.read_much(lambda db: departures.cargoes(db, source, digests))


def _by_repository(deliveries: Sequence[Delivery]) -> Iterator[tuple[RepositoryId, list[Delivery]]]:
    """Cut deliveries into those of one repository, a few at a time."""
    of_each: dict[RepositoryId, list[Delivery]] = {}
    for each in deliveries:
        of_each.setdefault(each.source.repository(each.repository), []).append(each)
    for repository, same in of_each.items():
        for first in range(0, len(same), _LOOKED_UP_TOGETHER):
            yield repository, same[first : first + _LOOKED_UP_TOGETHER]
