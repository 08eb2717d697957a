"""The outbox: who may carry what, when, and what a settled delivery is."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite

from tests import owing
from twinport.catalog.engine.sqlite import SqliteDatabase
from twinport.catalog.regional import delivery_reports, outbox, schema
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import (
    Delivery,
    DeliveryReport,
    DeliveryState,
    FailureCode,
    Landed,
    Lane,
    PlannedDelivery,
    ReplicationConfiguration,
    ReplicationRule,
)
from twinport.refusals.storage import LeaseLost

HOME = Registry(AccountId("111111111111"), RegionName("eu-west-1"))
FAR = Registry(HOME.account, RegionName("us-east-1"))
PARTNER = Registry(AccountId("222222222222"), HOME.region)
NAME = RepositoryName("team/api")
IMAGE = Digest.of(b"image")
LEASE = timedelta(seconds=60)
TO_FAR, TO_PARTNER = Lane(HOME, FAR), Lane(HOME, PARTNER)


class PostOffice:
    """An outbox with its clock, spoken to in short sentences."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.database = SqliteDatabase(folder / "catalog.db", schema.regional)

    async def owe(
        self, *destinations: Registry, sequence: int = 1, digest: Digest = IMAGE, tag: str | None = "1.4"
    ) -> None:
        planned = [PlannedDelivery(destination, NAME, digest, tag) for destination in destinations]
        now = self.clock.now()
        await self.database.write(lambda db: owing.owe(db, HOME, planned, Position(1, sequence), now))

    async def lanes(self) -> list[Lane]:
        now = self.clock.now()
        due = await self.database.read(lambda db: outbox.due_lanes(db, HOME.region, now))
        return [lane for _, lane in due]

    async def claim(self, lane: Lane = TO_FAR, holder: str = "ann", limit: int = 100) -> list[Delivery]:
        now = self.clock.now()
        return await self.database.write(lambda db: outbox.claim(db, lane, holder, now, lease=LEASE, limit=limit))

    async def renew(self, delivery: Delivery, holder: str = "ann") -> None:
        now = self.clock.now()
        await self.database.write(lambda db: outbox.renew(db, [delivery.id], holder, now, lease=LEASE))

    async def complete(self, delivery: Delivery, holder: str = "ann", children: tuple[Digest, ...] = ()) -> None:
        now = self.clock.now()
        landed = Landed(7, "arn:session", children)
        if not await self.database.write(lambda db: outbox.settle_complete(db, [(delivery, landed)], holder, now)):
            raise LeaseLost(delivery.id)

    async def postpone(self, delivery: Delivery, until: timedelta, holder: str = "ann") -> None:
        now = self.clock.now()
        await self.database.write(
            lambda db: outbox.postpone(db, delivery.id, holder, now, after=until, reason="disk full")
        )

    async def fail(self, delivery: Delivery, holder: str = "ann") -> None:
        code, now = FailureCode.SOURCE_IMAGE_NOT_FOUND, self.clock.now()
        await self.database.write(lambda db: outbox.fail(db, delivery.id, holder, now, code=code, reason="gone"))

    async def statuses(self, tag: str | None = None) -> list[DeliveryReport]:
        return await self.database.read(lambda db: delivery_reports.statuses(db, HOME.account, NAME, IMAGE, tag))

    async def unsettled(self) -> int:
        return await self.database.read(lambda db: delivery_reports.unsettled(db, HOME.account))

    async def next_due_in(self) -> timedelta | None:
        due = await self.database.read(outbox.next_due)
        return None if due is None else due - self.clock.now()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    office = PostOffice(tmp_path)
    yield office
    office.database.close()


# --- claiming ---------------------------------------------------------------------------------------------


