"""Any interleaving of claim, crash and settle delivers at least once and settles once."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, rule
from sqlalchemy import select

from tests import owing
from tests.tables import region_in_memory
from twinport.catalog.regional import delivery_reports, outbox, schema
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import Delivery, DeliveryState, FailureCode, Landed, Lane, PlannedDelivery
from twinport.refusals.storage import LeaseLost

pytestmark = pytest.mark.large

HOME = Registry(AccountId("111111111111"), RegionName("eu-west-1"))
LANES = [Lane(HOME, Registry(HOME.account, RegionName(name))) for name in ("us-east-1", "ap-south-1")]
LEASE = timedelta(seconds=30)
IMAGE = Digest.of(b"image")
holders = st.sampled_from(["ann", "bob", "eve"])


class OutboxLife(RuleBasedStateMachine):
    """Three holders claim, settle, postpone, give back and forget, in any order, while time passes."""

    claims: Bundle[tuple[str, Delivery]] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.db = region_in_memory()
        self.owed = 0
        self.settled: dict[str, DeliveryState] = {}

    def teardown(self) -> None:
        """Bring everything to its end with an honest holder, and close the books."""
        try:
            self.settle_the_rest()
        finally:
            self.db.close()
            self.db.engine.dispose()

    def settle_the_rest(self) -> None:
        self.clock.advance(timedelta(days=1))
        for lane in LANES:
            while claimed := self.claim_from(lane, "honest", 3):
                for delivery in claimed:
                    self.complete(("honest", delivery))
        assert len(self.settled) == self.owed, "an obligation was lost"
        assert delivery_reports.unsettled(self.db, HOME.account) == 0
        assert outbox.next_due(self.db) is None

    def claim_from(self, lane: Lane, holder: str, limit: int) -> list[Delivery]:
        return outbox.claim(self.db, lane, holder, self.clock.now(), lease=LEASE, limit=limit)

    def note(self, delivery: Delivery, state: DeliveryState) -> None:
        assert delivery.id not in self.settled, "settled twice"
        self.settled[delivery.id] = state

    @rule(lane=st.sampled_from(LANES))
    def owe(self, lane: Lane) -> None:
        self.owed += 1
        planned = [PlannedDelivery(lane.destination, RepositoryName("team/api"), IMAGE, f"t{self.owed}")]
        owing.owe(self.db, HOME, planned, Position(1, self.owed), self.clock.now())

    @rule(target=claims, lane=st.sampled_from(LANES), holder=holders, limit=st.integers(1, 3))
    def claim(self, lane: Lane, holder: str, limit: int) -> MultipleResults[tuple[str, Delivery]]:
        return multiple(*[(holder, delivery) for delivery in self.claim_from(lane, holder, limit)])

    @rule(claim=claims)
    def complete(self, claim: tuple[str, Delivery]) -> None:
        holder, delivery = claim
        if outbox.settle_complete(self.db, [(delivery, Landed(1, "arn"))], holder, self.clock.now()):
            self.note(delivery, DeliveryState.COMPLETE)

    @rule(claim=claims)
    def fail(self, claim: tuple[str, Delivery]) -> None:
        holder, delivery = claim
        code = FailureCode.INTERNAL_ERROR
        try:
            outbox.fail(self.db, delivery.id, holder, self.clock.now(), code=code, reason="")
        except LeaseLost:
            return
        self.note(delivery, DeliveryState.FAILED)

    @rule(claim=claims, pause=st.integers(0, 90))
    def postpone(self, claim: tuple[str, Delivery], pause: int) -> None:
        holder, delivery = claim
        now = self.clock.now()
        try:
            outbox.postpone(self.db, delivery.id, holder, now, after=timedelta(seconds=pause), reason="")
        except LeaseLost:
            return

    @rule(claim=claims)
    def release(self, claim: tuple[str, Delivery]) -> None:
        holder, delivery = claim
        outbox.release(self.db, [delivery.id], holder, self.clock.now())

    @rule(claim=claims)
    def renew(self, claim: tuple[str, Delivery]) -> None:
        holder, delivery = claim
        outbox.renew(self.db, [delivery.id], holder, self.clock.now(), lease=LEASE)

    @rule(seconds=st.integers(1, 40))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @invariant()
    def a_settled_delivery_stays_as_it_is(self) -> None:
        rows = self.db.execute(select(schema.delivery.c.id, schema.delivery.c.state)).all()
        found = {row.id: DeliveryState(row.state) for row in rows}
        assert len(found) == self.owed
        assert {id_: state for id_, state in found.items() if state is not DeliveryState.WAITING} == self.settled

    @invariant()
    def a_lane_is_due_exactly_when_something_in_it_can_be_claimed(self) -> None:
        now = self.clock.now()
        due = {lane for _, lane in outbox.due_lanes(self.db, HOME.region, now)}
        for lane in LANES:
            assert (lane in due) == bool(self.db.execute(outbox._oldest_due(lane, now, 1)).all())


TestOutboxLife = OutboxLife.TestCase
TestOutboxLife.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=30, deadline=None)
