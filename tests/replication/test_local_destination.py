"""A destination registry: which sessions it hears, what it takes, what it remembers."""

import base64
import dataclasses
from datetime import timedelta

import pytest

from tests.fakes import AskedOneByOne
from tests.replication.harbor import IMAGE, Harbor, blobs_of
from tests.replication.world import (
    FAR,
    FARTHER,
    HOME,
    IRELAND,
    PARTNER,
    ROLE_ID,
    SEALER,
    VIRGINIA,
    Image,
    World,
    image,
    index,
)
from twinport.access.gate import NO_CONTEXT, Context, Resource
from twinport.access.lane_sessions import Authorization, LaneSession
from twinport.access.session_callers import Holder
from twinport.access.sessions import Sessions
from twinport.catalog import clearing
from twinport.catalog.regional import arrivals
from twinport.errors import AccessDenied, Refusal
from twinport.model.content import Digest
from twinport.model.identities import Caller, PrincipalKind, Session
from twinport.model.names import RepositoryName
from twinport.model.replication import FailureCode, TagOutcome
from twinport.refusals.callers import CredentialsUnknown, SessionExpired
from twinport.refusals.images import DigestMismatch, LayerNotFound
from twinport.refusals.storage import OfferExpired
from twinport.replication.destination import (
    Behind,
    Done,
    Missing,
    Offer,
    OfferedBlobs,
    OfferedImage,
    Part,
    Refused,
    Signed,
    statement,
)
from twinport.replication.local_destination import HOLD
from twinport.replication.signing import RoleSession

MOVED = image(b"layer two")


# --- which sessions it hears ------------------------------------------------------------------------------


@dataclasses.dataclass
class Forger:
    """Signs with a part of its session replaced."""

    session: RoleSession
    key: RoleSession | None = None
    token: str | None = None
    part: Part | None = None
    offset: int | None = None

    async def sign(self, part: Part, what: Signed, offset: int = 0) -> Authorization:
        signed = statement(self.part or part, what, offset if self.offset is None else self.offset)
        mine = (await self.session.current()).authorize(signed)
        key = mine if self.key is None else (await self.key.current()).authorize(signed)
        return Authorization(mine.token if self.token is None else self.token, key.signature)


@dataclasses.dataclass
class Kept:
    """Signs with one session, however old."""

    session: LaneSession

    async def sign(self, part: Part, what: Signed, offset: int = 0) -> Authorization:
        return self.session.authorize(statement(part, what, offset))


async def forgers(harbor: Harbor) -> dict[str, Forger]:
    own, site = harbor.signer_for(HOME, FAR), Sessions(harbor.world.catalog, SEALER, harbor.world.clock)
    now = harbor.world.clock.now()
    holder = Holder(PrincipalKind.ROLE_SESSION, HOME.account, ROLE_ID)
    assumed = await site.issue(holder, Session("me", now, now + timedelta(hours=1)))
    payload, _, signature = (await own.current()).authorize(b"").token.partition(".")
    changed = base64.urlsafe_b64encode(base64.urlsafe_b64decode(payload).replace(b"AROA", b"AROB")).decode()
    return {
        "no token": Forger(own, token=""),
        "a token that this site did not sign": Forger(own, token=f"{changed}.{signature}"),
        "the token of a session that a user assumed": Forger(own, token=assumed.token),
        "the token of one session and the key of another": Forger(own, key=harbor.signer_for(HOME, FAR)),
        "a signature of other bytes": Forger(own, part=Part.ADOPT, offset=7),
    }


async def is_refused(harbor: Harbor, offer: Offer, refusal: type[Refusal]) -> None:
    blob = blobs_of(offer)[0]
    with pytest.raises(refusal):
        await harbor.ask(offer)
    with pytest.raises(refusal):
        await harbor.adopt(blob)
    with pytest.raises(refusal):
        await harbor.append(blob, 0, b"{}")
    with pytest.raises(refusal):
        await harbor.commit_all(offer)
    assert harbor.world.gate.asked == []


async def test_only_the_holder_of_a_session_is_heard(harbor: Harbor) -> None:
    offer = await harbor.offer()
    for forger in (await forgers(harbor)).values():
        harbor.signer = forger
        await is_refused(harbor, offer, CredentialsUnknown)


