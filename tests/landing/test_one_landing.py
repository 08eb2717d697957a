"""A push and a copy of one image, into one repository: the same rules, and the differences that have a name."""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Connection, insert, select, update

import twinport
from tests.fakes import NOW, OTHER_REGION, REGION, REGISTRY
from tests.shelf import API, Shelf, image_of, index_of
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import images, registries, repositories, schema, storage
from twinport.catalog.regional.images import NewImage
from twinport.errors import Refusal
from twinport.landing import copies, pushes, rules
from twinport.landing.copies import COPY, Copy
from twinport.landing.pushes import Push, Unchanged
from twinport.landing.terms import FixedTag, Onward, Parts, Terms
from twinport.model.content import Damage, Digest
from twinport.model.images import TAGS_PER_IMAGE, Mutability, Position, Repository, TagRule
from twinport.model.manifests import parse_manifest
from twinport.model.names import Registry, TagName
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.refusals.images import (
    DescriptorSizeWrong,
    LayersMissing,
    ReferencedImagesMissing,
    TagImmutable,
    TooManyImages,
)
from twinport.refusals.requests import TagLimitReached
from twinport.settings.deviations import Quotas

SOURCE = Registry(REGISTRY.account, OTHER_REGION)
ONWARD = Registry(REGISTRY.account, OTHER_REGION)
CONFIG, LAYER, ABSENT = b"config", b"layer", b"absent"
IMAGE, OLD = image_of(CONFIG, LAYER), image_of(CONFIG)
INDEX = index_of(OLD)
TAG = TagName("latest")
Prepare = Callable[[Connection, Repository], object]
Way = Callable[[Connection, bytes], object]
# What a copy keeps beside the image: where it came from, and what was decided about it.
_COMPARED = (schema.manifest, schema.manifest_child, schema.manifest_blob, schema.image_storage, schema.scan)


class Undo(Exception):
    """Rolls a transaction back."""


def new(content: bytes) -> NewImage:
    return NewImage(Digest.of(content), content, parse_manifest(content, None))


def push(db: Connection, content: bytes, *, parts: Parts = Parts.REQUIRED, quotas: Quotas = Quotas()) -> None:  # noqa: B008 — frozen
    wanted = Push(content, None, (TAG,), None, Unchanged.ACCEPT, parts)
    pushes.store(db, REGISTRY.repository(API), wanted, new(content), NOW, quotas)


def copy(db: Connection, content: bytes, *parts: bytes) -> None:
    image = new(content)
    wanted = Copy(
        delivery="delivery",
        offer="offer",
        source=SOURCE,
        destination=REGISTRY,
        repository=API,
        digest=image.digest,
        tag=TAG,
        position=Position(1, 1),
        manifests=(*map(new, parts), image),
        carried_by="arn",
        may_create_repository=False,
    )
    copies.land(db, [wanted], NOW)


# --- what was there before --------------------------------------------------------------------------------


def nothing(db: Connection, home: Repository) -> None:
    del db, home


def has(*contents: bytes, tags: Sequence[str] = ()) -> Prepare:
    """Images that are there, the last of them with some tags."""

    def store(db: Connection, home: Repository) -> None:
        for content in contents:
            images.store_manifest(db, home.id, new(content), NOW)
        for number, tag in enumerate(tags):
            images.move_tags(db, home.id, Digest.of(contents[-1]), {tag: Position(1, number)}, NOW)

    return store


def both(*steps: Prepare) -> Prepare:
    return lambda db, home: [step(db, home) for step in steps]


def spoilt(db: Connection, home: Repository) -> None:
    db.execute(update(schema.manifest).where(schema.manifest.c.repository_id == home.id).values(content=b"{}"))


def archived(content: bytes) -> Prepare:
    return lambda db, home: storage.archive(db, home.id, Digest.of(content), NOW)


def scanned_on_push(db: Connection, home: Repository) -> None:
    repositories.set_scan_on_push(db, home.id, True)  # noqa: FBT003 — the column's value


def in_quarantine(db: Connection, home: Repository) -> None:
    del home
    is_layer: ColumnElement[bool] = schema.blob.c.digest == str(Digest.of(LAYER))
    db.execute(update(schema.blob).where(is_layer).values(damage=Damage.WRONG_DIGEST.value, damaged_at=NOW))


def immutable(db: Connection, home: Repository) -> None:
    repositories.set_tag_rule(db, home.id, TagRule(Mutability.IMMUTABLE))


