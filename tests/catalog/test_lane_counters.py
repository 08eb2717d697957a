"""What a lane says of its deliveries is what a recount finds, after any history, on both engines."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from tests import owing
from tests.catalogs import ENGINES, emptied
from tests.fakes import ACCOUNT, REGION, REGISTRY
from twinport.catalog import clearing
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import cancellations, forgetting, outbox, registries, reopenings, schema
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import RegionName, Registry, RepositoryName
from twinport.model.replication import (
    Delivery,
    FailureCode,
    Landed,
    Lane,
    PlannedDelivery,
    ReplicationConfiguration,
    ReplicationRule,
)
from twinport.refusals.storage import LeaseLost

pytestmark = pytest.mark.large

API, LEASE = RepositoryName("team/api"), timedelta(seconds=30)
PLACES = tuple(Registry(ACCOUNT, RegionName(name)) for name in ("us-east-1", "ap-south-1"))
IMAGES = tuple(Digest.of(bytes([number])) for number in range(3))
WAITING = schema.delivery.c.state == "waiting"

numbers = st.integers(0, 20)
places = st.sampled_from(PLACES)
STEPS = st.one_of(
    st.tuples(st.just("owe"), st.lists(places, min_size=1, max_size=3), st.sampled_from(IMAGES)),
    st.tuples(st.just("claim"), places, st.integers(1, 4)),
    st.tuples(st.sampled_from(["complete", "fail", "postpone", "release"]), numbers, st.none()),
    st.tuples(st.just("bring children"), numbers, st.none()),
    st.tuples(st.just("land index"), places, st.lists(st.sampled_from(IMAGES), max_size=3, unique=True).map(tuple)),
    st.tuples(st.just("wait"), st.integers(1, 60), st.none()),
    st.tuples(st.just("configure"), st.sets(places), st.none()),
    st.tuples(st.sampled_from(["cancel", "free", "renew", "reopen", "forget"]), numbers, st.none()),
)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock())
    yield catalog
    catalog.close()


@settings(max_examples=settings().max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
# An index brings all of its children along, or none, or all but those that travel by themselves or were never owed,
# and none of those that wait in another lane.
@example(steps=[("owe", [PLACES[0]], IMAGES[0]), ("claim", PLACES[0], 1), ("bring children", 0, None)])
@example(steps=[("owe", [PLACES[0]], IMAGES[0]), ("claim", PLACES[0], 4), ("bring children", 0, None)])
@example(steps=[("owe", [PLACES[0]], IMAGES[0]), ("claim", PLACES[0], 3), ("bring children", 0, None)])
@example(
    steps=[
        *[("owe", [place], IMAGES[0]) for place in PLACES],
        *[("claim", PLACES[1], 1), ("bring children", 0, None)],
    ]
)
@example(steps=[("land index", PLACES[0], IMAGES[:1]), ("land index", PLACES[0], IMAGES[1:])])
async def test_lanes_say_what_a_recount_finds(catalog: WholeCatalog, steps: list[tuple[str, object, object]]) -> None:
    clock = ManualClock()
    await clearing.clear(catalog)
    history = History(clock)
    for step in steps:
        # Each in a transaction of its own, as the verbs do it.
        await catalog.region(REGION).write(partial(history.take, step=step))
        said, found = await catalog.region(REGION).read(lambda db: (said_by_lanes(db), recounted(db)))
        assert {place: what for place, what in said.items() if what != (0, None)} == found


def said_by_lanes(db: Connection) -> dict[str, tuple[int, object]]:
    query = select(schema.lane.c.destination_region, schema.lane.c.waiting, schema.lane.c.oldest)
    return {row.destination_region: (row.waiting, row.oldest) for row in db.execute(query)}


def recounted(db: Connection) -> dict[str, tuple[int, object]]:
    place = schema.delivery.c.destination_region
    query = select(place, func.count(), func.min(schema.delivery.c.created_at)).where(WAITING).group_by(place)
    return {region: (count, oldest) for region, count, oldest in db.execute(query)}


@dataclass
class History:
    """Does what a step says, as far as it can be done now."""

    clock: ManualClock
    owed: int = 0
    claimed: list[Delivery] = field(default_factory=list)

    def take(self, db: Connection, step: tuple[str, object, object]) -> None:
        what, first, second = step
        do: Callable[..., None] = getattr(self, what.replace(" ", "_"))
        do(db, first, second)

    def owe(self, db: Connection, where: list[Registry], image: Digest) -> None:
        self.owed += 1
        tagged = [PlannedDelivery(place, API, image, f"t{number}") for number, place in enumerate(where)]
        # At one position, as an index is pushed with its children: one may bring the others along.
        planned = [*tagged, *(PlannedDelivery(where[0], API, each, None) for each in IMAGES)]
        owing.owe(db, REGISTRY, planned, Position(1, self.owed), self.clock.now())

    def claim(self, db: Connection, place: Registry, limit: int) -> None:
        lane = Lane(REGISTRY, place)
        self.claimed += outbox.claim(db, lane, "ann", self.clock.now(), lease=LEASE, limit=limit)

    def complete(self, db: Connection, number: int, _: None, children: tuple[Digest, ...] = ()) -> None:
        landed, now = Landed(1, "arn", children), self.clock.now()
        self._settle(number, lambda each: outbox.settle_complete(db, [(each, landed)], "ann", now))

    def bring_children(self, db: Connection, number: int, _: None) -> None:
        self.complete(db, number, None, IMAGES)

    def land_index(self, db: Connection, place: Registry, children: tuple[Digest, ...]) -> None:
        """Owe an index with its children, and let what waits longest in its lane bring some of them along."""
        self.owe(db, [place], IMAGES[0])
        now, lane = self.clock.now(), Lane(REGISTRY, place)
        for each in outbox.claim(db, lane, "bob", now, lease=LEASE, limit=1):
            outbox.settle_complete(db, [(each, Landed(1, "arn", children))], "bob", now)

    def fail(self, db: Connection, number: int, _: None) -> None:
        code = FailureCode.SOURCE_IMAGE_INACCESSIBLE if number % 2 else FailureCode.INTERNAL_ERROR
        now = self.clock.now()
        self._settle(number, lambda each: outbox.fail(db, each.id, "ann", now, code=code, reason=""))

    def postpone(self, db: Connection, number: int, _: None) -> None:
        after, now = timedelta(seconds=number), self.clock.now()
        self._settle(number, lambda each: outbox.postpone(db, each.id, "ann", now, after=after, reason=""))

    def release(self, db: Connection, number: int, _: None) -> None:
        self._settle(number, lambda each: outbox.release(db, [each.id], "ann", self.clock.now()))

    def wait(self, _db: Connection, seconds: int, _: None) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def configure(self, db: Connection, where: set[Registry], _: None) -> None:
        rules = (ReplicationRule(tuple(sorted(where))),) if where else ()
        registries.set_replication(db, ACCOUNT, ReplicationConfiguration(rules), None)
        cancellations.begin(db, ACCOUNT, self.clock.now())

    def cancel(self, db: Connection, number: int, _: None) -> None:
        cancellations.go_on(db, ACCOUNT, self.clock.now(), number + 1)

    def free(self, db: Connection, _number: int, _: None) -> None:
        outbox.free(db, "ann", self.clock.now())

    def renew(self, db: Connection, _number: int, _: None) -> None:
        outbox.renew(db, [each.id for each in self.claimed], "ann", self.clock.now(), lease=LEASE)

    def reopen(self, db: Connection, number: int, _: None) -> None:
        for each in reopenings.due(db, REGION, self.clock.now(), number + 1):
            reopenings.reopen(db, each, self.clock.now())

    def forget(self, db: Connection, number: int, _: None) -> None:
        forgetting.forget_deliveries(db, "", self.clock.now(), number + 1)

    def _settle(self, number: int, how: Callable[[Delivery], object]) -> None:
        """Settle one of those that were claimed. A lease that was lost changes nothing."""
        if self.claimed:
            with suppress(LeaseLost):
                how(self.claimed.pop(number % len(self.claimed)))
