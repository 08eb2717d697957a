"""Positions: whatever the order of arrival, a tag ends where its source last put it."""

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, insert, select

from tests.shelf import image_of, index_of
from tests.tables import region_in_memory
from twinport.catalog.regional import arrivals, images, registries, repositories, schema
from twinport.catalog.regional.blobs import NewBlob
from twinport.catalog.regional.images import NewImage
from twinport.clock import ManualClock
from twinport.landing import copies
from twinport.landing.copies import Copy
from twinport.model.content import Digest, Key
from twinport.model.images import NewRepository, Position
from twinport.model.manifests import OCI_INDEX, OCI_MANIFEST, parse_manifest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import TagOutcome

SOURCE = Registry(AccountId("111111111111"), RegionName("eu-west-1"))
HERE = Registry(SOURCE.account, RegionName("us-east-1"))
NAME, WEB = RepositoryName("team/api"), RepositoryName("team/web")
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


def land(db: Connection, copy: Copy) -> TagOutcome:
    return copies.land(db, [copy], NOW)[copy.delivery]


positions = st.builds(Position, st.integers(1, 3), st.integers(1, 5))


@settings(max_examples=30, deadline=None)
@given(st.lists(positions, min_size=1, max_size=8))
def test_an_older_position_never_touches_the_tag(order: list[Position]) -> None:
    db = empty()
    newest = None
    for position in order:
        decided = land(db, landing(position))
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
    first = {position: land(db, landing(position)) for position in order}
    again = list(first)
    random.shuffle(again)  # type: ignore[attr-defined]  # Hypothesis' own Random
    before = db.execute(select(schema.tag)).all()
    for position in again:
        assert land(db, landing(position)) == first[position]
    assert db.execute(select(schema.tag)).all() == before
    db.close()
    db.engine.dispose()


def test_positions_of_different_sources_are_not_compared() -> None:
    db = empty()
    other = Registry(SOURCE.account, RegionName("ap-south-1"))
    land(db, landing(Position(9, 9)))
    assert land(db, landing(Position(1, 1), other)) is TagOutcome.MOVED
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
        decided = land(self.db, landing(position, delivery=delivery))
        assert decided is (TagOutcome.SUPERSEDED if is_older or stays else TagOutcome.MOVED)
        if decided is TagOutcome.MOVED:
            self.last, self.named = position, landing(position).digest
        self.deliveries[delivery] = position, decided

    @precondition(lambda self: self.deliveries)
    @rule(data=st.data())
    def land_again(self, data: st.DataObject) -> None:
        delivery = data.draw(st.sampled_from(sorted(self.deliveries)))
        position, decided = self.deliveries[delivery]
        assert land(self.db, landing(position, delivery=delivery)) is decided

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
        images.move_tags(self.db, home.id, self.named, {"latest": here}, NOW)

    @invariant()
    def the_tag_is_where_the_newest_change_put_it(self) -> None:
        home = repositories.find(self.db, HERE.repository(NAME))
        assert (None if home is None else images.tagged(self.db, home.id, "latest")) == self.named


TestDestination = Destination.TestCase
TestDestination.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


LAYERS = (b"layer one", b"layer two")


def arriving(manifest: bytes, media_type: str) -> NewImage:
    return NewImage(Digest.of(manifest), manifest, parse_manifest(manifest, media_type))


PARTS = [arriving(image_of(b"config", layer), OCI_MANIFEST) for layer in LAYERS]
WHOLE = arriving(index_of(*(each.content for each in PARTS)), OCI_INDEX)
# What comes with an image: all of it, or nothing that the destination has by then.
COMING = {each.digest: (each,) for each in PARTS} | {WHOLE.digest: (*PARTS, WHOLE)}

arrivals_ = st.lists(
    st.builds(
        lambda digest, tag, position, repository: dataclasses.replace(
            landing(position), digest=digest, tag=tag, repository=repository, manifests=COMING[digest]
        ),
        st.sampled_from(list(COMING)),
        st.sampled_from(["a", "b", None]),
        positions,
        st.sampled_from([NAME, WEB]),
    ),
    min_size=1,
    max_size=6,
)


def offered(db: Connection) -> None:
    """Make both repositories, and let the offer hold the bytes of each blob."""
    for name in (NAME, WEB):
        repositories.insert(db, HERE.repository(name), NewRepository(), NOW)
    arrivals.open_offer(db, "none", SOURCE, HERE.account, NOW)
    held = [NewBlob(Digest.of(each), Key(f"key of {each!r}"), len(each)) for each in (b"config", *LAYERS)]
    arrivals.hold(db, "none", SOURCE, held, NOW)


def everything(db: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table.name: sorted((tuple(row) for row in db.execute(select(table))), key=repr)
        for table in schema.regional.sorted_tables
    }


@settings(max_examples=40, deadline=None)
@given(arrivals_)
def test_copies_that_land_together_leave_what_they_leave_one_after_the_other(each: list[Copy]) -> None:
    wanted = [dataclasses.replace(copy, delivery=f"delivery {number}") for number, copy in enumerate(each)]
    together, apart = empty(), empty()
    for db in (together, apart):
        offered(db)
    decided = copies.land(together, wanted, NOW)
    assert decided == {copy.delivery: land(apart, copy) for copy in wanted}
    assert everything(together) == everything(apart)
    for db in (together, apart):
        db.close()
        db.engine.dispose()
