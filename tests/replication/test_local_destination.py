"""A destination registry: which sessions it hears, what it takes, what it remembers."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import caller
from tests.replication.harbor import IMAGE, Harbor, blobs_of, stream
from tests.replication.world import (
    FAR,
    FARTHER,
    HOME,
    IRELAND,
    PARTNER,
    VIRGINIA,
    World,
    image,
    index,
)
from twinport.access.gate import NO_CONTEXT, Context, Resource
from twinport.catalog import clearing
from twinport.catalog.regional import arrivals
from twinport.errors import AccessDenied
from twinport.model.content import Digest
from twinport.model.identities import Caller, PrincipalKind, Session
from twinport.model.replication import FailureCode, ReplicationRule, TagOutcome
from twinport.refusals.callers import SessionExpired
from twinport.refusals.images import DigestMismatch, LayerNotFound
from twinport.refusals.storage import OfferExpired
from twinport.replication.destination import Behind, Done, Missing, Refused
from twinport.replication.local_destination import HOLD

MOVED = image(b"layer two")


@pytest.fixture
async def harbor(tmp_path: Path) -> AsyncIterator[Harbor]:
    world = World(tmp_path)
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield Harbor(world)
    world.close()


# --- which sessions it hears ------------------------------------------------------------------------------


def strangers(harbor: Harbor) -> dict[str, Caller]:
    now = harbor.world.clock.now()
    assumed = Session("me", now, now + timedelta(hours=1))
    service_elsewhere = dataclasses.replace(assumed, service="ecr.amazonaws.com", binding=(HOME, FAR))
    return {
        "the root of the source account": caller(HOME.account),
        "the root of the destination account": caller(FAR.account),
        "a session of some role": caller(kind=PrincipalKind.ROLE_SESSION, session=assumed),
        "a session of another service": caller(kind=PrincipalKind.ROLE_SESSION, session=service_elsewhere),
        "a session bound to another destination": harbor.session_for(HOME, FARTHER),
        "a session bound to another account": harbor.session_for(HOME, PARTNER),
        "a session bound to another source": harbor.session_for(FARTHER, FAR),
        "a session bound the other way round": harbor.session_for(FAR, HOME),
    }


async def test_only_a_session_of_the_role_bound_to_this_lane_is_heard(harbor: Harbor) -> None:
    offer = await harbor.offer()
    blob = blobs_of(offer)[0]
    for name, stranger in strangers(harbor).items():
        with pytest.raises(AccessDenied):
            await harbor.destination.offer(stranger, offer)
        with pytest.raises(AccessDenied):
            await harbor.destination.adopt(stranger, blob)
        with pytest.raises(AccessDenied):
            await harbor.destination.append(stranger, blob, 0, stream(b"{}"))
        with pytest.raises(AccessDenied):
            await harbor.destination.commit(stranger, offer)
        assert harbor.world.gate.asked == [], f"{name} was given to the gate to judge"


async def test_an_offer_for_another_source_than_the_sessions_is_refused(harbor: Harbor) -> None:
    offer = dataclasses.replace(await harbor.offer(), source=PARTNER)
    with pytest.raises(AccessDenied):
        await harbor.destination.offer(harbor.session, offer)


async def test_an_expired_session_is_not_heard(harbor: Harbor) -> None:
    offer = await harbor.offer()
    harbor.world.clock.advance(timedelta(minutes=15))
    with pytest.raises(SessionExpired):
        await harbor.destination.offer(harbor.session, offer)


# --- what it takes ----------------------------------------------------------------------------------------


async def test_an_offer_names_everything_that_is_missing(harbor: Harbor) -> None:
    offer = await harbor.offer()
    answers = await harbor.destination.offer(harbor.session, offer)
    blobs = frozenset(Digest.of(content) for content in IMAGE.blobs)
    assert list(answers.values()) == [Missing(frozenset({IMAGE.digest}), blobs)]


async def test_a_commit_without_its_bytes_changes_nothing_and_may_come_again(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    assert isinstance(await harbor.commit(offer), Behind)
    assert await harbor.world.repository(FAR) is None
    await harbor.adopt_all(offer)
    assert await harbor.commit(offer) == Done(TagOutcome.MOVED)


async def test_a_manifest_that_is_not_what_its_digest_says_is_refused(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    await harbor.adopt_all(offer)
    answer = await harbor.commit(offer, MOVED.content)
    assert isinstance(answer, Refused)
    assert answer.code is FailureCode.INTERNAL_ERROR
    assert not await harbor.world.has(FAR, IMAGE)


async def test_a_commit_that_comes_twice_gets_the_same_answer_and_moves_no_tag_back(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    await harbor.adopt_all(offer)
    first = await harbor.commit(offer)
    await harbor.world.push(MOVED, "1", to=FAR)
    assert await harbor.commit(offer) == first
    assert await harbor.world.tag(FAR, "1") == MOVED.digest
    assert await harbor.destination.offer(harbor.session, offer) == {offer.images[0].delivery: first}


async def test_a_landed_delivery_is_done_whatever_has_been_forbidden_since(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    await harbor.adopt_all(offer)
    await harbor.commit(offer)
    harbor.world.gate.denied.add(("ecr:ReplicateImage", FAR))
    assert await harbor.commit(offer) == Done(TagOutcome.MOVED)


async def test_a_blob_that_the_offer_holds_is_not_moved_again(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    await harbor.adopt_all(offer)
    files = len(harbor.world.blob_files(VIRGINIA))
    await harbor.adopt_all(offer)
    assert len(harbor.world.blob_files(VIRGINIA)) == files


async def test_bytes_of_another_digest_are_not_kept(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    for path in harbor.world.blob_files(IRELAND):
        path.write_bytes(path.read_bytes().swapcase() + b"!")
    for blob in blobs_of(offer):
        with pytest.raises(DigestMismatch):
            await harbor.destination.adopt(harbor.session, blob)
    assert harbor.world.blob_files(VIRGINIA) == []


async def test_a_blob_that_the_source_registry_does_not_hold_is_not_adopted(harbor: Harbor) -> None:
    """Another registry of the source's Region holds it: a session of one registry must not reach its bytes."""
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    theirs = image(b"of another account")
    await harbor.world.push(theirs, "1", PARTNER)
    digest = Digest.of(theirs.blobs[1])
    with pytest.raises(LayerNotFound):
        await harbor.destination.adopt(harbor.session, dataclasses.replace(blobs_of(offer)[0], digest=digest))
    assert harbor.world.blob_files(VIRGINIA) == []


