"""Another delivery at a position that was decided about brings back a tag that is gone, and moves none."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, emptied
from tests.replication.harbor import IMAGE, Harbor
from tests.replication.world import FAR, HOME, NAME, Image, World, image
from twinport.catalog.ports import Connection
from twinport.catalog.regional import images, repositories
from twinport.clock import ManualClock
from twinport.model.images import Mutability, TagRule
from twinport.model.replication import ReplicationRule, TagOutcome
from twinport.replication.destination import Done, Missing, Offer

MOVED = image(b"layer two")


@pytest.fixture(params=ENGINES)
async def harbor(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harbor]:
    clock = ManualClock()
    world = World(tmp_path, clock=clock, catalog=await emptied(request, tmp_path, clock))
    await world.configure(HOME, ReplicationRule((FAR,)))
    yield Harbor(world)
    world.close()


async def landed(harbor: Harbor) -> Offer:
    """Bring the image under its tag, and return the offer that it came with."""
    offer = await harbor.offer()
    assert await bring(harbor, offer) == Done(TagOutcome.MOVED)
    return offer


async def bring(harbor: Harbor, offer: Offer, what: Image = IMAGE) -> object:
    """Bring what is missing, as a courier does."""
    [answer] = (await harbor.ask(offer)).values()
    if isinstance(answer, Missing) and answer.blobs:
        await harbor.adopt_all(offer)
    return await harbor.commit(offer, what.content)


def once_more(offer: Offer) -> Offer:
    """The same image, tag and position under the id of another delivery."""
    [wanted] = offer.images
    return dataclasses.replace(offer, id="another", images=(dataclasses.replace(wanted, delivery="another"),))


async def untag(world: World) -> None:
    def remove(db: Connection) -> None:
        assert images.remove_tag(db, repositories.get(db, FAR.repository(NAME)).id, "1")

    await world.catalog.region(FAR.region).write(remove)


async def test_another_delivery_at_the_same_position_brings_back_a_deleted_tag(harbor: Harbor) -> None:
    offer = await landed(harbor)
    await untag(harbor.world)
    assert await bring(harbor, once_more(offer)) == Done(TagOutcome.MOVED)
    assert await harbor.world.tag(FAR, "1") == IMAGE.digest


async def test_another_delivery_at_the_same_position_brings_back_a_deleted_image(harbor: Harbor) -> None:
    offer = await landed(harbor)
    await harbor.world.delete(IMAGE, at=FAR)
    assert await bring(harbor, once_more(offer)) == Done(TagOutcome.MOVED)
    assert (await harbor.world.has(FAR, IMAGE), await harbor.world.tag(FAR, "1")) == (True, IMAGE.digest)


async def test_the_same_delivery_brings_back_nothing(harbor: Harbor) -> None:
    offer = await landed(harbor)
    await untag(harbor.world)
    assert await bring(harbor, offer) == Done(TagOutcome.MOVED)
    assert await harbor.world.tag(FAR, "1") is None


async def test_a_tag_that_names_another_image_since_is_not_moved_by_the_same_position(harbor: Harbor) -> None:
    offer = await landed(harbor)
    await harbor.world.push(MOVED, "1", to=FAR)
    assert await bring(harbor, once_more(offer)) == Done(TagOutcome.SUPERSEDED)
    assert await harbor.world.tag(FAR, "1") == MOVED.digest


async def test_a_tag_that_was_kept_comes_by_the_same_position_once_its_name_is_free(harbor: Harbor) -> None:
    await harbor.world.create(FAR, TagRule(Mutability.IMMUTABLE))
    await harbor.world.push(MOVED, "1", to=FAR)
    offer = await harbor.offer()
    assert await bring(harbor, offer) == Done(TagOutcome.KEPT)
    assert await bring(harbor, once_more(offer)) == Done(TagOutcome.KEPT)
    await untag(harbor.world)
    third = dataclasses.replace(once_more(offer).images[0], delivery="third")
    assert await bring(harbor, dataclasses.replace(offer, images=(third,))) == Done(TagOutcome.MOVED)
    assert await harbor.world.tag(FAR, "1") == IMAGE.digest


async def test_a_deleted_tag_does_not_come_back_by_an_older_position(harbor: Harbor) -> None:
    older = await landed(harbor)
    newer = await harbor.offer(what=MOVED)
    assert await bring(harbor, newer, MOVED) == Done(TagOutcome.MOVED)
    await untag(harbor.world)
    assert await bring(harbor, once_more(older)) == Done(TagOutcome.SUPERSEDED)
    assert await harbor.world.tag(FAR, "1") is None
