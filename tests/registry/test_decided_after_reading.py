"""Verbs that read what they serve together with the facts that decide: they tell nothing of it before the decision."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

import pytest

from tests.fakes import NOW, REGISTRY, AllowAll, AskedOneByOne, caller
from tests.shelf import API, Shelf, image_of
from twinport.access.gate import Decide, RepositoryResource
from twinport.catalog.ports import WholeCatalog
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageId
from twinport.model.names import RegionName, RepositoryName, TagName
from twinport.model.repository_facts import RepositoryFacts
from twinport.registry.images import Images
from twinport.registry.layers import Layers

CONFIG, LAYER = b"config", b"layer"
IMAGE = image_of(CONFIG, LAYER)
ABSENT = Digest.of(b"absent")


class DecidesLate(AskedOneByOne):
    """A gate that refuses, but not before it is given the facts."""

    def __init__(self) -> None:
        self.facts: list[RepositoryFacts] = []

    async def decision(self, caller: Caller, actions: tuple[str, ...], resource: RepositoryResource) -> Decide:
        async def refuse(facts: RepositoryFacts) -> NoReturn:
            self.facts.append(facts)
            raise AccessDenied(caller.arn, actions[0], resource.arn)

        return refuse


class Noted:
    """Remembers which pulls were noted."""

    def __init__(self) -> None:
        self.pulled: list[Digest] = []

    def note(self, *facts: object) -> None:
        self.pulled.extend(each for each in facts if isinstance(each, Digest))


@pytest.fixture
async def shelf(catalog: WholeCatalog) -> Shelf:
    shelf = Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG, LAYER)
    images = Images(AllowAll(), catalog, lambda: None)
    await images.put(caller(), REGISTRY.repository(API), Push(IMAGE, None, (TagName("v1"),), None, Unchanged.ACCEPT))
    return shelf


class NoStores:
    """Stores that nothing may be asked of."""

    def region(self, name: RegionName) -> NoReturn:
        raise AssertionError(f"the store of {name} was used before the decision")


PULLS: list[Callable[[Images, RepositoryName], Awaitable[object]]] = [
    lambda images, name: images.get(caller(), REGISTRY.repository(name), ImageId(None, "v1")),
    lambda images, name: images.get(caller(), REGISTRY.repository(name), ImageId(None, "absent")),
    lambda images, name: images.get(caller(), REGISTRY.repository(name), ImageId(Digest.of(IMAGE), None)),
    lambda images, name: images.look(caller(), REGISTRY.repository(name), ImageId(ABSENT, None)),
    lambda images, name: images.tags(caller(), REGISTRY.repository(name), "", 10),
]


@pytest.mark.parametrize("pull", PULLS)
@pytest.mark.parametrize("name", [API, RepositoryName("team/absent")])
async def test_a_refused_pull_says_the_same_of_whatever_is_there(
    shelf: Shelf, pull: Callable[[Images, RepositoryName], Awaitable[object]], name: RepositoryName
) -> None:
    gate, noted = DecidesLate(), Noted()
    with pytest.raises(AccessDenied):
        await pull(Images(gate, shelf.catalog, lambda: None, pulls=noted), name)
    assert len(gate.facts) == 1
    assert noted.pulled == []


@pytest.mark.parametrize("digest", [Digest.of(LAYER), ABSENT])
@pytest.mark.parametrize("name", [API, RepositoryName("team/absent")])
async def test_a_refused_download_says_the_same_of_whatever_is_there(
    shelf: Shelf, digest: Digest, name: RepositoryName
) -> None:
    gate = DecidesLate()
    layers = Layers(shelf.catalog, NoStores(), gate, ManualClock(NOW))
    with pytest.raises(AccessDenied):
        await layers.find(caller(), REGISTRY.repository(name), digest)
    with pytest.raises(AccessDenied):
        await layers.grant_download(caller(), REGISTRY.repository(name), digest)
    assert len(gate.facts) == 2