async def test_bytes_for_an_offer_that_expired_are_not_kept(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    harbor.world.clock.advance(HOLD)
    now = harbor.world.clock.now()
    await harbor.world.catalog.region(VIRGINIA).write(lambda db: arrivals.expire_offers(db, now, 100))
    harbor.session = harbor.session_for(HOME, FAR)
    with pytest.raises(OfferExpired):
        await harbor.adopt_all(offer)
    assert harbor.world.blob_files(VIRGINIA) == []


async def test_bytes_for_the_offer_of_another_source_are_not_kept(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.destination.offer(harbor.session, offer)
    theirs = dataclasses.replace(offer, source=FARTHER)
    await harbor.world.push(IMAGE, "1", FARTHER)
    harbor.session = harbor.session_for(FARTHER, FAR)
    with pytest.raises(OfferExpired):
        await harbor.adopt_all(theirs)
    for blob in blobs_of(theirs):
        with pytest.raises(OfferExpired):
            await harbor.append(blob, 0, b"{}")
    assert harbor.world.blob_files(VIRGINIA) == []


async def test_a_region_that_is_not_served_has_no_destination(harbor: Harbor) -> None:
    harbor.world.regions.remove(VIRGINIA)
    assert harbor.world.destinations.find(FAR) is None


# --- a reset meanwhile ------------------------------------------------------------------------------------


class ResetMeanwhile:
    """A gate that admits, and then another process empties everything."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        await self._world.gate.authorize(caller, action, resource, context)
        self._world.clock.advance(timedelta(seconds=1))
        await clearing.clear(self._world.catalog)

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        for action in actions:
            await self.authorize(caller, action, resource)


async def test_what_was_admitted_before_a_reset_does_not_land_in_the_empty_state(harbor: Harbor) -> None:
    # Without layers: nothing else would keep it from landing.
    empty = index()
    await harbor.world.push(IMAGE, "1", FAR)
    offer = await harbor.offer(what=empty)
    found = harbor.world.destinations_behind(ResetMeanwhile(harbor.world)).find(FAR)
    assert found is not None
    harbor.destination = found
    assert isinstance(await harbor.commit(offer, empty.content), Behind)
    assert await harbor.world.repository(FAR) is None