async def test_only_a_session_that_is_bound_to_this_lane_is_heard(harbor: Harbor) -> None:
    offer = await harbor.offer()
    for source, destination in ((HOME, FARTHER), (HOME, PARTNER), (FARTHER, FAR), (FAR, HOME)):
        harbor.signer = harbor.signer_for(source, destination)
        await is_refused(harbor, offer, AccessDenied)


async def test_an_offer_to_another_registry_is_not_heard_here(harbor: Harbor) -> None:
    offer = dataclasses.replace(await harbor.offer(), destination=FARTHER)
    harbor.signer = harbor.signer_for(HOME, FARTHER)
    await is_refused(harbor, offer, AccessDenied)


async def test_what_was_signed_for_one_part_opens_no_other(harbor: Harbor) -> None:
    offer = await harbor.offer()
    blob = blobs_of(offer)[0]
    facts: list[tuple[Part, Signed, int]] = [(Part.OFFER, offer, 0), (Part.COMMIT, offer, 0)]
    facts += [(Part.ADOPT, OfferedBlobs((blob,)), 0), (Part.APPEND, blob, 0), (Part.APPEND, blob, 1)]
    [wanted] = offer.images
    facts += [(Part.OFFER, dataclasses.replace(offer, images=(each,)), 0) for each in variants(wanted)]
    assert len({statement(*each) for each in facts}) == len(facts)


def variants(wanted: OfferedImage) -> list[OfferedImage]:
    position = dataclasses.replace(wanted.position, sequence=wanted.position.sequence + 1)
    return [
        dataclasses.replace(wanted, delivery="another"),
        dataclasses.replace(wanted, repository=RepositoryName("team/web")),
        dataclasses.replace(wanted, digest=MOVED.digest),
        dataclasses.replace(wanted, tag=None),
        dataclasses.replace(wanted, position=position),
    ]


async def test_no_secret_of_a_session_is_in_what_a_log_would_show(harbor: Harbor) -> None:
    session = await harbor.signer_for(HOME, FAR).current()
    authorization = session.authorize(b"")
    for shown in (repr(session), repr(authorization), str(session), str(authorization)):
        assert authorization.token not in shown
        assert "Private" not in shown


async def test_an_offer_for_another_source_than_the_sessions_is_refused(harbor: Harbor) -> None:
    offer = dataclasses.replace(await harbor.offer(), source=PARTNER)
    with pytest.raises(AccessDenied):
        await harbor.ask(offer)


async def test_an_expired_session_is_not_heard(harbor: Harbor) -> None:
    offer = await harbor.offer()
    session = await harbor.signer_for(HOME, FAR).current()
    harbor.world.clock.advance(timedelta(minutes=15))
    harbor.signer = Kept(session)
    await is_refused(harbor, offer, SessionExpired)


# --- what it takes ----------------------------------------------------------------------------------------


async def test_an_offer_names_everything_that_is_missing(harbor: Harbor) -> None:
    offer = await harbor.offer()
    answers = await harbor.ask(offer)
    blobs = frozenset(Digest.of(content) for content in IMAGE.blobs)
    assert list(answers.values()) == [Missing(frozenset({IMAGE.digest}), blobs)]


