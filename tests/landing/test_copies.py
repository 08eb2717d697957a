"""Positions: whatever the order of arrival, a tag ends where its source last put it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, insert, select

from tests.tables import region_in_memory
from twinport.catalog.regional import images, registries, repositories, schema
from twinport.catalog.regional.images import NewImage
from twinport.clock import ManualClock
from twinport.landing import copies
from twinport.landing.copies import Copy
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.manifests import OCI_INDEX, parse_manifest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import TagOutcome

SOURCE = Registry(AccountId("111111111111"), RegionName("eu-west-1"))
HERE = Registry(SOURCE.account, RegionName("us-east-1"))
NAME = RepositoryName("team/api")
NOW = ManualClock().time


def empty() -> Connection:
    db = region_in_memory()
    db.execute(insert(schema.history).values(id=1, epoch=1))
    return db


def landing(position: Position, source: Registry = SOURCE, delivery: str | None = None) -> Copy:
    """One image of its own for each position, all under one tag."""
    content = b'{"schemaVersion":2,"manifests":[],"annotations":{"n":"%d-%d"}}' % (position.epoch, position.sequence)
    manifest = NewImage(Digest.of(content), content, parse_manifest(content, OCI_INDEX))
    return Copy(
        delivery=delivery or f"{source} {position}",
        offer="none",
        source=source,
        destination=HERE,
        repository=NAME,
        digest=manifest.digest,
        tag="latest",
        position=position,
        manifests=(manifest,),
        carried_by="arn",
        may_create_repository=True,
    )


positions = st.builds(Position, st.integers(1, 3), st.integers(1, 5))


@settings(max_examples=30, deadline=None)
@given(st.lists(positions, min_size=1, max_size=8))
def test_an_older_position_never_touches_the_tag(order: list[Position]) -> None:
    db = empty()
    newest = None
    for position in order:
        decided = copies.land(db, landing(position), NOW)
        if newest is None or position > newest:
            newest = position
            assert decided is TagOutcome.MOVED
        home = repositories.get(db, HERE.repository(NAME))
        assert images.tagged(db, home.id, "latest") == landing(newest).digest
        assert images.holds(db, home.id, landing(position).digest), "the image arrives all the same"
    db.close()
    db.engine.dispose()


@settings(max_examples=30, deadline=None)
@given(st.lists(positions, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_every_delivery_takes_effect_once(order: list[Position], random: object) -> None:
    db = empty()
    first = {position: copies.land(db, landing(position), NOW) for position in order}
    again = list(first)
    random.shuffle(again)  # type: ignore[attr-defined]  # Hypothesis' own Random
    before = db.execute(select(schema.tag)).all()
    for position in again:
        assert copies.land(db, landing(position), NOW) == first[position]
    assert db.execute(select(schema.tag)).all() == before
    db.close()
    db.engine.dispose()


def test_positions_of_different_sources_are_not_compared() -> None:
    db = empty()
    other = Registry(SOURCE.account, RegionName("ap-south-1"))
    copies.land(db, landing(Position(9, 9)), NOW)
    assert copies.land(db, landing(Position(1, 1), other), NOW) is TagOutcome.MOVED
    home = repositories.get(db, HERE.repository(NAME))
    assert images.tagged(db, home.id, "latest") == landing(Position(1, 1), other).digest
    db.close()
    db.engine.dispose()


class Destination(RuleBasedStateMachine):
    """Deliveries land in any order, new ones and repeated ones, and the destination's owner changes the tag between."""

    def __init__(self) -> None:
        super().__init__()
        self.db = empty()
        self.deliveries: dict[str, tuple[Position, TagOutcome]] = {}
        self.last: Position | None = None
        self.named: Digest | None = None

    def teardown(self) -> None:
        self.db.close()
        self.db.engine.dispose()

    @rule(position=positions)
    def land(self, position: Position) -> None:
        delivery = f"delivery {len(self.deliveries)}"
        is_older = self.last is not None and position < self.last
        stays = position == self.last and self.named not in (None, landing(position).digest)
        decided = copies.land(self.db, landing(position, delivery=delivery), NOW)
        assert decided is (TagOutcome.SUPERSEDED if is_older or stays else TagOutcome.MOVED)
        if decided is TagOutcome.MOVED:
            self.last, self.named = position, landing(position).digest
        self.deliveries[delivery] = position, decided

    @precondition(lambda self: self.deliveries)
    @rule(data=st.data())
    def land_again(self, data: st.DataObject) -> None:
        delivery = data.draw(st.sampled_from(sorted(self.deliveries)))
        position, decided = self.deliveries[delivery]
        assert copies.land(self.db, landing(position, delivery=delivery), NOW) is decided

    @precondition(lambda self: self.deliveries)
    @rule()
    def untag(self) -> None:
        images.remove_tag(self.db, repositories.get(self.db, HERE.repository(NAME)).id, "latest")
        self.named = None

    @precondition(lambda self: self.deliveries)
    @rule(data=st.data())
    def move_the_tag_here(self, data: st.DataObject) -> None:
        home = repositories.get(self.db, HERE.repository(NAME))
        position, _ = data.draw(st.sampled_from(sorted(self.deliveries.values(), key=lambda each: each[0])))
        self.named = landing(position).digest
        here = registries.next_position(self.db, HERE.account)
        images.move_tag(self.db, home.id, "latest", self.named, here, NOW)

    @invariant()
    def the_tag_is_where_the_newest_change_put_it(self) -> None:
        home = repositories.find(self.db, HERE.repository(NAME))
        assert (None if home is None else images.tagged(self.db, home.id, "latest")) == self.named


TestDestination = Destination.TestCase
TestDestination.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
