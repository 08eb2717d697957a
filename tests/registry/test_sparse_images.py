"""Sparse images: stored before all that they refer to where the operator lets them, and copied only when whole."""

import pytest

from tests.fakes import OTHER_REGION, REGISTRY, AllowAll, caller
from tests.shelf import API, Shelf, image_of, index_of
from twinport.catalog.ports import WholeCatalog
from twinport.landing.pushes import Push, Unchanged
from twinport.landing.terms import Parts
from twinport.model.images import ImageId
from twinport.model.names import Registry, TagName
from twinport.refusals.images import DescriptorSizeWrong, ImageNotFound, LayersMissing
from twinport.registry.images import Images

CONFIG, LAYER = b"config", b"a layer that comes later"
IMAGE = image_of(CONFIG, LAYER)
THERE = Registry(REGISTRY.account, OTHER_REGION)


@pytest.fixture
async def shelf(catalog: WholeCatalog) -> Shelf:
    """A replicated repository that holds a config and no layer."""
    shelf = Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG)
    await shelf.replicate_to(THERE)
    return shelf


def verbs(shelf: Shelf) -> Images:
    return Images(AllowAll(), shelf.catalog, lambda: None)


async def put(shelf: Shelf, content: bytes, tag: str, parts: Parts = Parts.SPARSE) -> None:
    push = Push(content, None, (TagName(tag),), None, Unchanged.ACCEPT, parts)
    await verbs(shelf).put(caller(), REGISTRY.repository(API), push)


async def owed(shelf: Shelf) -> list[str | None]:
    return [each.tag for each in await shelf.owed()]


async def test_a_sparse_image_can_be_pulled_and_owes_no_copy(shelf: Shelf) -> None:
    await put(shelf, IMAGE, "v1")
    assert (await verbs(shelf).get(caller(), REGISTRY.repository(API), ImageId(None, "v1"))).content == IMAGE
    assert await owed(shelf) == []


async def test_where_it_is_not_allowed_it_is_refused(shelf: Shelf) -> None:
    with pytest.raises(LayersMissing):
        await put(shelf, IMAGE, "v1", Parts.REQUIRED)
    with pytest.raises(ImageNotFound):
        await verbs(shelf).get(caller(), REGISTRY.repository(API), ImageId(None, "v1"))


async def test_the_same_push_owes_the_copy_once_the_layer_is_there(shelf: Shelf) -> None:
    await put(shelf, IMAGE, "v1")
    await put(shelf, IMAGE, "v1")
    assert await owed(shelf) == []
    await shelf.hold(LAYER)
    await put(shelf, IMAGE, "v1")
    assert await owed(shelf) == ["v1"]
    await put(shelf, IMAGE, "v1")
    assert await owed(shelf) == ["v1"]


async def test_every_tag_of_an_image_that_is_whole_at_last_is_owed(shelf: Shelf) -> None:
    for tag in ("v1", "v2"):
        await put(shelf, IMAGE, tag)
    await shelf.hold(LAYER)
    await put(shelf, IMAGE, "v3")
    assert await owed(shelf) == ["v1", "v2", "v3"]


async def test_a_whole_image_owes_its_copies_where_sparse_ones_are_allowed(shelf: Shelf) -> None:
    await shelf.hold(LAYER)
    await put(shelf, IMAGE, "v1")
    assert await owed(shelf) == ["v1"]


@pytest.mark.parametrize("there", [(), ("child",)], ids=["no child", "a sparse child"])
async def test_an_index_is_as_sparse_as_its_children(shelf: Shelf, there: tuple[str, ...]) -> None:
    for tag in there:
        await put(shelf, IMAGE, tag)
    await put(shelf, index_of(IMAGE), "multi")
    assert await owed(shelf) == []
    await shelf.hold(LAYER)
    await put(shelf, IMAGE, "child")
    await put(shelf, index_of(IMAGE), "multi")
    assert await owed(shelf) == ["child", "multi"]


async def test_what_is_there_must_have_the_size_that_is_given(shelf: Shelf) -> None:
    wrong = IMAGE.replace(f'"size": {len(CONFIG)}'.encode(), b'"size": 4')
    assert wrong != IMAGE
    with pytest.raises(DescriptorSizeWrong):
        await put(shelf, wrong, "v1")


async def test_a_layer_that_came_later_belongs_to_the_image(shelf: Shelf) -> None:
    """What an image refers to keeps a layer from being swept; a sparse one refers to what is not there yet."""
    await put(shelf, IMAGE, "v1")
    assert (await shelf.count())["manifest_blob"] == 2
    await shelf.hold(LAYER)
    await put(shelf, IMAGE, "v1")
    assert (await shelf.count())["manifest_blob"] == 2