async def test_a_commit_without_its_bytes_changes_nothing_and_may_come_again(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.ask(offer)
    assert isinstance(await harbor.commit(offer), Behind)
    assert await harbor.world.repository(FAR) is None
    await harbor.bring_all(offer)
    assert await harbor.commit(offer) == Done(TagOutcome.MOVED)


async def test_a_manifest_that_is_not_what_its_digest_says_is_refused(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.ask(offer)
    await harbor.bring_all(offer)
    answer = await harbor.commit(offer, MOVED.content)
    assert isinstance(answer, Refused)
    assert answer.code is FailureCode.INTERNAL_ERROR
    assert not await harbor.world.has(FAR, IMAGE)


async def test_a_commit_that_comes_twice_gets_the_same_answer_and_moves_no_tag_back(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.ask(offer)
    await harbor.bring_all(offer)
    first = await harbor.commit(offer)
    await harbor.world.push(MOVED, "1", to=FAR)
    assert await harbor.commit(offer) == first
    assert await harbor.world.tag(FAR, "1") == MOVED.digest
    assert await harbor.ask(offer) == {offer.images[0].delivery: first}


async def test_a_landed_delivery_is_done_whatever_has_been_forbidden_since(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.ask(offer)
    await harbor.bring_all(offer)
    await harbor.commit(offer)
    harbor.world.gate.denied.add(("ecr:ReplicateImage", FAR))
    assert await harbor.commit(offer) == Done(TagOutcome.MOVED)


async def test_a_blob_that_the_offer_holds_is_not_moved_again(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.ask(offer)
    await harbor.bring_all(offer)
    files = len(harbor.world.blob_files(VIRGINIA))
    await harbor.bring_all(offer)
    assert len(harbor.world.blob_files(VIRGINIA)) == files


async def test_bytes_of_another_digest_are_not_kept(near: Harbor) -> None:
    offer = await near.offer()
    await near.ask(offer)
    for path in near.world.blob_files(IRELAND):
        path.write_bytes(path.read_bytes().swapcase() + b"!")
    for blob in blobs_of(offer):
        with pytest.raises(DigestMismatch):
            await near.adopt(blob)
    assert near.world.blob_files(VIRGINIA) == []


async def test_a_blob_that_the_source_registry_does_not_hold_is_not_adopted(near: Harbor) -> None:
    """Another registry of the source's Region holds it: a session of one registry must not reach its bytes."""
    offer = await near.offer()
    await near.ask(offer)
    theirs = image(b"of another account")
    await near.world.push(theirs, "1", PARTNER)
    digest = Digest.of(theirs.blobs[1])
    with pytest.raises(LayerNotFound):
        await near.adopt(dataclasses.replace(blobs_of(offer)[0], digest=digest))
    assert near.world.blob_files(VIRGINIA) == []


async def test_bytes_for_an_offer_that_expired_are_not_kept(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.ask(offer)
    harbor.world.clock.advance(HOLD)
    now = harbor.world.clock.now()
    await harbor.world.catalog.region(VIRGINIA).write(lambda db: arrivals.expire_offers(db, now, 100))
    with pytest.raises(OfferExpired):
        await harbor.bring_all(offer)
    assert harbor.world.blob_files(VIRGINIA) == []


async def test_bytes_for_the_offer_of_another_source_are_not_kept(harbor: Harbor) -> None:
    offer = await harbor.offer()
    await harbor.ask(offer)
    theirs = dataclasses.replace(offer, source=FARTHER)
    await harbor.world.push(IMAGE, "1", FARTHER)
    harbor.signer = harbor.signer_for(FARTHER, FAR)
    with pytest.raises(OfferExpired):
        await harbor.bring_all(theirs)
    for blob in blobs_of(theirs):
        with pytest.raises(OfferExpired):
            await harbor.append(blob, 0, b"{}")
    assert harbor.world.blob_files(VIRGINIA) == []


async def test_a_region_that_is_not_served_has_no_destination(near: Harbor) -> None:
    near.world.regions.remove(VIRGINIA)
    assert near.world.destinations.find(FAR) is None


# --- a reset meanwhile ------------------------------------------------------------------------------------


class ResetMeanwhile(AskedOneByOne):
    """A gate that admits, and then another process empties everything."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        await self._world.gate.authorize(caller, action, resource, context)
        self._world.clock.advance(timedelta(seconds=1))
        await clearing.clear(self._world.catalog)


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


async def test_an_image_that_cannot_land_keeps_no_other_of_its_offer_from_landing(harbor: Harbor) -> None:
    whole, broken = await harbor.offer("1"), await harbor.offer("2", image(b"a layer that does not come"))
    await harbor.ask(whole)
    await harbor.bring_all(whole)
    [first], [second] = whole.images, broken.images
    images = (complete(first, IMAGE), complete(second, image(b"a layer that does not come")))
    answers = await harbor.commit_all(dataclasses.replace(whole, images=images))
    assert answers[first.delivery] == Done(TagOutcome.MOVED)
    assert isinstance(answers[second.delivery], Behind)
    assert await harbor.world.tag(FAR, "1") == IMAGE.digest
    assert await harbor.world.tag(FAR, "2") is None


def complete(wanted: OfferedImage, what: Image) -> OfferedImage:
    return dataclasses.replace(wanted, contents={wanted.digest: what.content})
