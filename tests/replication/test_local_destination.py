"""A destination registry: whom it hears, what it takes, what it remembers."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import caller
from tests.replication.world import (
    FAR,
    FARTHER,
    HOME,
    IRELAND,
    NAME,
    PARTNER,
    ROLE_ID,
    VIRGINIA,
    Image,
    World,
    image,
    index,
)
from twinport.access.gate import NO_CONTEXT, Context, Resource
from twinport.catalog import arrivals, clearing, departures
from twinport.errors import AccessDenied
from twinport.model.cargo import BlobEntry
from twinport.model.content import Digest
from twinport.model.identities import REPLICATION_SERVICE, Caller, Origin, PrincipalKind, Session
from twinport.model.names import Registry
from twinport.model.replication import FailureCode, Lane, ReplicationRule, TagOutcome
from twinport.refusals.callers import SessionExpired
from twinport.refusals.images import DigestMismatch
from twinport.refusals.storage import OfferExpired
from twinport.replication.destination import Behind, Consignment, Destination, Done, Missing, Offer, Refused
from twinport.replication.local_destination import HOLD
from twinport.replication.trip import offered

LANE = Lane(HOME, FAR)
IMAGE = image(b"layer one")
MOVED = image(b"layer two")


class Harbour:
    """One image on its way from home to a far registry, spoken about part by part."""

    def __init__(self, world: World) -> None:
        self.world = world
        found = world.destinations.find(FAR)
        assert found is not None
        self.destination: Destination = found
        self.session = self.session_for(HOME, FAR)

    def session_for(self, source: Registry, destination: Registry) -> Caller:
        origin = Origin(destination.region, REPLICATION_SERVICE, secure=True, user_agent="t", at=self.world.clock.now())
        return self.world.sessions.for_service(ROLE_ID, source, destination, origin)

    async def offer(self, tag: str = "1", what: Image = IMAGE) -> Offer:
        """Push an image and describe the offer that its delivery makes."""
        await self.world.push(what, tag)
        batch = await self.world.replication.office.claim("tests")
        assert batch is not None
        [delivery] = batch.deliveries
        region = self.world.catalog.region(IRELAND)
        cargo = await region.read(lambda db: departures.cargo(db, HOME, NAME, what.digest))
        return Offer(f"offer of {delivery.id}", HOME, FAR, (offered(delivery, cargo),))

    async def take_all(self, offer: Offer) -> None:
        [wanted] = offer.images
        for blob in wanted.blobs:
            await self.destination.take(self.session, offer, wanted, blob, self.world.stores.region(IRELAND))

    async def commit(self, offer: Offer, content: bytes = IMAGE.content) -> object:
        [wanted] = offer.images
        consignment = Consignment(wanted, {wanted.digest: content})
        return (await self.destination.commit(self.session, offer, [consignment]))[wanted.delivery]


@pytest.fixture
async def harbour(tmp_path: Path) -> AsyncIterator[Harbour]:
    world = World(tmp_path)
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield Harbour(world)
    world.close()


# --- whom it hears ----------------------------------------------------------------------------------------


def strangers(harbour: Harbour) -> dict[str, Caller]:
    now = harbour.world.clock.now()
    assumed = Session("me", now, now + timedelta(hours=1))
    service_elsewhere = dataclasses.replace(assumed, service="ecr.amazonaws.com", binding=(HOME, FAR))
    return {
        "the root of the source account": caller(HOME.account),
        "the root of the destination account": caller(FAR.account),
        "a session of some role": caller(kind=PrincipalKind.ROLE_SESSION, session=assumed),
        "a session of another service": caller(kind=PrincipalKind.ROLE_SESSION, session=service_elsewhere),
        "a session bound to another destination": harbour.session_for(HOME, FARTHER),
        "a session bound to another account": harbour.session_for(HOME, PARTNER),
        "a session bound to another source": harbour.session_for(FARTHER, FAR),
        "a session bound the other way round": harbour.session_for(FAR, HOME),
    }


async def test_nobody_is_heard_but_a_session_of_the_role_bound_to_this_road(harbour: Harbour) -> None:
    offer = await harbour.offer()
    [wanted] = offer.images
    store = harbour.world.stores.region(IRELAND)
    for name, stranger in strangers(harbour).items():
        with pytest.raises(AccessDenied):
            await harbour.destination.offer(stranger, offer)
        with pytest.raises(AccessDenied):
            await harbour.destination.take(stranger, offer, wanted, wanted.blobs[0], store)
        with pytest.raises(AccessDenied):
            await harbour.destination.commit(stranger, offer, [Consignment(wanted, {})])
        assert harbour.world.gate.asked == [], f"{name} was given to the gate to judge"


async def test_an_offer_for_another_source_than_the_sessions_is_refused(harbour: Harbour) -> None:
    offer = dataclasses.replace(await harbour.offer(), source=PARTNER)
    with pytest.raises(AccessDenied):
        await harbour.destination.offer(harbour.session, offer)


async def test_an_expired_session_is_not_heard(harbour: Harbour) -> None:
    offer = await harbour.offer()
    harbour.world.clock.advance(timedelta(minutes=15))
    with pytest.raises(SessionExpired):
        await harbour.destination.offer(harbour.session, offer)


# --- what it takes ----------------------------------------------------------------------------------------


async def test_an_offer_names_everything_that_is_missing(harbour: Harbour) -> None:
    offer = await harbour.offer()
    answers = await harbour.destination.offer(harbour.session, offer)
    blobs = frozenset(Digest.of(content) for content in IMAGE.blobs)
    assert list(answers.values()) == [Missing(frozenset({IMAGE.digest}), blobs)]


async def test_a_commit_without_its_bytes_changes_nothing_and_may_come_again(harbour: Harbour) -> None:
    offer = await harbour.offer()
    await harbour.destination.offer(harbour.session, offer)
    assert isinstance(await harbour.commit(offer), Behind)
    assert await harbour.world.repository(FAR) is None
    await harbour.take_all(offer)
    assert await harbour.commit(offer) == Done(TagOutcome.MOVED)


async def test_a_manifest_that_is_not_what_its_digest_says_is_refused(harbour: Harbour) -> None:
    offer = await harbour.offer()
    await harbour.destination.offer(harbour.session, offer)
    await harbour.take_all(offer)
    answer = await harbour.commit(offer, MOVED.content)
    assert isinstance(answer, Refused)
    assert answer.code is FailureCode.INTERNAL_ERROR
    assert not await harbour.world.has(FAR, IMAGE)


async def test_a_commit_that_comes_twice_gets_the_same_answer_and_moves_no_tag_back(harbour: Harbour) -> None:
    offer = await harbour.offer()
    await harbour.destination.offer(harbour.session, offer)
    await harbour.take_all(offer)
    first = await harbour.commit(offer)
    await harbour.world.push(MOVED, "1", to=FAR)
    assert await harbour.commit(offer) == first
    assert await harbour.world.tag(FAR, "1") == MOVED.digest
    assert await harbour.destination.offer(harbour.session, offer) == {offer.images[0].delivery: first}


async def test_a_landed_delivery_is_done_whatever_has_been_forbidden_since(harbour: Harbour) -> None:
    offer = await harbour.offer()
    await harbour.destination.offer(harbour.session, offer)
    await harbour.take_all(offer)
    await harbour.commit(offer)
    harbour.world.gate.denied.add(("ecr:ReplicateImage", FAR))
    assert await harbour.commit(offer) == Done(TagOutcome.MOVED)


async def test_a_blob_that_the_offer_holds_is_not_moved_again(harbour: Harbour) -> None:
    offer = await harbour.offer()
    await harbour.destination.offer(harbour.session, offer)
    await harbour.take_all(offer)
    files = len(harbour.world.blob_files(VIRGINIA))
    [wanted] = offer.images
    store = harbour.world.stores.region(IRELAND)
    assert await harbour.destination.take(harbour.session, offer, wanted, wanted.blobs[0], store) == 0
    assert len(harbour.world.blob_files(VIRGINIA)) == files


async def test_bytes_of_another_digest_are_not_kept(harbour: Harbour) -> None:
    offer = await harbour.offer()
    await harbour.destination.offer(harbour.session, offer)
    [wanted] = offer.images
    other = BlobEntry(Digest.of(b"something else"), wanted.blobs[0].size, wanted.blobs[0].key)
    with pytest.raises(DigestMismatch):
        await harbour.destination.take(harbour.session, offer, wanted, other, harbour.world.stores.region(IRELAND))
    assert harbour.world.blob_files(VIRGINIA) == []


async def test_bytes_for_an_offer_that_expired_are_not_kept(harbour: Harbour) -> None:
    offer = await harbour.offer()
    await harbour.destination.offer(harbour.session, offer)
    harbour.world.clock.advance(HOLD)
    now = harbour.world.clock.now()
    await harbour.world.catalog.region(VIRGINIA).write(lambda db: arrivals.expire_offers(db, now, 100))
    harbour.session = harbour.session_for(HOME, FAR)
    with pytest.raises(OfferExpired):
        await harbour.take_all(offer)
    assert harbour.world.blob_files(VIRGINIA) == []


async def test_bytes_for_the_offer_of_another_source_are_not_kept(harbour: Harbour) -> None:
    offer = await harbour.offer()
    await harbour.destination.offer(harbour.session, offer)
    theirs = dataclasses.replace(offer, source=FARTHER)
    [wanted] = offer.images
    session = harbour.session_for(FARTHER, FAR)
    with pytest.raises(OfferExpired):
        await harbour.destination.take(session, theirs, wanted, wanted.blobs[0], harbour.world.stores.region(IRELAND))
    assert harbour.world.blob_files(VIRGINIA) == []


async def test_a_region_that_is_not_served_has_no_destination(harbour: Harbour) -> None:
    harbour.world.regions.remove(VIRGINIA)
    assert harbour.world.destinations.find(FAR) is None


# --- a reset meanwhile ------------------------------------------------------------------------------------


class ResetMeanwhile:
    """A gate that admits, and then another process empties everything."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        await self._world.gate.authorize(caller, action, resource, context)
        self._world.clock.advance(timedelta(seconds=1))
        await clearing.clear(self._world.catalog, self._world.clock.now())

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        for action in actions:
            await self.authorize(caller, action, resource)


async def test_what_was_admitted_before_a_reset_does_not_land_in_the_empty_state(harbour: Harbour) -> None:
    # Without layers: nothing else would keep it from landing.
    empty = index()
    await harbour.world.push(IMAGE, "1", FAR)
    offer = await harbour.offer(what=empty)
    found = harbour.world.destinations_behind(ResetMeanwhile(harbour.world)).find(FAR)
    assert found is not None
    harbour.destination = found
    assert isinstance(await harbour.commit(offer, empty.content), Behind)
    assert await harbour.world.repository(FAR) is None
