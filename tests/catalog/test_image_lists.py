"""Lists of images in several orders: each meets every image once, from an index, at the same cost however many."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, REGION
from tests.reading import plans, settle_statistics, work
from tests.shelf import Shelf
from twinport.catalog.regional import image_lists, repositories, schema, tag_statuses, untagged
from twinport.catalog.regional.image_lists import MOST_LOOKED_AT, Place
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.image_queries import ImageOrder, ImageQuery
from twinport.model.images import ImageStatus, TagStatus
from twinport.model.manifests import OCI_MANIFEST
from twinport.refusals.requests import InvalidParameter

SHORT, LONG = 300, 6_000
ARCHIVED, UNTAGGED = 7, 5
INDEXES = {
    ImageOrder.NEWEST: "manifest_by_time",
    ImageOrder.OLDEST: "manifest_by_time",
    ImageOrder.LARGEST: "manifest_by_size",
    ImageOrder.SMALLEST: "manifest_by_size",
    ImageOrder.TAG: "tag",
    ImageOrder.TAG_BACKWARDS: "tag",
    ImageOrder.DIGEST: "manifest",
    ImageOrder.ARCHIVED: "image_storage_by_archiving",
}


@pytest.fixture(params=ENGINES)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    catalog = await emptied(request, tmp_path, ManualClock())
    shelf = Shelf(catalog)
    await shelf.make_repository()
    yield shelf
    catalog.close()


def digest(number: int) -> Digest:
    return Digest.of(str(number).encode())


def put(db: Connection, repository_id: int, first: int, last: int) -> None:
    """Store images by their rows: each seventh lies in the archive, and each fifth has no tag."""
    own, numbers = {"repository_id": repository_id}, range(first, last)
    content = {"media_type": OCI_MANIFEST, "content": b"{}", "sparse": False}
    db.execute(
        schema.manifest.insert(),
        [
            {
                **own,
                **content,
                "digest": str(digest(number)),
                "image_size": number * 37 % 1000,
                "pushed_at": NOW + timedelta(seconds=number // 2),
            }
            for number in numbers
        ],
    )
    mark = {**own, "epoch": 1, "sequence": 1, "updated_at": NOW}
    db.execute(
        schema.tag.insert(),
        [{**mark, "name": f"v{number:05}", "digest": str(digest(number))} for number in numbers if number % UNTAGGED],
    )
    kept = {**own, "status": ImageStatus.ARCHIVED.value}
    db.execute(
        schema.image_storage.insert(),
        [
            {**kept, "digest": str(digest(number)), "archived_at": NOW - timedelta(seconds=number)}
            for number in numbers
            if number % ARCHIVED == 0
        ],
    )
    settle_statistics(db)
    untagged.review(db, repository_id, [str(digest(number)) for number in numbers if number % UNTAGGED == 0])
    tag_statuses.review(db, repository_id, [str(digest(number)) for number in numbers if number % ARCHIVED == 0])


def walk(db: Connection, repository_id: int, query: ImageQuery, limit: int) -> list[Digest]:
    met: list[Digest] = []
    place: Place | None = None
    while True:
        looked = image_lists.find(db, repository_id, query, place, limit)
        assert len(looked.found) <= limit
        met += [each.digest for each in looked.found]
        if looked.rest is None:
            return met
        place = looked.rest


async def walked(shelf: Shelf, query: ImageQuery, count: int = 60, limit: int = 7) -> list[Digest]:
    def fill_and_walk(db: Connection) -> list[Digest]:
        repository = repositories.get(db, shelf.identity)
        put(db, repository.id, 0, count)
        return walk(db, repository.id, query, limit)

    return await shelf.catalog.region(REGION).write(fill_and_walk)


def size(number: int) -> tuple[int, str]:
    return number * 37 % 1000, str(digest(number))


def pushed(number: int) -> tuple[int, str]:
    return number // 2, str(digest(number))


async def test_the_newest_come_first_and_each_once(shelf: Shelf) -> None:
    met = await walked(shelf, ImageQuery())
    assert met == [digest(number) for number in sorted(range(60), key=pushed, reverse=True)]


async def test_the_oldest_come_first_where_asked_so(shelf: Shelf) -> None:
    met = await walked(shelf, ImageQuery(ImageOrder.OLDEST))
    assert met == [digest(number) for number in sorted(range(60), key=pushed)]


async def test_the_largest_come_first_where_asked_so(shelf: Shelf) -> None:
    met = await walked(shelf, ImageQuery(ImageOrder.LARGEST))
    assert met == [digest(number) for number in sorted(range(60), key=size, reverse=True)]


async def test_tags_come_in_their_order_and_images_without_tags_not_at_all(shelf: Shelf) -> None:
    met = await walked(shelf, ImageQuery(ImageOrder.TAG))
    assert met == [digest(number) for number in range(60) if number % UNTAGGED]


async def test_the_last_archived_come_first_and_active_ones_not_at_all(shelf: Shelf) -> None:
    met = await walked(shelf, ImageQuery.parse(None, "", ImageStatus.ARCHIVED, TagStatus.ANY))
    assert met == [digest(number) for number in range(0, 60, ARCHIVED)]


async def test_a_search_finds_the_tags_that_begin_so(shelf: Shelf) -> None:
    met = await walked(shelf, ImageQuery.parse(None, "v0001", None, TagStatus.ANY))
    assert met == [digest(number) for number in range(10, 20) if number % UNTAGGED]


async def test_a_search_finds_the_digests_that_begin_so(shelf: Shelf) -> None:
    met = await walked(shelf, ImageQuery.parse(ImageOrder.LARGEST, str(digest(33))[:12], None, TagStatus.ANY))
    assert met == [digest(33)]


async def test_filters_hold_together(shelf: Shelf) -> None:
    met = await walked(shelf, ImageQuery(ImageOrder.OLDEST, "", ImageStatus.ARCHIVED, TagStatus.UNTAGGED))
    assert met == [digest(0), digest(35)]


async def test_a_filtered_page_looks_at_so_many_images_and_goes_on_behind_them(shelf: Shelf) -> None:
    def look(db: Connection) -> tuple[int, Place | None, int]:
        repository = repositories.get(db, shelf.identity)
        put(db, repository.id, 1, MOST_LOOKED_AT + 100)
        # No image of these is in the state, until the last page.
        restoring = schema.image_storage.update().where(schema.image_storage.c.digest == str(digest(7)))
        db.execute(restoring.values(status=ImageStatus.ACTIVATING.value))
        query = ImageQuery(status=ImageStatus.ACTIVATING)
        first = image_lists.find(db, repository.id, query, None, 20)
        second = image_lists.find(db, repository.id, query, first.rest, 20)
        assert second.rest is None
        return len(first.found), first.rest, len(second.found)

    found, rest, later = await shelf.catalog.region(REGION).write(look)
    assert (found, rest is None, later) == (0, False, 1)


async def test_what_a_page_costs_does_not_grow_with_the_repository(shelf: Shelf) -> None:
    repository = await shelf.catalog.region(REGION).read(lambda db: repositories.get(db, shelf.identity))

    def measure(db: Connection) -> dict[ImageOrder, int]:
        settle_statistics(db)
        return {order: work(db, lambda db, order=order: find(db, repository.id, order)) for order in ImageOrder}  # type: ignore[misc]

    region = shelf.catalog.region(REGION)
    await region.write(lambda db: put(db, repository.id, 0, SHORT))
    short = await region.write(measure)
    await region.write(lambda db: put(db, repository.id, SHORT, LONG))
    long = await region.write(measure)
    assert [order for order in ImageOrder if long[order] > short[order] * 1.2] == []


async def test_every_order_is_read_from_its_index(shelf: Shelf) -> None:
    def explain(db: Connection) -> dict[ImageOrder, str]:
        repository = repositories.get(db, shelf.identity)
        put(db, repository.id, 0, LONG)
        settle_statistics(db)
        return {order: plans(db, lambda db, order=order: find(db, repository.id, order)) for order in ImageOrder}  # type: ignore[misc]

    found = await shelf.catalog.region(REGION).write(explain)
    for order, plan in found.items():
        assert INDEXES[order] in plan, order
        assert "SCAN" not in plan, order
        assert "Seq Scan" not in plan, order
        assert "TEMP B-TREE" not in plan, order
        assert '"Sort"' not in plan, order


@pytest.mark.parametrize("text", ["-x", "a b", "sha256:xyz", "md5:aa", "é", "x" * 129])
def test_what_no_tag_or_digest_begins_with_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="beginning of a digest"):
        ImageQuery.parse(None, text, None, TagStatus.ANY)


def find(db: Connection, repository_id: int, order: ImageOrder) -> object:
    """Read a page in the middle of a list."""
    middle: dict[type, str | int] = {int: 500, str: "sha256:8" if "tag" not in order.value else "v00150"}
    if order in (ImageOrder.NEWEST, ImageOrder.OLDEST):
        middle[int] = int((NOW + timedelta(seconds=100)).timestamp() * 1_000_000)
    if order is ImageOrder.ARCHIVED:
        middle[int] = int((NOW - timedelta(seconds=50)).timestamp() * 1_000_000)
    place = tuple(middle[kind] for kind in image_lists.kinds(order))
    return image_lists.find(db, repository_id, ImageQuery(order), place, 20)
