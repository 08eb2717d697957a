"""The rows of images: stored once, with what they refer to, and found without walking a repository."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.fakes import NOW, REGION, REGISTRY
from tests.reading import noted
from tests.shelf import API, Shelf, entry, image_of, index_of
from twinport.catalog import tag_lists
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import images, referrer_lists, repositories, schema
from twinport.catalog.regional.images import NewImage
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import ImageFilter, ImageStatus, Position, ReferrerFilter, TagStatus
from twinport.model.manifests import parse_manifest

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock(NOW))
    shelf = Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(b"config", b"layer")
    yield shelf
    catalog.close()


async def write(shelf: Shelf, transaction: Callable[[Connection, int], object]) -> None:
    await shelf.catalog.region(REGION).write(
        lambda db: transaction(db, repositories.get(db, REGISTRY.repository(API)).id)
    )


def new(content: bytes, origin: str | None = None) -> NewImage:
    return NewImage(Digest.of(content), content, parse_manifest(content, None), origin)


async def test_a_manifest_is_stored_once_and_keeps_where_it_came_from(shelf: Shelf) -> None:
    content = image_of(b"config", b"layer")

    def twice(db: Connection, repository_id: int) -> None:
        assert images.store_manifest(db, repository_id, new(content, "a replica"), NOW)
        assert not images.store_manifest(db, repository_id, new(content), NOW)
        assert db.execute(select(schema.manifest.c.origin)).scalars().all() == ["a replica"]

    await write(shelf, twice)


async def test_what_a_manifest_refers_to_is_recorded_as_far_as_it_is_here(shelf: Shelf) -> None:
    image = json.loads(image_of(b"config", b"layer"))
    image["layers"].append(entry(b"elsewhere", FOREIGN, urls=["https://example.com/layer"]))
    content = json.dumps(image).encode()
    index = index_of(content)

    def check(db: Connection, repository_id: int) -> None:
        repository = repositories.get(db, REGISTRY.repository(API))
        for each in (new(content), new(index)):
            images.require_parts(db, repository, each.manifest)
            images.store_manifest(db, repository_id, each, NOW)
        parts = db.execute(select(schema.manifest_blob.c.digest)).scalars().all()
        assert sorted(parts) == sorted([str(Digest.of(b"config")), str(Digest.of(b"layer"))])
        assert images.parents_of(db, repository_id, Digest.of(content), 9) == [Digest.of(index)]

    await write(shelf, check)


async def test_a_tag_keeps_the_position_at_which_it_moved(shelf: Shelf) -> None:
    content = image_of(b"config")

    def move(db: Connection, repository_id: int) -> None:
        images.store_manifest(db, repository_id, new(content), NOW)
        for sequence in (1, 2):
            images.move_tags(db, repository_id, Digest.of(content), {"v1": Position(7, sequence)}, NOW)
        row = db.execute(select(schema.tag)).one()
        assert (row.epoch, row.sequence) == (7, 2)

    await write(shelf, move)


async def test_no_list_walks_the_whole_repository(shelf: Shelf) -> None:
    """A hundred thousand images may be in it: each search must be bound by more than the repository."""
    statements: list[tuple[str, Any]] = []

    def list_everything(db: Connection, repository_id: int) -> None:
        content, digest = image_of(b"config"), Digest.of(b"subject")
        images.store_manifest(db, repository_id, new(content), NOW)
        with noted(db) as noting:
            for wanted in (ImageFilter(tags, status) for tags in TagStatus for status in (None, *ImageStatus)):
                images.listed(db, repository_id, wanted, ("sha256:0", "v1"), 10)
                images.described(db, repository_id, wanted, "", 10)
            images.details(db, repository_id, [Digest.of(content)])
            tag_lists.page(db, REGISTRY.repository(API), "v1", 10)
            images.tags_of(db, repository_id, digest)
            images.parents_of(db, repository_id, digest, 9)
            referrer_lists.find(db, repository_id, digest, ReferrerFilter(["application/bill"]), "", 10)
            images.held_blobs(db, repository_id, [digest])
            images.held_manifests(db, repository_id, [digest])
        statements.extend(noting)
        for statement, parameters in statements:
            for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                assert "TEMP B-TREE" not in row.detail
                # A repository has fifty tags of its own at most.
                is_of_few = row.detail.startswith("SEARCH repository_tag")
                assert is_of_few or not row.detail.endswith("(repository_id=?)"), statement

    await write(shelf, list_everything)
    assert len(statements) > len(TagStatus) * 2


async def test_a_list_of_referrers_goes_on_past_those_that_were_deleted_meanwhile(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, entries = Digest.of(b"subject"), referrer_lists._entries

    def list_them(db: Connection, repository_id: int) -> None:
        about = {"digest": str(subject), "size": 7, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
        pushed = [image_of(b"config %d" % number, subject=about) for number in range(4)]
        for content in pushed:
            images.store_manifest(db, repository_id, new(content), NOW)
        first, *rest = sorted(str(Digest.of(content)) for content in pushed)

        def delete_the_first(status: ImageStatus | None, is_typed: bool) -> Any:  # noqa: ANN401, FBT001 — as the original
            db.execute(schema.manifest.delete().where(schema.manifest.c.digest == first))
            return entries(status, is_typed)

        monkeypatch.setattr(referrer_lists, "_entries", delete_the_first)
        found, more = referrer_lists.find(db, repository_id, subject, ReferrerFilter([]), "", 1)
        assert [each.name for each in found] == rest[:1]
        assert more

    await write(shelf, list_them)
