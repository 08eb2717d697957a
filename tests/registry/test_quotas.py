"""ECR's quotas, where a deployment has them: what is one too many is refused and leaves nothing behind."""

import pytest

from tests.fakes import NOW, OTHER_ACCOUNT, REGION, REGISTRY, AllowAll, caller
from tests.shelf import API, Shelf, image_of
from twinport.catalog.ports import WholeCatalog
from twinport.clock import ManualClock
from twinport.landing.pushes import Push, Unchanged
from twinport.model.images import NewRepository
from twinport.model.names import Registry, RepositoryName, TagName
from twinport.refusals.images import TooManyImages, TooManyRepositories
from twinport.registry.images import Images
from twinport.registry.repositories import Repositories
from twinport.settings.deviations import Quotas

LIMIT = 2
CONFIG = b"config"
IMAGES = [image_of(CONFIG, annotations={"number": str(number)}) for number in range(LIMIT + 1)]


async def push(shelf: Shelf, content: bytes, tag: str) -> None:
    images = Images(AllowAll(), shelf.catalog, lambda: None, Quotas(images=LIMIT))
    await images.put(caller(), REGISTRY.repository(API), Push(content, None, (TagName(tag),), None, Unchanged.ACCEPT))


async def test_a_repository_is_full_at_its_quota_of_images(catalog: WholeCatalog) -> None:
    shelf = Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG)
    for content in IMAGES[:LIMIT]:
        await push(shelf, content, "latest")
    before = await shelf.count()
    with pytest.raises(TooManyImages, match="maximum allowed number of images which is '2'"):
        await push(shelf, IMAGES[LIMIT], "latest")
    assert await shelf.count() == before
    await push(shelf, IMAGES[0], "another-tag")


async def test_a_registry_is_full_at_its_quota_of_repositories(catalog: WholeCatalog) -> None:
    repositories = Repositories(AllowAll(), catalog, ManualClock(NOW), (REGION,), Quotas(repositories=LIMIT))
    for name in ("first", "second"):
        await repositories.create(caller(), REGISTRY.repository(RepositoryName(name)), NewRepository())
    before = await Shelf(catalog).count()
    with pytest.raises(TooManyRepositories, match="maximum allowed number of repositories which is '2'"):
        await repositories.create(caller(), REGISTRY.repository(RepositoryName("third")), NewRepository())
    assert await Shelf(catalog).count() == before
    elsewhere = Registry(OTHER_ACCOUNT, REGION)
    await repositories.create(caller(OTHER_ACCOUNT), elsewhere.repository(RepositoryName("third")), NewRepository())
