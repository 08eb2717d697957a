"""Images without tags, few among many: each page reads them from an index, and no image that has tags."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, REGION
from tests.reading import Query, plans, rebuild_indexes, settle_statistics, work
from tests.shelf import Shelf
from twinport.catalog.regional import image_lists, images, lifecycle_previews, repositories, schema, untagged
from twinport.catalog.regional.lifecycle_previews import Wanted
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.image_queries import ImageOrder, ImageQuery
from twinport.model.images import ImageFilter, ImageStatus, TagStatus
from twinport.model.lifecycle_policies import ActionType, StorageClass
from twinport.model.manifests import OCI_MANIFEST
from twinport.model.names import RepositoryName

SHORT, LONG = 300, 6_000
FEW, PAGE, BATCH = 12, 10, 100
ORDERS = (ImageOrder.NEWEST, ImageOrder.OLDEST, ImageOrder.LARGEST, ImageOrder.SMALLEST, ImageOrder.DIGEST)
INDEXES = {
    "described ANY": "untagged_image",
    "described ACTIVE": "untagged_image_by_status",
    "described ARCHIVED": "untagged_image_by_status",
    "listed ANY": "untagged_image",
    "listed ACTIVE": "untagged_image_by_status",
    "listed ARCHIVED": "untagged_image_by_status",
    "newest": "untagged_image_by_time",
    "oldest": "untagged_image_by_time",
    "largest": "untagged_image_by_size",
    "smallest": "untagged_image_by_size",
    "digest": "untagged_image",
    "preview UNTAGGED": "lifecycle_preview_result_untagged",
    "preview TAGGED": "lifecycle_preview_result_tagged",
}
# A walk of a table that grows with the repository, on either engine, or SQLite's sort. PostgreSQL may sort a few rows.
# `chosen` are the rows of the page, and a virtual table has the digests that a statement is given.
_READS_ALL = re.compile(
    r"SCAN (?!chosen|anon_\d+ VIRTUAL TABLE)|TEMP B-TREE|manifest_by_"
    r'|"Seq Scan"[^{}]*"Relation Name": "(manifest|tag|untagged_image)"'
)


@pytest.fixture(params=ENGINES)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    catalog = await emptied(request, tmp_path, ManualClock())
    shelf = Shelf(catalog)
    await shelf.make_repository()
    yield shelf
    catalog.close()


def digest(number: int) -> Digest:
    return Digest.of(str(number).encode())


def put(db: Connection, repository_id: int, first: int, last: int, few: int = FEW) -> None:
    """Store images by their rows. The first few have no tag, and of these every other one lies in the archive."""
    numbers, own = range(first, last), {"repository_id": repository_id}
    content = {"media_type": OCI_MANIFEST, "content": b"{}"}
    times = {number: NOW + timedelta(seconds=number) for number in numbers}
    db.execute(
        schema.manifest.insert(),
        [
            {**own, **content, "digest": str(digest(each)), "image_size": each, "pushed_at": times[each]}
            for each in numbers
        ],
    )
    mark = {**own, "epoch": 1, "sequence": 1, "updated_at": NOW}
    tags = [{**mark, "name": f"v{each}", "digest": str(digest(each))} for each in numbers if each >= few]
    if tags:
        db.execute(schema.tag.insert(), tags)
    archived = {**own, "status": ImageStatus.ARCHIVED.value, "archived_at": NOW}
    if stored := [{**archived, "digest": str(digest(each))} for each in numbers if each < few and each % 2]:
        db.execute(schema.image_storage.insert(), stored)
    settle_statistics(db)
    changed = [str(digest(each)) for each in numbers if each < few]
    # As many as a push or a deletion changes at once: PostgreSQL must answer in its time.
    for begin in range(0, len(changed), BATCH):
        untagged.review(db, repository_id, changed[begin : begin + BATCH])


def foresee(db: Connection, repository_id: int, first: int, last: int, *, few_untagged: bool) -> None:
    """Store results of a preview by their rows: the first few are without tags, or with tags, and the others not so."""
    facts = {"storage": StorageClass.STANDARD.value, "action": ActionType.EXPIRE.value, "priority": 1}
    own = {"repository_id": repository_id, "pushed_at": NOW, **facts}
    db.execute(
        schema.lifecycle_preview_result.insert(),
        [
            {
                **own,
                "number": each,
                "digest": str(digest(each)),
                "tags": "[]" if (each < FEW) is few_untagged else '["v"]',
            }
            for each in range(first, last)
        ],
    )


def pages(repository_id: int) -> dict[str, Query]:
    """Return the pages of images without tags, by their names."""
    found: dict[str, Query] = {}
    for status in (None, ImageStatus.ACTIVE, ImageStatus.ARCHIVED):
        name, wanted = status.value if status else "ANY", ImageFilter(TagStatus.UNTAGGED, status)
        found[f"described {name}"] = partial(described, repository_id=repository_id, wanted=wanted)
        found[f"listed {name}"] = partial(listed, repository_id=repository_id, wanted=wanted)
    for order in ORDERS:
        query = ImageQuery(order, tags=TagStatus.UNTAGGED)
        found[order.value] = partial(found_in_order, repository_id=repository_id, query=query)
    return found


def described(db: Connection, repository_id: int, wanted: ImageFilter) -> list[Digest]:
    return [each.digest for each in images.described(db, repository_id, wanted, "", PAGE)[0]]


def listed(db: Connection, repository_id: int, wanted: ImageFilter) -> list[Digest | None]:
    return [each.digest for each in images.listed(db, repository_id, wanted, ("", ""), PAGE)]


def found_in_order(db: Connection, repository_id: int, query: ImageQuery) -> list[Digest]:
    return [each.digest for each in image_lists.find(db, repository_id, query, None, PAGE).found]


def previewed(db: Connection, repository_id: int, tags: TagStatus) -> list[int]:
    return [each.number for each in lifecycle_previews.results(db, repository_id, Wanted(tags), -1, PAGE)]


async def own_id(shelf: Shelf) -> int:
    return (await shelf.catalog.region(REGION).read(lambda db: repositories.get(db, shelf.identity))).id


async def test_every_page_has_the_images_without_tags_in_its_order(shelf: Shelf) -> None:
    repository_id = await own_id(shelf)

    def read(db: Connection) -> Mapping[str, object]:
        put(db, repository_id, 0, SHORT)
        return {name: page(db) for name, page in pages(repository_id).items()}

    met = await shelf.catalog.region(REGION).write(read)
    few = sorted((digest(each) for each in range(FEW)), key=str)
    active, archived = ([each for each in few if each in map(digest, range(odd, FEW, 2))] for odd in (0, 1))
    by_number = [digest(each) for each in range(FEW)]
    assert met == {
        "described ANY": few[:PAGE],
        "described ACTIVE": active,
        "described ARCHIVED": archived,
        "listed ANY": few[:PAGE],
        "listed ACTIVE": active,
        "listed ARCHIVED": archived,
        "newest": by_number[::-1][:PAGE],
        "oldest": by_number[:PAGE],
        "largest": by_number[::-1][:PAGE],
        "smallest": by_number[:PAGE],
        "digest": few[:PAGE],
    }


async def test_a_page_of_the_few_images_without_tags_does_not_read_the_others(shelf: Shelf) -> None:
    repository_id = await own_id(shelf)

    def measure(db: Connection) -> dict[str, int]:
        settle_statistics(db)
        return {name: work(db, page) for name, page in pages(repository_id).items()}

    region = shelf.catalog.region(REGION)
    await region.write(lambda db: put(db, repository_id, 0, SHORT))
    short = await region.write(measure)
    await region.write(lambda db: put(db, repository_id, SHORT, LONG))
    long = await region.write(measure)
    assert [name for name in short if long[name] > short[name] * 1.2] == []


@pytest.mark.large
async def test_a_page_of_the_few_active_ones_does_not_read_the_archive(shelf: Shelf) -> None:
    """A lifecycle policy that archives images without tags leaves a repository like this."""
    repository_id = await own_id(shelf)
    wanted = ImageFilter(TagStatus.UNTAGGED, ImageStatus.ACTIVE)

    def archive(db: Connection, first: int, last: int) -> int:
        put(db, repository_id, first, last)
        digests = [str(digest(each)) for each in range(max(first, FEW), last)]
        db.execute(schema.tag.delete())
        row = {"repository_id": repository_id, "status": ImageStatus.ARCHIVED.value, "archived_at": NOW}
        db.execute(schema.image_storage.insert(), [{**row, "digest": each} for each in digests])
        settle_statistics(db)
        untagged.review(db, repository_id, digests)
        assert len(described(db, repository_id, wanted)) == FEW // 2
        reads = (partial(read, repository_id=repository_id, wanted=wanted) for read in (described, listed))
        return sum(work(db, read) for read in reads)

    region = shelf.catalog.region(REGION)
    short = await region.write(lambda db: archive(db, 0, SHORT))
    assert await region.write(lambda db: archive(db, SHORT, LONG)) <= short * 1.2


async def test_every_page_is_read_from_its_index(shelf: Shelf) -> None:
    repository_id = await own_id(shelf)
    other = await replace(shelf, name=RepositoryName("other")).make_repository()

    def explain(db: Connection) -> dict[str, str]:
        rebuild_indexes(db, schema.manifest, schema.tag, schema.untagged_image)
        put(db, repository_id, 0, LONG)
        put(db, other.id, 0, 1000, few=1000)
        settle_statistics(db)
        return {name: plans(db, page) for name, page in pages(repository_id).items()}

    require_indexes(await shelf.catalog.region(REGION).write(explain))


@pytest.mark.parametrize("tags", [TagStatus.UNTAGGED, TagStatus.TAGGED])
async def test_few_results_of_a_preview_with_tags_or_without_are_read_from_an_index(
    shelf: Shelf, tags: TagStatus
) -> None:
    repository_id = await own_id(shelf)
    page = partial(previewed, repository_id=repository_id, tags=tags)

    def measure(db: Connection, first: int, last: int) -> tuple[int, str]:
        foresee(db, repository_id, first, last, few_untagged=tags is TagStatus.UNTAGGED)
        settle_statistics(db)
        assert page(db) == list(range(PAGE))
        return work(db, page), plans(db, page)

    region = shelf.catalog.region(REGION)
    short, _ = await region.write(lambda db: measure(db, 0, SHORT))
    long, plan = await region.write(lambda db: measure(db, SHORT, LONG))
    assert long <= short * 1.2
    require_indexes({f"preview {tags.value}": plan})


async def test_the_self_check_counts_rows_that_lack_or_should_not_be_there_or_differ(shelf: Shelf) -> None:
    repository_id = await own_id(shelf)

    def spoil(db: Connection) -> list[int]:
        rows = schema.untagged_image
        put(db, repository_id, 0, SHORT)
        counts = [untagged.wrong(db)]
        db.execute(rows.delete().where(rows.c.digest == str(digest(0))))
        counts.append(untagged.wrong(db))
        db.execute(rows.update().where(rows.c.digest == str(digest(1))).values(status=ImageStatus.ACTIVE.value))
        counts.append(untagged.wrong(db))
        tag = {"repository_id": repository_id, "name": "new", "digest": str(digest(2)), "updated_at": NOW}
        db.execute(schema.tag.insert().values(**tag, epoch=1, sequence=1))
        return [*counts, untagged.wrong(db)]

    assert await shelf.catalog.region(REGION).write(spoil) == [0, 1, 2, 3]


def require_indexes(found: Mapping[str, str]) -> None:
    for name, plan in found.items():
        assert INDEXES[name] in plan, name
        assert not _READS_ALL.search(plan), (name, plan)
