"""The verb of lists of images: pages by tokens that fit one list alone."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalog.test_image_lists import digest, put
from tests.catalogs import ENGINES, emptied
from tests.fakes import REGION, AllowAll, caller
from tests.shelf import Shelf
from twinport.catalog.regional import repositories
from twinport.clock import ManualClock
from twinport.model.image_queries import ImageOrder, ImageQuery
from twinport.model.names import RepositoryName
from twinport.refusals.images import RepositoryNotFound
from twinport.refusals.requests import InvalidParameter
from twinport.registry import paging
from twinport.registry.image_lists import ImageLists, ListedImage
from twinport.registry.paging import PageRequest

COUNT = 25


@pytest.fixture(params=ENGINES)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    catalog = await emptied(request, tmp_path, ManualClock())
    shelf = Shelf(catalog)
    await shelf.make_repository()
    region = catalog.region(REGION)
    await region.write(lambda db: put(db, repositories.get(db, shelf.identity).id, 0, COUNT))
    yield shelf
    catalog.close()


@pytest.mark.parametrize("order", ImageOrder)
async def test_walking_the_pages_meets_every_image_of_an_order_once(shelf: Shelf, order: ImageOrder) -> None:
    lists, query = ImageLists(AllowAll(), shelf.catalog), ImageQuery(order)
    whole = await lists.page(caller(), shelf.identity, query, PageRequest(100))
    met: list[ListedImage] = []
    page = PageRequest(4)
    while True:
        found = await lists.page(caller(), shelf.identity, query, page)
        met += found.items
        if found.token is None:
            break
        page = PageRequest(4, found.token)
    assert met == list(whole.items)
    assert len({each.detail.digest for each in met}) == len(met) > 3


async def test_an_image_has_its_tags_and_its_status(shelf: Shelf) -> None:
    lists = ImageLists(AllowAll(), shelf.catalog)
    query = ImageQuery(ImageOrder.DIGEST, str(digest(7)))
    [found] = (await lists.page(caller(), shelf.identity, query, PageRequest())).items
    assert (found.detail.tags, found.detail.status.value) == (("v00007",), "ARCHIVED")


async def test_a_token_of_another_list_and_a_made_up_place_are_refused(shelf: Shelf) -> None:
    lists = ImageLists(AllowAll(), shelf.catalog)
    first = await lists.page(caller(), shelf.identity, ImageQuery(), PageRequest(4))
    for query, token in (
        (ImageQuery(ImageOrder.OLDEST), first.token),
        (ImageQuery(), made_up(shelf, ImageQuery(), str(2**63), "sha256:")),
        (ImageQuery(), made_up(shelf, ImageQuery(), "-1", "sha256:")),
        (ImageQuery(), made_up(shelf, ImageQuery(), "1", "é")),
        (ImageQuery(), urlsafe_b64encode(b"nonsense").decode()),
    ):
        with pytest.raises(InvalidParameter, match="nextToken"):
            await lists.page(caller(), shelf.identity, query, PageRequest(4, token))


async def test_a_repository_that_is_not_there_has_no_list(shelf: Shelf) -> None:
    lists = ImageLists(AllowAll(), shelf.catalog)
    with pytest.raises(RepositoryNotFound):
        await lists.page(caller(), shelf.registry.repository(RepositoryName("other")), ImageQuery(), PageRequest())


def made_up(shelf: Shelf, query: ImageQuery, *place: str) -> str:
    return paging.token(place, ("images in order", str(shelf.registry), shelf.name, *query.words))