async def test_what_is_owed_is_claimed_once_while_the_lease_lasts(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim()
    assert (delivery.source, delivery.destination, delivery.repository) == (HOME, FAR, NAME)
    assert (delivery.digest, delivery.tag, delivery.position, delivery.attempts) == (IMAGE, "1.4", Position(1, 1), 1)
    assert await office.claim(holder="bob") == []


async def test_an_expired_lease_is_claimed_again_and_the_attempt_counts(office: PostOffice) -> None:
    await office.owe(FAR)
    await office.claim()
    office.clock.advance(LEASE)
    [again] = await office.claim(holder="bob")
    assert again.attempts == 2


async def test_the_oldest_due_are_claimed_first_and_no_more_than_asked(office: PostOffice) -> None:
    for sequence in range(1, 6):
        await office.owe(FAR, sequence=sequence)
        office.clock.advance(timedelta(seconds=1))
    assert [each.position.sequence for each in await office.claim(limit=2)] == [1, 2]
    assert [each.position.sequence for each in await office.claim(limit=9)] == [3, 4, 5]


async def test_released_deliveries_are_due_at_once_and_their_attempt_does_not_count(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim()
    await office.database.write(lambda db: outbox.release(db, [delivery.id], "ann", office.clock.now()))
    assert await office.lanes() == [TO_FAR]
    assert await office.claim() == [delivery]


async def test_a_claim_reads_the_index_of_waiting_rows(office: PostOffice) -> None:
    query = outbox._oldest_due(TO_FAR, office.clock.now(), 100)

    def explain(db: Connection) -> str:
        text = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": False}))
        values = (HOME.account, FAR.region, FAR.account, 0, 100, 0)
        rows = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values[: text.count("?")])
        return " ".join(row[-1] for row in rows)

    plan = await office.database.read(explain)
    assert "USING INDEX delivery_waiting" in plan
    assert "TEMP B-TREE" not in plan, "the index must give the order too"


async def test_a_renewed_lease_is_not_claimed_and_a_lost_one_is_not_renewed(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim()
    office.clock.advance(LEASE / 2)
    await office.renew(delivery)
    office.clock.advance(LEASE * 3 / 4)
    assert await office.claim(holder="bob") == []
    office.clock.advance(LEASE)
    await office.renew(delivery)
    assert len(await office.claim(holder="bob")) == 1


# --- lanes ------------------------------------------------------------------------------------------------


async def test_a_lane_is_due_while_something_in_it_is(office: PostOffice) -> None:
    assert await office.lanes() == []
    await office.owe(FAR)
    assert await office.lanes() == [TO_FAR]
    [delivery] = await office.claim()
    assert await office.lanes() == []
    assert await office.next_due_in() == LEASE
    await office.complete(delivery)
    assert await office.next_due_in() is None


async def test_the_most_overdue_lane_comes_first_and_a_served_one_goes_to_the_end(office: PostOffice) -> None:
    await office.owe(FAR)
    await office.owe(FAR, sequence=2)
    office.clock.advance(timedelta(seconds=1))
    await office.owe(PARTNER)
    assert await office.lanes() == [TO_FAR, TO_PARTNER]
    office.clock.advance(timedelta(seconds=1))
    await office.claim(TO_FAR, limit=1)
    assert await office.lanes() == [TO_PARTNER, TO_FAR]


async def test_a_paused_lane_is_not_due(office: PostOffice) -> None:
    await office.owe(FAR)
    await office.database.write(lambda db: db.execute(schema.lane.update().values(paused=True)))
    assert await office.lanes() == []
    assert await office.next_due_in() is None


async def test_a_push_hastens_a_lane_that_waits_for_a_retry(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim()
    await office.postpone(delivery, timedelta(minutes=5))
    assert await office.next_due_in() == timedelta(minutes=5)
    await office.owe(FAR, sequence=2)
    assert [each.position.sequence for each in await office.claim()] == [2]


async def test_a_lane_of_renewed_leases_is_due_when_they_end_and_not_before(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim()
    office.clock.advance(LEASE / 2)
    await office.renew(delivery)
    office.clock.advance(LEASE / 2)
    assert await office.lanes() == []
    assert await office.next_due_in() == LEASE / 2
    office.clock.advance(LEASE / 2)
    assert await office.lanes() == [TO_FAR]


async def test_a_renewal_leaves_a_lane_its_place_among_the_due(office: PostOffice) -> None:
    await office.owe(FAR)
    await office.owe(FAR, sequence=2)
    [delivery] = await office.claim(limit=1)
    office.clock.advance(timedelta(seconds=1))
    await office.owe(PARTNER)
    office.clock.advance(timedelta(seconds=1))
    await office.renew(delivery)
    assert await office.lanes() == [TO_FAR, TO_PARTNER]


# --- settling ---------------------------------------------------------------------------------------------


async def test_a_lost_lease_is_not_settled(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim()
    office.clock.advance(LEASE * 2)
    for settle in (office.complete, office.fail):
        with pytest.raises(LeaseLost):
            await settle(delivery)
    [report] = await office.statuses()
    assert report.state is DeliveryState.WAITING


async def test_only_the_holder_settles(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim(holder="ann")
    with pytest.raises(LeaseLost):
        await office.complete(delivery, holder="bob")
    await office.complete(delivery, holder="ann")


async def test_there_is_no_way_out_of_a_settled_delivery(office: PostOffice) -> None:
    await office.owe(FAR, PARTNER)
    [completed], [failed] = await office.claim(TO_FAR), await office.claim(TO_PARTNER)
    await office.complete(completed)
    await office.fail(failed)
    before = await office.statuses()
    for settled in (completed, failed):
        with pytest.raises(LeaseLost):
            await office.complete(settled)
        with pytest.raises(LeaseLost):
            await office.fail(settled)
        with pytest.raises(LeaseLost):
            await office.postpone(settled, timedelta(0))
    office.clock.advance(LEASE * 2)
    assert await office.claim(TO_FAR) == await office.claim(TO_PARTNER) == []
    assert await office.statuses() == before
    assert await office.unsettled() == 0


async def test_a_complete_delivery_tells_bytes_session_and_time(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim()
    office.clock.advance(timedelta(seconds=3))
    await office.complete(delivery)
    [report] = await office.statuses()
    assert (report.state, report.bytes_carried, report.carried_by) == (DeliveryState.COMPLETE, 7, "arn:session")
    assert report.settled_at == office.clock.now()
    assert report.created_at == office.clock.now() - timedelta(seconds=3)


async def test_a_postponed_delivery_waits_and_says_why(office: PostOffice) -> None:
    await office.owe(FAR)
    [delivery] = await office.claim()
    await office.postpone(delivery, timedelta(minutes=1))
    [report] = await office.statuses()
    assert (report.state, report.reason) == (DeliveryState.WAITING, "disk full")
    assert await office.claim() == []
    office.clock.advance(timedelta(minutes=1))
    assert len(await office.claim()) == 1


async def test_an_index_settles_its_childrens_untagged_older_deliveries_alone(office: PostOffice) -> None:
    child, other = Digest.of(b"child"), Digest.of(b"other")
    await office.owe(FAR, sequence=4)
    [index] = await office.claim()
    await office.owe(FAR, PARTNER, sequence=1, digest=child, tag=None)
    await office.owe(FAR, sequence=2, digest=child, tag="1.4-amd64")
    await office.owe(FAR, sequence=3, digest=other, tag=None)
    await office.owe(FAR, sequence=5, digest=child, tag=None)
    await office.complete(index, children=(child,))
    assert await office.unsettled() == 4
    assert [(each.position.sequence, each.tag) for each in await office.claim()] == [
        (2, "1.4-amd64"),
        (3, None),
        (5, None),
    ]


async def test_an_index_leaves_a_child_that_is_under_lease_to_its_holder(office: PostOffice) -> None:
    child = Digest.of(b"child")
    await office.owe(FAR, sequence=1, digest=child, tag=None)
    await office.owe(FAR, sequence=2)
    [own, index] = await office.claim()
    await office.complete(index, children=(child,))
    await office.complete(own)
    assert await office.unsettled() == 0


# --- status and the configuration -------------------------------------------------------------------------


async def test_status_shows_the_newest_delivery_to_each_destination(office: PostOffice) -> None:
    await office.owe(FAR, PARTNER, sequence=1, tag="1.4")
    for lane in (TO_FAR, TO_PARTNER):
        [delivery] = await office.claim(lane)
        await office.complete(delivery)
    await office.owe(FAR, sequence=2, tag="1.5")
    states = {report.destination: report.state for report in await office.statuses()}
    assert states == {FAR: DeliveryState.WAITING, PARTNER: DeliveryState.COMPLETE}
    assert {report.state for report in await office.statuses(tag="1.4")} == {DeliveryState.COMPLETE}


async def test_removing_a_rule_fails_what_waits_and_lets_what_is_leased_finish(office: PostOffice) -> None:
    await office.owe(FAR, PARTNER, sequence=1)
    [leased] = await office.claim(TO_FAR)
    await office.owe(FAR, sequence=2, tag="1.5")
    left = ReplicationConfiguration((ReplicationRule((PARTNER,)),))
    now = office.clock.now()
    canceled = await office.database.write(lambda db: outbox.cancel_removed(db, HOME.account, left, now, 100))
    assert canceled.count == 1
    await office.complete(leased)
    [far, partner] = sorted(await office.statuses(), key=lambda report: report.destination != FAR)
    assert far.failure_code is FailureCode.REPLICATION_CONFIGURATION_REMOVED
    assert partner.state is DeliveryState.WAITING
    assert await office.lanes() == [TO_PARTNER]


async def test_a_rule_that_no_longer_selects_the_repository_cancels_too(office: PostOffice) -> None:
    await office.owe(FAR)
    narrowed = ReplicationConfiguration((ReplicationRule((FAR,), ("prod",)),))
    now = office.clock.now()
    canceled = await office.database.write(lambda db: outbox.cancel_removed(db, HOME.account, narrowed, now, 100))
    assert canceled.count == 1
