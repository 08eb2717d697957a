"""One image on its way from home to a far registry, spoken about part by part."""

from collections.abc import AsyncIterator
from dataclasses import replace

from tests.replication.world import FAR, HOME, IRELAND, NAME, ROLE_ID, Image, World, image
from twinport.catalog.regional import departures
from twinport.model.identities import REPLICATION_SERVICE, Caller, Origin
from twinport.model.names import Registry
from twinport.replication.destination import Destination, Held, Offer, OfferedBlob, blob_of
from twinport.replication.transfer import offered

IMAGE = image(b"layer one")


class Harbor:
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

    async def adopt_all(self, offer: Offer) -> None:
        for blob in blobs_of(offer):
            assert await self.destination.adopt(self.session, blob) == Held(blob.size)

    async def append(self, blob: OfferedBlob, offset: int, *pieces: bytes) -> object:
        return await self.destination.append(self.session, blob, offset, stream(*pieces))

    async def commit(self, offer: Offer, content: bytes = IMAGE.content) -> object:
        [wanted] = offer.images
        complete = replace(wanted, contents={wanted.digest: content})
        return (await self.destination.commit(self.session, replace(offer, images=(complete,))))[wanted.delivery]


def blobs_of(offer: Offer) -> list[OfferedBlob]:
    [wanted] = offer.images
    return [blob_of(offer, wanted, blob) for blob in wanted.blobs]


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
