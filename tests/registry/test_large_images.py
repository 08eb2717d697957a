"""Images with many tags or parts: what one transaction removes, and what one answer tells, is bounded."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.counted import CountedCatalog
from tests.fakes import NOW, REGISTRY, AllowAll
from tests.registry.dump import API, ME, REGION, Dump
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import entries, images, lifecycle, repositories, schema, untagged
from twinport.model.content import Digest
from twinport.model.images import TAGS_PER_IMAGE, ImageDetail, ImageFilter, NamedImage
from twinport.registry.images import Images
from twinport.registry.lifecycle import LifecyclePolicies
from twinport.registry.lifecycle_runs import LifecycleRuns
from twinport.registry.paging import PageRequest
from twinport.registry.pulls import Pulls

PARTS, INDEXES = 1500, 5
# An image goes whole, so a transaction may go beyond its bound by the last one, and by some rows besides.
MOST = images.ROWS_AT_ONCE + PARTS + 10
OLD_GO = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
    "action": {"type": "expire"},
}


def digest_of(name: str) -> str:
    return str(Digest.of(name.encode()))


def store(db: Connection, number: int, *, parts: int = 0, tags: int = 0) -> str:
    """Store an image that names so many parts, under so many tags."""
    mine, digest = {"repository_id": repositories.get(db, REGISTRY.repository(API)).id}, digest_of(f"image {number}")
    facts = {"media_type": "x", "content": b"", "image_size": 1, "pushed_at": NOW.replace(microsecond=number)}
    db.execute(schema.manifest.insert(), [{**mine, **facts, "digest": digest}])
    named = [{**mine, "parent": digest, "child": digest_of(f"part {each}")} for each in range(parts)]
    if named:
        db.execute(schema.manifest_child.insert(), named)
    place = {"digest": digest, "epoch": 1, "sequence": 1, "updated_at": NOW}
    if tags:
        names = [f"image-{number}-{each}" for each in range(tags)]
        db.execute(schema.tag.insert(), [{**mine, **place, "name": name} for name in names])
    untagged.review(db, mine["repository_id"], [digest])
    return digest


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    dump = Dump(catalog, tmp_path)
    await dump.make()
    return dump


async def indexes(dump: Dump) -> list[str]:
    return await dump.region.write(lambda db: [store(db, number, parts=PARTS) for number in range(INDEXES)])


async def test_no_transaction_of_a_batch_removes_more_rows_than_its_bound_and_one_image(dump: Dump) -> None:
    digests = await indexes(dump)
    counted = CountedCatalog(dump.catalog)
    verbs = Images(AllowAll(), counted, lambda: None)
    removed = await verbs.delete(
        ME, REGISTRY.repository(API), [NamedImage(digest) for digest in (*digests, digest_of("none"))]
    )
    assert [str(each.digest) for each in removed.removed] == digests
    assert [each.named.digest for each in removed.failures] == [digest_of("none")]
    assert max(counted.counts) <= MOST < sum(counted.counts)


async def test_no_transaction_of_a_lifecycle_run_removes_more_rows_than_its_bound_and_one_image(dump: Dump) -> None:
    digests = await indexes(dump)
    counted = CountedCatalog(dump.catalog)
    policies = LifecyclePolicies(AllowAll(), counted, lambda: None)
    await policies.put(ME, REGISTRY.repository(API), json.dumps({"rules": [OLD_GO]}))
    await LifecycleRuns(counted, "ann", Pulls(counted), asyncio.Event()).look(REGION)
    page = await dump.images.list(ME, REGISTRY.repository(API), ImageFilter(), PageRequest(100))
    assert [str(each.digest) for each in page.items] == digests[-1:]
    assert max(counted.counts) <= MOST < sum(counted.counts)


async def test_what_a_run_compares_under_its_lock_has_no_parts(dump: Dump) -> None:
    """They follow from the digest."""
    digests = await indexes(dump)

    def read(db: Connection) -> None:
        home = repositories.get(db, REGISTRY.repository(API)).id
        planned = {each.digest: each for each in lifecycle.page(db, home, "", 100)}
        again = lifecycle.seen(db, home, digests)
        assert {len(each.parts) for each in planned.values()} == {PARTS}
        assert {len(each.parts) for each in again.values()} == {0}
        assert again == planned

    await dump.region.read(read)


async def test_a_page_of_images_with_many_tags_ends_early_and_the_next_goes_on(dump: Dump) -> None:
    many = entries.TAGS_IN_A_LIST // TAGS_PER_IMAGE + 2
    stored = await dump.region.write(
        lambda db: [store(db, number, tags=TAGS_PER_IMAGE) for number in range(many)] + [store(db, many)]
    )
    token: str | None = None
    pages: list[tuple[ImageDetail, ...]] = []
    while token is not None or not pages:
        page = await dump.images.describe_all(ME, REGISTRY.repository(API), ImageFilter(), PageRequest(1000, token))
        pages.append(page.items)
        token = page.token
    assert [str(each.digest) for items in pages for each in items] == sorted(stored)
    assert max(sum(len(each.tags) for each in items) for items in pages) == entries.TAGS_IN_A_LIST
    assert sum(len(each.tags) for items in pages for each in items) == many * TAGS_PER_IMAGE