def replicated(db: Connection, home: Repository) -> None:
    del home
    rules_ = ReplicationConfiguration((ReplicationRule((ONWARD,)),))
    registries.set_replication(db, REGISTRY.account, rules_, "AROA")


def full_of_tags(db: Connection, home: Repository) -> None:
    images.store_manifest(db, home.id, new(IMAGE), NOW)
    row = {"repository_id": home.id, "digest": str(Digest.of(IMAGE)), "epoch": 1, "sequence": 1, "updated_at": NOW}
    db.execute(insert(schema.tag), [{**row, "name": f"t{number}"} for number in range(TAGS_PER_IMAGE)])


# --- what comes of it -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ending:
    """How an image fared: refused with some words, or stored, with the rows that it left."""

    refusal: tuple[type[Refusal], str] | None
    rows: Mapping[str, object]


async def ending(catalog: WholeCatalog, prepare: Prepare, way: Way, content: bytes) -> Ending:
    """Let an image come in one way, and undo everything."""
    seen: list[Ending] = []

    def attempt(db: Connection) -> None:
        prepare(db, repositories.get(db, REGISTRY.repository(API)))
        refusal = None
        try:
            with db.begin_nested():
                way(db, content)
        except Refusal as refused:
            refusal = (type(refused), refused.message)
        seen.append(Ending(refusal, rows(db)))
        raise Undo

    with pytest.raises(Undo):
        await catalog.region(REGION).write(attempt)
    return seen[0]


def rows(db: Connection) -> Mapping[str, object]:
    """Return the rows of the image, but not where it came from, and of a tag only what it names."""
    found: dict[str, object] = {
        table.name: sorted(map(repr, db.execute(select(*(c for c in table.c if c.name != "origin")))))
        for table in _COMPARED
    }
    tags = {row.name: row.digest for row in db.execute(select(schema.tag))}
    return {**found, "tags": tags, "owed": db.execute(select(schema.delivery.c.tag)).scalars().all()}


@pytest.fixture
async def region(catalog: WholeCatalog) -> WholeCatalog:
    """A Region with a repository that holds blobs."""
    shelf = Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG, LAYER)
    return catalog


SAME = {
    "a new image": (nothing, IMAGE, None),
    "a new image that is scanned": (scanned_on_push, IMAGE, None),
    "a tag that moves": (has(OLD, tags=[TAG]), IMAGE, None),
    "an image that is there, under another tag": (has(IMAGE, tags=["other"]), IMAGE, None),
    "an index": (has(OLD), INDEX, None),
    "an index whose image is archived": (both(scanned_on_push, has(OLD), archived(OLD)), INDEX, None),
    "an archived image": (both(scanned_on_push, has(IMAGE, tags=[TAG]), archived(IMAGE)), IMAGE, None),
    "a damaged manifest": (both(has(IMAGE, tags=[TAG]), spoilt), IMAGE, None),
    "an excluded tag": (
        both(
            has(OLD, tags=[TAG]),
            lambda db, home: repositories.set_tag_rule(
                db, home.id, TagRule(Mutability.IMMUTABLE_WITH_EXCLUSION, ("late*",))
            ),
        ),
        IMAGE,
        None,
    ),
    "a new immutable tag": (immutable, IMAGE, None),
    "a layer that is absent": (nothing, image_of(CONFIG, ABSENT), LayersMissing),
    "a layer in quarantine": (in_quarantine, IMAGE, LayersMissing),
    "a layer of another size": (
        nothing,
        IMAGE.replace(b'"size": %d' % len(LAYER), b'"size": 77'),
        DescriptorSizeWrong,
    ),
    "an index whose image is absent": (nothing, INDEX, ReferencedImagesMissing),
    "a tag too many": (full_of_tags, IMAGE, TagLimitReached),
}


@pytest.mark.parametrize("case", SAME)
async def test_a_push_and_a_copy_end_alike(region: WholeCatalog, case: str) -> None:
    prepare, content, refusal = SAME[case]
    pushed = await ending(region, prepare, push, content)
    assert pushed == await ending(region, prepare, copy, content)
    assert (pushed.refusal and pushed.refusal[0]) is refusal
    assert refusal is not None or pushed.rows["tags"].get(TAG) == str(Digest.of(content))  # type: ignore[attr-defined]


