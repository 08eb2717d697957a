"""How many statements a push and a copy send within their transaction: counted, since times depend on the machine."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.catalogs import ENGINES, opened
from tests.fakes import NOW, REGION, REGISTRY
from tests.landing.given import CONFIG, SOURCE, copy_of, image, offer, push_of
from tests.shelf import API, Shelf
from tests.statements import Sent, sent_by_new_connections
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional.images import NewImage
from twinport.clock import ManualClock
from twinport.landing import copies, pushes

# Each is measured thrice, and the least counts: the process may send statements of its own meanwhile.
LAYERS = (b"layer 1", b"layer 2", b"layer 3")


@pytest.fixture
def sent() -> Iterator[Sent]:
    with sent_by_new_connections() as sent:
        yield sent


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path, sent: Sent) -> AsyncIterator[WholeCatalog]:
    del sent  # notes what the connections of this catalog send
    catalog = opened(request, tmp_path, ManualClock(NOW))
    await Shelf(catalog).make_repository()
    yield catalog
    catalog.close()


async def push(catalog: WholeCatalog, sent: Sent, layer: bytes, tag: str) -> int:
    """Push an image, and count what the transaction sent between its beginning and its end."""
    new = image(layer)
    wanted = push_of(new, tag)

    def store(db: Connection) -> int:
        sent.taken()
        pushes.store(db, REGISTRY.repository(API), wanted, new, NOW)
        return len(sent.taken())

    return await catalog.region(REGION).write(store)


async def copy(catalog: WholeCatalog, sent: Sent, layer: bytes, tag: str, *manifests: NewImage) -> int:
    wanted = copy_of(layer, tag, *manifests)

    def land(db: Connection) -> int:
        sent.taken()
        copies.land(db, [wanted], NOW)
        return len(sent.taken())

    return await catalog.region(REGION).write(land)


async def test_a_push_of_an_image_with_two_blobs_that_is_owed_to_a_destination(
    catalog: WholeCatalog, sent: Sent
) -> None:
    await Shelf(catalog).hold(CONFIG, *LAYERS)
    await Shelf(catalog).replicate_to(SOURCE)
    numbered = list(enumerate(LAYERS))
    new = [await push(catalog, sent, layer, f"new-{number}") for number, layer in numbered]
    unchanged = [await push(catalog, sent, layer, f"new-{number}") for number, layer in numbered]
    there = [await push(catalog, sent, layer, f"again-{number}") for number, layer in numbered]
    assert (min(new) <= 9, min(unchanged) <= 3, min(there) <= 16) == (True, True, True), (new, unchanged, there)


async def test_a_copy_of_an_image_with_two_blobs_that_its_offer_holds(catalog: WholeCatalog, sent: Sent) -> None:
    await catalog.region(REGION).write(lambda db: offer(db, LAYERS))
    numbered = list(enumerate(LAYERS))
    new = [await copy(catalog, sent, layer, f"new-{number}", image(layer)) for number, layer in numbered]
    there = [await copy(catalog, sent, layer, f"again-{number}") for number, layer in numbered]
    assert (min(new) <= 30, min(there) <= 17) == (True, True), (new, there)
