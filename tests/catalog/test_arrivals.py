"""Positions: whatever the order of arrival, a tag ends where its source last put it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, insert, select

from twinport.catalog import arrivals, images, repositories
from twinport.catalog import regional_schema as schema
from twinport.catalog.arrivals import Landing, NewManifest
from twinport.clock import ManualClock
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
    db = create_engine("sqlite://").connect()
    schema.regional.create_all(db)
    db.execute(insert(schema.history).values(id=1, epoch=1))
    return db


def landing(position: Position, source: Registry = SOURCE) -> Landing:
    """One image of its own for each position, all under one tag."""
    content = b'{"schemaVersion":2,"manifests":[],"annotations":{"n":"%d-%d"}}' % (position.epoch, position.sequence)
    manifest = NewManifest(Digest.of(content), content, parse_manifest(content, OCI_INDEX))
    return Landing(
        delivery=f"{source} {position}",
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
        decided = arrivals.land(db, landing(position), NOW)
        if newest is None or position > newest:
            newest = position
            assert decided is TagOutcome.MOVED
        home = repositories.get(db, HERE, NAME)
        assert images.tagged(db, home.id, "latest") == landing(newest).digest
        assert images.holds(db, home.id, landing(position).digest), "the image arrives all the same"
    db.close()
    db.engine.dispose()


@settings(max_examples=30, deadline=None)
@given(st.lists(positions, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_every_delivery_takes_effect_once(order: list[Position], random: object) -> None:
    db = empty()
    first = {position: arrivals.land(db, landing(position), NOW) for position in order}
    again = list(first)
    random.shuffle(again)  # type: ignore[attr-defined]  # Hypothesis' own Random
    before = db.execute(select(schema.tag)).all()
    for position in again:
        assert arrivals.land(db, landing(position), NOW) == first[position]
    assert db.execute(select(schema.tag)).all() == before
    db.close()
    db.engine.dispose()


def test_positions_of_different_sources_are_not_compared() -> None:
    db = empty()
    other = Registry(SOURCE.account, RegionName("ap-south-1"))
    arrivals.land(db, landing(Position(9, 9)), NOW)
    assert arrivals.land(db, landing(Position(1, 1), other), NOW) is TagOutcome.MOVED
    home = repositories.get(db, HERE, NAME)
    assert images.tagged(db, home.id, "latest") == landing(Position(1, 1), other).digest
    db.close()
    db.engine.dispose()
