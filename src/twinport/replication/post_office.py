"""The post office: hands out batches of the outbox under lease, and records the outcome of each delivery."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from twinport.catalog.guarded import pauses_garbage
from twinport.catalog.ports import Catalog, Connection, Database
from twinport.catalog.regional import arrivals, cancellations, outbox
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.metrics.values import OTHER
from twinport.model.names import AccountId, RegionName
from twinport.model.replication import Delivery, FailureCode, Landed, Lane
from twinport.refusals.storage import LeaseLost
from twinport.replication.destination import MOST_IMAGES
from twinport.replication.outcomes import Hindered, Hopeless, Outcome
from twinport.replication.retry import GaveUp, TryAgain, after_failure

# Short, because the deliveries of a killed process wait until the lease ends; live processes renew it (worker.py).
LEASE = timedelta(seconds=30)
_ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries of one lane, under lease to one holder."""

    lane: Lane
    deliveries: tuple[Delivery, ...]
    holder: str

    @property
    def ids(self) -> list[str]:
        return [delivery.id for delivery in self.deliveries]


@dataclass(frozen=True, slots=True)
class PostOffice:
    """The outboxes of every Region of this deployment. `rows_at_once` limits how many rows one transaction sweeps."""

    catalog: Catalog
    jitter: Callable[[], float] = random.random
    rows_at_once: int = _ROWS_AT_ONCE

    async def claim(self, holder: str) -> Batch | None:
        """Lease the oldest deliveries of the most overdue lane, or return None if nothing is due."""
        for lane in await self._due_lanes():
            deliveries = await self._claim_from(lane, holder)
            if deliveries:
                for each in deliveries:
                    telemetry.debug(Event.DELIVERY_BEGUN, **_facts(each), attempt=each.attempts)
                return Batch(lane, tuple(deliveries), holder)
        return None

    async def next_due_in(self) -> timedelta | None:
        """Return how long it takes until something is due in any Region, or None if nothing waits."""
        pauses = [await region.read(self._next_due_in) for region in await self._regions()]
        return min((pause for pause in pauses if pause is not None), default=None)

    async def renew(self, batch: Batch) -> None:
        """Prolong the lease of the deliveries that are not settled yet."""
        await self._outbox_of(batch.lane).write(
            lambda db: outbox.renew(db, batch.ids, batch.holder, self.catalog.now(db), lease=LEASE)
        )

    async def release(self, batch: Batch) -> None:
        """Give back the deliveries that are not settled; the attempt does not count."""
        await self._outbox_of(batch.lane).write(
            lambda db: outbox.release(db, batch.ids, batch.holder, self.catalog.now(db))
        )

    async def settle(self, holder: str, outcomes: Sequence[tuple[Delivery, Outcome]]) -> None:
        """Record how attempts on one lane ended: those that landed together, and each of the others by itself.

        A delivery that is not `holder`'s any more is settled by its new holder.
        """
        landed = [(delivery, outcome) for delivery, outcome in outcomes if isinstance(outcome, Landed)]
        if landed:
            await self._complete(holder, landed)
        for delivery, outcome in outcomes:
            if not isinstance(outcome, Landed):
                await self._settle_one(holder, delivery, outcome)

    async def _settle_one(self, holder: str, delivery: Delivery, outcome: Hopeless | Hindered) -> None:
        try:
            match outcome:
                case Hopeless(code=code, reason=reason):
                    await self._fail(holder, delivery, code, reason)
                case Hindered():
                    await self._postpone_or_give_up(holder, delivery, outcome)
            _count(delivery, outcome)
        except LeaseLost:
            telemetry.warning(Event.DELIVERY_LEASE_LOST, **_facts(delivery))

    async def sweep_offers(self) -> None:
        """Expire offers that no courier has committed in time, and discard the bytes that they held."""
        now = self.catalog.now
        for region in await self._regions():
            if await region.read(lambda db: arrivals.has_expired_offers(db, now(db))):
                await self._expire_offers(region)

    async def cancel_removed(self) -> None:
        """Cancel deliveries of rules that were replaced, if the process that replaced them did not finish this."""
        for region in await self._regions():
            for account in await region.read(cancellations.accounts):
                await self._cancel_removed(region, account)

    async def _cancel_removed(self, region: Database, account: AccountId) -> None:
        now, most = self.catalog.now, self.rows_at_once
        while await region.write(lambda db: cancellations.go_on(db, account, now(db), most)):
            pass

    async def _expire_offers(self, region: Database) -> None:
        now, most = self.catalog.now, self.rows_at_once
        while not await pauses_garbage(self.catalog):
            if not await region.write(lambda db: arrivals.expire_offers(db, now(db), most)):
                return

    async def _regions(self) -> list[Database]:
        return [self.catalog.region(name) for name in await self.catalog.regions()]

    def _outbox_of(self, owner: Lane | Delivery) -> Database:
        return self.catalog.region(owner.source.region)

    async def _due_lanes(self) -> list[Lane]:
        due: list[tuple[datetime, Lane]] = []
        for name in await self.catalog.regions():
            due += await self.catalog.region(name).read(partial(self._due_lanes_of, region=name))
        return [lane for _, lane in sorted(due)]

    def _due_lanes_of(self, db: Connection, region: RegionName) -> list[tuple[datetime, Lane]]:
        return outbox.due_lanes(db, region, self.catalog.now(db))

    def _next_due_in(self, db: Connection) -> timedelta | None:
        due = outbox.next_due(db)
        return None if due is None else max(due - self.catalog.now(db), timedelta(0))

    async def _claim_from(self, lane: Lane, holder: str) -> list[Delivery]:
        return await self._outbox_of(lane).write(
            lambda db: outbox.claim(db, lane, holder, self.catalog.now(db), lease=LEASE, limit=MOST_IMAGES)
        )

    async def _complete(self, holder: str, landed: Sequence[tuple[Delivery, Landed]]) -> None:
        settled = await self._outbox_of(landed[0][0]).write(
            lambda db: outbox.settle_complete(db, landed, holder, self.catalog.now(db))
        )
        for delivery, outcome in landed:
            if delivery.id in settled:
                facts = _facts(delivery)
                telemetry.event(Event.DELIVERY_SETTLED, **facts, outcome="complete", bytes=outcome.bytes_carried)
                _count(delivery, outcome)
            else:
                telemetry.warning(Event.DELIVERY_LEASE_LOST, **_facts(delivery))

    async def _fail(self, holder: str, delivery: Delivery, code: FailureCode, reason: str) -> None:
        await self._outbox_of(delivery).write(
            lambda db: outbox.fail(db, delivery.id, holder, self.catalog.now(db), code=code, reason=reason)
        )
        telemetry.warning(Event.DELIVERY_SETTLED, **_facts(delivery), outcome=code.value, reason=reason)

    async def _postpone_or_give_up(self, holder: str, delivery: Delivery, hindered: Hindered) -> None:
        reason = hindered.reason
        match after_failure(delivery.attempts, self.jitter()):
            case GaveUp():
                await self._fail(holder, delivery, hindered.code, reason)
            case TryAgain(after=after):
                await self._outbox_of(delivery).write(
                    lambda db: outbox.postpone(
                        db, delivery.id, holder, self.catalog.now(db), after=after, reason=reason
                    )
                )
                facts = _facts(delivery)
                telemetry.warning(Event.DELIVERY_POSTPONED, **facts, attempt=delivery.attempts, reason=reason)


def _facts(delivery: Delivery) -> dict[str, str | float | bool | None]:
    return {
        "delivery": delivery.id,
        "destination": str(delivery.destination),
        "repository": delivery.repository,
        "digest": str(delivery.digest),
        "tag": delivery.tag,
    }


def _count(delivery: Delivery, outcome: Outcome) -> None:
    destination = str(delivery.destination.region)
    match outcome:
        case Landed(bytes_carried=carried):
            names.DELIVERIES.add(destination, "complete")
            names.DELIVERED_BYTES.add(destination, by=carried)
        case Hopeless(code=FailureCode.DESTINATION_REGION_NOT_FOUND as code):
            # No deployment serves this Region, and a tenant chose its name.
            names.DELIVERIES.add(OTHER, code.value)
        case Hopeless(code=code):
            names.DELIVERIES.add(destination, code.value)
        case Hindered():
            names.DELIVERIES.add(destination, "hindered")
