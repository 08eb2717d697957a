"""One image on its way from home to a far registry, spoken about part by part."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Protocol

from tests.replication.remote_double import RemoteDestination
from tests.replication.world import FAR, HOME, IRELAND, NAME, ROLE_ID, Image, World, image
from twinport.access.lane_sessions import Authorization
from twinport.catalog.regional import departures
from twinport.model.content import Digest
from twinport.model.names import Registry
from twinport.model.replication import Lane
from twinport.replication.destination import (
    AdoptAnswer,
    Adopted,
    AppendAnswer,
    CommitAnswer,
    Destination,
    Held,
    NotShared,
    Offer,
    OfferAnswer,
    OfferedBlob,
    OfferedBlobs,
    Part,
    Signed,
    blob_of,
)
from twinport.replication.local_destination import LocalDestination, LocalDestinations
from twinport.replication.partials import Partials
from twinport.replication.signing import RoleSession
from twinport.replication.transfer import offered

IMAGE = image(b"layer one")


class Signer(Protocol):
    """Signs parts of the protocol, with whatever session."""

    async def sign(self, part: Part, what: Signed, offset: int = 0) -> Authorization: ...


class Harbor:
    """One image on its way from home to a far registry, spoken about part by part."""

    def __init__(self, world: World) -> None:
        self.world = world
        found = world.destinations.find(FAR)
        assert found is not None
        self.destination: Destination = found
        self.contents: dict[Digest, bytes] = {}
        self.signer: Signer = RoleSession(Lane(HOME, FAR), ROLE_ID, world.sessions, world.clock)

    @property
    def partials(self) -> Partials:
        """The partial blobs of the destination, wherever it is."""
        match self.destination:
            case RemoteDestination(far=far):
                destinations = far.destinations
                assert isinstance(destinations, LocalDestinations)
                return destinations.partials
            case LocalDestination(arriving=arriving):
                return arriving.partials
            case _:
                raise AssertionError(self.destination)

    def signer_for(self, source: Registry, destination: Registry) -> RoleSession:
        return RoleSession(Lane(source, destination), ROLE_ID, self.world.sessions, self.world.clock)

    async def offer(self, tag: str = "1", what: Image = IMAGE) -> Offer:
        """Push an image and describe the offer that its delivery makes."""
        await self.world.push(what, tag)
        self.contents |= {Digest.of(content): content for content in what.blobs}
        batch = await self.world.replication.office.claim("tests")
        assert batch is not None
        [delivery] = batch.deliveries
        region = self.world.catalog.region(IRELAND)
        cargo = await region.read(lambda db: departures.cargo(db, HOME.repository(NAME), what.digest))
        return Offer(f"offer of {delivery.id}", HOME, FAR, (offered(delivery, cargo),))

    async def adopt_all(self, offer: Offer) -> None:
        assert await self.adopt(*blobs_of(offer)) == Adopted()

    async def bring_all(self, offer: Offer) -> None:
        """Bring the blobs of an offer as a courier does."""
        for blob in blobs_of(offer):
            if isinstance(await self.adopt(blob), NotShared):
                assert await self.append(blob, 0, self.contents[blob.digest]) == Held(blob.size)

    async def ask(self, offer: Offer) -> Mapping[str, OfferAnswer]:
        return await self.destination.offer(await self.signer.sign(Part.OFFER, offer), offer)

    async def adopt(self, *each: OfferedBlob) -> AdoptAnswer:
        blobs = OfferedBlobs(each)
        return await self.destination.adopt(await self.signer.sign(Part.ADOPT, blobs), blobs)

    async def append(self, blob: OfferedBlob, offset: int, *pieces: bytes) -> AppendAnswer:
        return await self.send(blob, offset, stream(*pieces))

    async def send(self, blob: OfferedBlob, offset: int, pieces: AsyncIterator[bytes]) -> AppendAnswer:
        authorization = await self.signer.sign(Part.APPEND, blob, offset)
        return await self.destination.append(authorization, blob, offset, pieces)

    async def commit(self, offer: Offer, content: bytes = IMAGE.content) -> object:
        [wanted] = offer.images
        complete = replace(wanted, contents={wanted.digest: content})
        return (await self.commit_all(replace(offer, images=(complete,))))[wanted.delivery]

    async def commit_all(self, offer: Offer) -> Mapping[str, CommitAnswer]:
        return await self.destination.commit(await self.signer.sign(Part.COMMIT, offer), offer)


def blobs_of(offer: Offer) -> list[OfferedBlob]:
    [wanted] = offer.images
    return [blob_of(offer, wanted, blob) for blob in wanted.blobs]


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
