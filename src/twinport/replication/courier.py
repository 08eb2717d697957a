"""The courier: brings the deliveries of one lane to their destination, under a session of the replication role."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from twinport.blobs.store import BlobStores
from twinport.catalog.partition import uses
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import departures
from twinport.clock import Clock
from twinport.errors import NotFound, Unavailable
from twinport.model.entities import Use
from twinport.model.identities import REPLICATION_SERVICE
from twinport.model.names import AccountId, RegionName
from twinport.model.replication import Delivery, FailureCode, Lane
from twinport.replication.blob_transfer import SLICE
from twinport.replication.destination import Destinations
from twinport.replication.outcomes import Hopeless
from twinport.replication.signing import RoleSession, Sessions
from twinport.replication.source_damage import SourceBytes
from twinport.replication.transfer import OpenLane, Report, Shipment, in_offers, offered

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
            for delivery in deliveries:
                await report(delivery, opened)
            return
        shipments = [shipment for each in deliveries if (shipment := await self._shipment(each, report))]
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

    async def _shipment(self, delivery: Delivery, report: Report) -> Shipment | None:
        """Look up the image of a delivery. A tag that has moved since changes nothing: the pushed image is owed."""
        source, name, digest = delivery.source, delivery.repository, delivery.digest
        # A read does not yield, so other tasks have their turn here, between the deliveries of a batch.
        await asyncio.sleep(0)
        try:
            cargo = await self.catalog.region(source.region).read(
                lambda db: departures.cargo(db, source.repository(name), digest)
            )
        except NotFound as refusal:
            await report(delivery, Hopeless(FailureCode.SOURCE_IMAGE_NOT_FOUND, refusal.message))
            return None
        return Shipment(delivery, cargo, offered(delivery, cargo))