async def test_an_index_within_an_index_takes_what_the_inner_one_contains_out_of_the_archive(
    region: WholeCatalog,
) -> None:
    outer = index_of(INDEX)

    def push_both(db: Connection, content: bytes) -> None:
        push(db, INDEX)
        push(db, content)

    prepare = both(has(OLD), archived(OLD))
    pushed = await ending(region, prepare, push_both, outer)
    copied = await ending(region, prepare, lambda db, content: copy(db, content, INDEX), outer)
    assert copied == pushed
    assert "ARCHIVED" not in str(copied.rows["image_storage"])


# --- differences ------------------------------------------------------------------------------------------

PUSH = pushes.terms_of(Parts.REQUIRED, Quotas(images=1))
DIFFERENCES = {"parts", "most_images", "fixed_tag", "onward"}


def test_each_difference_between_a_push_and_a_copy_is_looked_at_here() -> None:
    assert {each.name for each in fields(Terms)} == DIFFERENCES
    assert Terms(Parts.REQUIRED, 1, FixedTag.REFUSES, Onward.DELIVERED) == PUSH
    assert Terms(Parts.REQUIRED, None, FixedTag.STAYS, Onward.NOWHERE) == COPY


async def test_a_fixed_tag_refuses_a_push_and_lets_a_copy_in_without_it(region: WholeCatalog) -> None:
    prepare = both(has(OLD, tags=[TAG]), immutable)
    pushed, copied = [await ending(region, prepare, way, IMAGE) for way in (push, copy)]
    assert pushed.refusal == (TagImmutable, TagImmutable(TAG, API).message)
    assert copied.refusal is None
    assert (copied.rows["tags"], len(stored(copied))) == ({TAG: str(Digest.of(OLD))}, 2)


async def test_a_fixed_tag_refuses_a_push_of_the_image_that_it_names_and_no_copy(region: WholeCatalog) -> None:
    prepare = both(has(IMAGE, tags=[TAG]), immutable)
    pushed, copied = [await ending(region, prepare, way, IMAGE) for way in (push, copy)]
    assert pushed.refusal is not None
    assert pushed.refusal[0] is TagImmutable
    assert (copied.refusal, copied.rows["tags"]) == (None, {TAG: str(Digest.of(IMAGE))})


async def test_the_quota_of_images_refuses_a_push_and_no_copy(region: WholeCatalog) -> None:
    prepare = has(OLD)
    pushed = await ending(region, prepare, lambda db, content: push(db, content, quotas=Quotas(images=1)), IMAGE)
    copied = await ending(region, prepare, copy, IMAGE)
    assert pushed.refusal == (TooManyImages, TooManyImages(API, REGISTRY.account, 1).message)
    assert (copied.refusal, len(stored(copied))) == (None, 2)


async def test_a_push_may_be_sparse_where_the_operator_allows_it_and_a_copy_is_whole(region: WholeCatalog) -> None:
    content = image_of(CONFIG, ABSENT)
    pushed = await ending(region, nothing, lambda db, content: push(db, content, parts=Parts.SPARSE), content)
    copied = await ending(region, nothing, copy, content)
    assert (pushed.refusal, len(stored(pushed))) == (None, 1)
    assert copied.refusal is not None
    assert copied.refusal[0] is LayersMissing


async def test_a_push_is_delivered_onward_and_a_copy_is_not(region: WholeCatalog) -> None:
    pushed, copied = [await ending(region, replicated, way, IMAGE) for way in (push, copy)]
    assert (pushed.rows["owed"], copied.rows["owed"]) == ([TAG], [])
    assert (pushed.refusal, copied.refusal) == (None, None)
    assert stored(pushed) == stored(copied)


def stored(ended: Ending) -> Sequence[object]:
    manifests = ended.rows["manifest"]
    assert isinstance(manifests, list)
    return manifests


# --- where the rules stand --------------------------------------------------------------------------------

RULED = {
    "images.require_parts",
    "images.store_manifest",
    "images.reaches",
    "images.move_tags",
    "storage.activate",
    "scans.owe",
    "scans.owe_restored",
    "tag_rule.forbids_moving",
}


def test_what_the_rules_decide_is_decided_nowhere_else() -> None:
    source = Path(twinport.__file__).parent
    modules = {path: path.read_text() for path in source.rglob("*.py")}
    callers = {
        path.relative_to(source).as_posix()
        for path, text in modules.items()
        if any(name in text for name in RULED) and not path.is_relative_to(source / "catalog" / "regional")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ".".join(ast.unparse(node.func).split(".")[-2:]) in RULED
    }
    assert callers == {Path(rules.__file__).relative_to(source).as_posix()}
