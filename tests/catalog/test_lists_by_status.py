"""Few images that a filter is about among many others: each page reads them from an index, and none of the others."""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, Table, select

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, REGION, REGISTRY
from tests.reading import Query, noted, plans, settle_statistics, work
from tests.shelf import API, Shelf
from twinport.catalog import tag_lists
from twinport.catalog.regional import entries, images, repositories, schema, tag_statuses, untagged
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import ImageFilter, ImageStatus, TagStatus
from twinport.model.manifests import OCI_MANIFEST
from twinport.model.names import RepositoryName

SHORT, MIDDLE, LONG = 300, 900, 4_000
# How many images one transaction stores.
AT_ONCE = 1_000
FEW, PAGE = 12, 10
FILTERS = [ImageFilter(tags, status) for tags in TagStatus for status in (None, *ImageStatus)]
# Those of images whose restore has begun are read like those of archived ones.
READ = [wanted for wanted in FILTERS if wanted.status is not ImageStatus.ACTIVATING]
NARROW = [wanted for wanted in READ if wanted != ImageFilter(status=None)]
# A status, and how many tags.
Kind = tuple[ImageStatus, int]
KINDS: Sequence[Kind] = [(status, tags) for status in ImageStatus for tags in (0, 1)]
NAMES = {wanted: f"{wanted.status.value if wanted.status else 'ANY'} {wanted.tags.value}" for wanted in FILTERS}
# A walk of a table that grows with the repository, on either engine.
_READS_ALL = re.compile(
    r"SCAN (tag|manifest|untagged|image_storage)|TEMP B-TREE"
    r'|"Seq Scan"[^{}]*"Relation Name": "(tag|manifest|untagged_image|image_storage)"'
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


def is_about(wanted: ImageFilter, kind: Kind) -> bool:
    status, tags = kind
    by_tags = {TagStatus.ANY: True, TagStatus.TAGGED: tags > 0, TagStatus.UNTAGGED: tags == 0}
    return wanted.status in (None, status) and by_tags[wanted.tags]


def among_others(wanted: ImageFilter) -> Callable[[int], Kind]:
    """Return the kind of each image: a filter is about the first few, and the others are of all other kinds."""
    own = [kind for kind in KINDS if is_about(wanted, kind)]
    others = [kind for kind in KINDS if not is_about(wanted, kind)]
    return lambda number: own[number % len(own)] if number < FEW else others[number % len(others)]


def put(db: Connection, repository_id: int, numbers: Sequence[int], kind_of: Callable[[int], Kind]) -> None:
    """Store images by their rows, with those that lists are read from."""
    own, names = {"repository_id": repository_id}, {number: str(digest(number)) for number in numbers}
    kinds = {number: kind_of(number) for number in numbers}
    facts = {"image_size": 1, "pushed_at": NOW}
    mark = {**own, "epoch": 1, "sequence": 1, "updated_at": NOW}
    rows: dict[Table, list[dict[str, object]]] = {
        schema.manifest: [
            {**own, **facts, "media_type": OCI_MANIFEST, "content": b"{}", "digest": each} for each in names.values()
        ],
        schema.tag: [
            {**mark, "name": f"v{number}-{each}", "digest": names[number], "status": status.value}
            for number, (status, tags) in kinds.items()
            for each in range(tags)
        ],
        # Of the active images every other one was in the archive before.
        schema.image_storage: [
            {**own, "digest": names[number], "status": status.value}
            for number, (status, _) in kinds.items()
            if status is not ImageStatus.ACTIVE or number % 2
        ],
        schema.untagged_image: [
            {**own, **facts, "digest": names[number], "status": status.value}
            for number, (status, tags) in kinds.items()
            if tags == 0
        ],
    }
    for table, each in rows.items():
        if each:
            db.execute(table.insert(), each)
    assert untagged.wrong(db) + tag_statuses.wrong(db) == 0


def page_of(db: Connection, repository_id: int, wanted: ImageFilter) -> Sequence[Digest]:
    return [each.digest for each in images.described(db, repository_id, wanted, "", PAGE)[0]]


def pages(repository_id: int, wanted: ImageFilter) -> dict[str, Query]:
    found: dict[str, Query] = {
        "described": lambda db: page_of(db, repository_id, wanted),
        "listed": lambda db: images.listed(db, repository_id, wanted, ("", ""), PAGE),
    }
    if wanted == ImageFilter(TagStatus.TAGGED):
        found["tags"] = lambda db: tag_lists.page(db, REGISTRY.repository(API), "", PAGE)
    return found


def indexes(wanted: ImageFilter) -> str:
    """Return which indexes a page is read from. PostgreSQL sorts tags itself if it expects few."""
    with_tags = "tag_by_status(_and_name)?" if wanted.status else "tag_by_digest|tag_pkey"
    without = "untagged_image_by_status" if wanted.status else "untagged_image(_pkey)?"
    both = {TagStatus.TAGGED: with_tags, TagStatus.UNTAGGED: without, TagStatus.ANY: f"({with_tags}).*{without}"}
    return both[wanted.tags]


async def own_id(shelf: Shelf) -> int:
    return (await shelf.catalog.region(REGION).read(lambda db: repositories.get(db, shelf.identity))).id


def mixed(number: int) -> Kind:
    return KINDS[number % len(KINDS)]


@pytest.mark.parametrize("wanted", NARROW, ids=NAMES.get)
async def test_a_page_of_few_images_does_not_read_the_many_others(shelf: Shelf, wanted: ImageFilter) -> None:
    [found] = await require_bound(shelf, [wanted], among_others(wanted), SHORT)
    # Where there are few tags at all, PostgreSQL reads them without an index.
    if wanted != ImageFilter(TagStatus.TAGGED, None):
        require_indexes(wanted, found)


async def test_a_page_of_many_images_among_many_others_reads_the_page(shelf: Shelf) -> None:
    every = await require_bound(shelf, READ, mixed, MIDDLE)
    for wanted, found in zip(READ, every, strict=True):
        require_indexes(wanted, found)
        assert [(NAMES[wanted], name) for name, plan in found.items() if '"Sort"' in plan] == []


async def require_bound(
    shelf: Shelf, filters: Sequence[ImageFilter], kind_of: Callable[[int], Kind], size: int
) -> Sequence[Mapping[str, str]]:
    """Require that pages read no more when the repository has grown. Return their plans for each filter."""
    repository_id, region = await own_id(shelf), shelf.catalog.region(REGION)
    other = await replace(shelf, name=RepositoryName("other")).make_repository()

    def measure(db: Connection, images_now: int) -> Mapping[tuple[str, str], int]:
        settle_statistics(db)
        found: dict[tuple[str, str], int] = {}
        for wanted in filters:
            own = sorted(str(digest(number)) for number in range(images_now) if is_about(wanted, kind_of(number)))
            assert [str(each) for each in page_of(db, repository_id, wanted)] == own[:PAGE]
            found |= {(NAMES[wanted], name): work(db, page) for name, page in pages(repository_id, wanted).items()}
        return found

    def explain(db: Connection) -> Sequence[Mapping[str, str]]:
        return [{name: plans(db, page) for name, page in pages(repository_id, each).items()} for each in filters]

    await region.write(lambda db: put(db, other.id, range(SHORT), mixed))
    await region.write(lambda db: put(db, repository_id, range(size), kind_of))
    short = await region.write(lambda db: measure(db, size))
    for first in range(size, LONG, AT_ONCE):
        some = range(first, min(first + AT_ONCE, LONG))
        await region.write(lambda db, some=some: put(db, repository_id, some, kind_of))  # type: ignore[misc]
    long = await region.write(lambda db: measure(db, LONG))
    assert [name for name in short if long[name] > short[name] * 1.2] == []
    return await region.write(explain)


def require_indexes(wanted: ImageFilter, found: Mapping[str, str]) -> None:
    for name, plan in found.items():
        assert re.search("tag_by_status_and_name" if name == "tags" else indexes(wanted), plan, re.DOTALL), (name, plan)
        assert not _READS_ALL.search(plan), (name, plan)


@pytest.mark.parametrize("seed", range(3))
async def test_pages_of_any_size_have_each_image_of_a_filter_once_and_in_order(shelf: Shelf, seed: int) -> None:
    repository_id, random = await own_id(shelf), Random(seed)
    kinds = [(random.choice(list(ImageStatus)), random.choice((0, 1, 3))) for _ in range(60)]

    region = shelf.catalog.region(REGION)
    await region.write(lambda db: put(db, repository_id, range(len(kinds)), lambda number: kinds[number]))
    for wanted, limit in product(FILTERS, (1, 2, 7, 60)):
        own = {str(digest(number)): number for number, kind in enumerate(kinds) if is_about(wanted, kind)}
        tags = {each: tuple(f"v{own[each]}-{n}" for n in range(kinds[own[each]][1])) for each in sorted(own)}
        walk = partial(walked, repository_id=repository_id, wanted=wanted, limit=limit)
        entries_of = [(each, tag) for each in tags for tag in tags[each] or (None,)]
        assert await region.read(walk) == (list(tags.items()), entries_of)


def walked(db: Connection, repository_id: int, wanted: ImageFilter, limit: int) -> tuple[object, object]:
    return list(described(db, repository_id, wanted, limit)), listed(db, repository_id, wanted, limit)


def described(
    db: Connection, repository_id: int, wanted: ImageFilter, limit: int
) -> Sequence[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    more = True
    while more:
        details, more = images.described(db, repository_id, wanted, found[-1][0] if found else "", limit)
        assert len(details) <= limit
        assert details or not more
        found += [(str(each.digest), each.tags) for each in details]
    return found


def listed(db: Connection, repository_id: int, wanted: ImageFilter, limit: int) -> Sequence[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    while True:
        place = (found[-1][0], found[-1][1] or "") if found else ("", "")
        some = images.listed(db, repository_id, wanted, place, limit)
        found += [(str(each.digest), each.tag) for each in some]
        if len(some) < limit:
            return found


async def test_an_image_with_many_tags_is_read_in_few_steps_and_is_whole(shelf: Shelf) -> None:
    repository_id, asked = await own_id(shelf), list[object]()

    def read(db: Connection) -> entries.Images:
        put(db, repository_id, range(5), lambda number: (ImageStatus.ACTIVE, 1000 if number < 2 else 1))
        with noted(db) as statements:
            found = entries.images(db, repository_id, ImageFilter(), "", 5)
        asked.extend(statements)
        return found

    found = await shelf.catalog.region(REGION).write(read)
    assert 0 < len(asked) <= 6
    assert not found.is_more
    assert sorted(len(tags) for tags in found.tags.values()) == [1, 1, 1, 1000, 1000]


async def test_a_page_whose_images_are_all_gone_by_now_goes_on_to_those_that_follow(shelf: Shelf) -> None:
    """Another transaction may delete them between two statements: here rows of tags are left without their images."""
    repository_id = await own_id(shelf)
    first, *rest = sorted(map(digest, range(3)), key=str)

    def read(db: Connection) -> list[Digest]:
        put(db, repository_id, range(3), lambda _: (ImageStatus.ACTIVE, 1))
        db.execute(schema.manifest.delete().where(schema.manifest.c.digest == str(first)))
        return [each.digest for each in images.described(db, repository_id, ImageFilter(), "", 1)[0]]

    assert await shelf.catalog.region(REGION).write(read) == rest[:1]


async def test_the_self_check_counts_tags_with_another_status_than_their_image(shelf: Shelf) -> None:
    repository_id = await own_id(shelf)

    def spoil(db: Connection) -> list[int]:
        put(db, repository_id, range(SHORT), lambda number: KINDS[number % len(KINDS)])
        counts = [tag_statuses.wrong(db)]
        (name,) = db.execute(select(schema.tag.c.name).where(schema.tag.c.status == "ARCHIVED").limit(1)).one()
        db.execute(schema.tag.update().where(schema.tag.c.name == name).values(status="ACTIVE"))
        return [*counts, tag_statuses.wrong(db)]

    assert await shelf.catalog.region(REGION).write(spoil) == [0, 1]
