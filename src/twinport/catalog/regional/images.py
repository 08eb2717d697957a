"""Images: manifests, what they refer to, and tags.

The rules by which an image is stored are in `landing.rules`, which calls `require_parts`, then `store_manifest`, then
`move_tags`, in one transaction: parts before the whole, the tag last (law 2).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, and_, bindparam, delete, func, select, true, update

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import (
    blobs,
    entries,
    image_changes,
    reviews,
    scans,
    schema,
    storage,
    tag_statuses,
    untagged,
)
from twinport.catalog.regional.standing import Standing
from twinport.model.content import Digest
from twinport.model.images import (
    ImageDetail,
    ImageFilter,
    ImageId,
    ImageStatus,
    Position,
    Repository,
    StoredManifest,
)
from twinport.model.manifests import Descriptor, Manifest
from twinport.model.names import AccountId, RegionName, Registry
from twinport.refusals.images import DescriptorSizeWrong, LayersMissing, ReferencedImagesMissing

_manifest, _tag, _child, _part = schema.manifest, schema.tag, schema.manifest_child, schema.manifest_blob
_storage, _pull = schema.image_storage, schema.image_pull
# How many values one statement is given: far below the limit of either database.
T = TypeVar("T")
# Transactions that remove images remove no further one once so many rows are gone. One image may have some thousands.
ROWS_AT_ONCE = 2000

# The statements of every pull, built once.
_TAGGED = Prepared(
    lambda _: select(_tag.c.digest).where(
        _tag.c.repository_id == bindparam("repository_id"), _tag.c.name == bindparam("tag")
    )
)
_STORED = Prepared(
    lambda _: (
        select(_manifest.c.content, _manifest.c.media_type, _storage.c.status)
        .outerjoin(_storage, storage.OF_THE_IMAGE)
        .where(_manifest.c.repository_id == bindparam("repository_id"), _manifest.c.digest == bindparam("digest"))
    )
)

# The statements of every description.
_DETAILS = Prepared(
    lambda engine: _details().where(
        _manifest.c.repository_id == bindparam("repository_id"),
        statements.is_one_of(engine, _manifest.c.digest, "digests"),
    )
)
_TAGS = Prepared(
    lambda engine: select(statements.joined(engine, _tag.c.digest), statements.joined(engine, _tag.c.name)).where(
        _tag.c.repository_id == bindparam("repository_id"), statements.is_one_of(engine, _tag.c.digest, "digests")
    )
)

_PULL_OF_THE_IMAGE = and_(_pull.c.repository_id == _manifest.c.repository_id, _pull.c.digest == _manifest.c.digest)

_SPARSE = Prepared(
    lambda _: select(_manifest.c.sparse).where(
        _manifest.c.repository_id == bindparam("repository_id"), _manifest.c.digest == bindparam("digest")
    )
)

# The statements of every push.
_CHILDREN = Prepared(lambda engine: _referring(engine, _child, "parent", "child"))
_PARTS = Prepared(lambda engine: _referring(engine, _part, "manifest", "digest"))
_HEALED = Prepared(
    lambda _: (
        update(_manifest)
        .where(
            _manifest.c.repository_id == bindparam("owner"),
            _manifest.c.digest == bindparam("name"),
            _manifest.c.content != bindparam("bytes"),
        )
        .values(content=bindparam("bytes"))
    )
)


@dataclass(frozen=True, slots=True)
class NewImage:
    """A manifest to be stored. `origin` says, as JSON, where a replica came from; a push has none.

    A sparse one lacks something that it refers to.
    """

    digest: Digest
    content: bytes
    manifest: Manifest
    origin: str | None = None
    sparse: bool = False


# --- storing ----------------------------------------------------------------------------------------------


def require_parts(
    db: Connection, repository: Repository, manifest: Manifest, held: Mapping[Digest, int] | None = None
) -> None:
    """Return if the repository holds everything that a manifest refers to, in the size that it gives.

    `held` are the blobs of the manifest that it holds, if they were read already. Raises LayersMissing,
    ReferencedImagesMissing or DescriptorSizeWrong. A subject need not be there.
    """
    known = held_blobs(db, repository.id, _digests(manifest.blobs)) if held is None else held
    layers = _absent(manifest.blobs, known)
    if layers:
        raise LayersMissing(layers, repository.name, repository.registry.account)
    children = _absent(manifest.children, held_manifests(db, repository.id, _digests(manifest.children)))
    if children:
        raise ReferencedImagesMissing(children, repository.name, repository.registry.account)


def is_whole(db: Connection, repository: Repository, manifest: Manifest) -> bool:
    """Tell whether everything is there that a manifest refers to, and that its children refer to.

    Raises DescriptorSizeWrong for a part that is there in another size.
    """
    children = _digests(manifest.children)
    layers = _absent(manifest.blobs, held_blobs(db, repository.id, _digests(manifest.blobs)))
    images = _absent(manifest.children, held_manifests(db, repository.id, children))
    return not (layers or images or any(is_sparse(db, repository.id, child) for child in children))


def is_sparse(db: Connection, repository_id: int, digest: Digest) -> bool:
    """Tell whether an image is stored as sparse: without some of the parts that it refers to."""
    row = _SPARSE.first(db, repository_id=repository_id, digest=str(digest))
    return row is not None and bool(row.sparse)


def held_blobs(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Return which of `digests` are blobs of the repository, with their sizes. `digests` may be of any number."""
    found: dict[Digest, int] = {}
    for batch in statements.batches(digests):
        found |= blobs.held(db, repository_id, batch)
    return found


def held_manifests(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Return which of `digests` are manifests of the repository, with the number of their bytes."""
    names = {str(digest): digest for digest in digests}
    if not names:
        return {}
    query = select(_manifest.c.digest, func.length(_manifest.c.content).label("size"))
    query = query.where(_manifest.c.repository_id == repository_id)
    found: dict[Digest, int] = {}
    for batch in statements.batches(names):
        found |= {names[row.digest]: row.size for row in db.execute(query.where(_manifest.c.digest.in_(batch)))}
    return found


def store_manifest(
    db: Connection, repository_id: int, image: NewImage, now: datetime, *, is_named: bool = False
) -> bool:
    """Store a manifest with what it refers to, unless it is there already. Tell whether it was new.

    A sparse image becomes whole when it is stored whole. `is_named`: a tag follows in the same transaction.
    """
    manifest, row = image.manifest, _row(db, repository_id, image, now)
    blobs.note_media_types(db, repository_id, {each.digest: each.media_type for each in manifest.blobs})
    if not statements.insert_absent(db, _manifest, row):
        heal(db, repository_id, image)
        if not image.sparse:
            _complete(db, repository_id, image.digest)
        return False
    _refer(db, _CHILDREN, repository_id, image.digest, _digests(manifest.children))
    _refer(db, _PARTS, repository_id, image.digest, _named_parts(db, repository_id, manifest))
    if not is_named:
        untagged.review(db, repository_id, [str(image.digest)])
    if manifest.children:
        # The images in it are not counted any more.
        image_changes.note(db, repository_id)
    return True


def _row(db: Connection, repository_id: int, image: NewImage, now: datetime) -> dict[str, object]:
    manifest = image.manifest
    return {
        "repository_id": repository_id,
        "digest": str(image.digest),
        "media_type": manifest.media_type,
        "artifact_type": manifest.artifact_type,
        "config_media_type": manifest.config.media_type if manifest.config else None,
        "subject": str(manifest.subject) if manifest.subject else None,
        "annotations": json.dumps(dict(manifest.annotations)) if manifest.annotations else None,
        "content": image.content,
        "image_size": manifest.own_size or _largest(db, repository_id, manifest.children),
        "pushed_at": now,
        "origin": image.origin,
        "sparse": image.sparse,
    }


def heal(db: Connection, repository_id: int, image: NewImage) -> bool:
    """Replace other bytes that are stored under a manifest's digest by its own bytes. Tell whether there were any."""
    return _HEALED.change(db, owner=repository_id, name=str(image.digest), bytes=image.content) == 1


def _complete(db: Connection, repository_id: int, digest: Digest) -> None:
    named = (_manifest.c.repository_id == repository_id, _manifest.c.digest == str(digest), _manifest.c.sparse)
    db.execute(update(_manifest).where(*named).values(sparse=False))


def move_tags(
    db: Connection,
    repository_id: int,
    digest: Digest,
    positions: Mapping[str, Position],
    now: datetime,
    standing: Standing | None = None,
) -> None:
    """Make tags name an image that is stored, each at the position of its change in its registry's history.

    `standing` is what stood there before, if the image was new in this transaction and no row notes it as untagged.
    """
    before = {_named_before(db, repository_id, tag, standing) for tag in positions}
    rows = [
        {"name": tag, "epoch": at.epoch, "sequence": at.sequence, "updated_at": now} for tag, at in positions.items()
    ]
    tag_statuses.put(db, repository_id, str(digest), rows)
    if before != {digest}:
        changed = before | {digest} if standing is None else before
        untagged.review(db, repository_id, sorted(str(each) for each in changed if each is not None))
    if standing is None or standing.is_counted:
        image_changes.note(db, repository_id)


def remove_tag(db: Connection, repository_id: int, tag: str) -> bool:
    """Remove a tag and nothing else. Tell whether it was there."""
    image_changes.note(db, repository_id)
    removed = delete(_tag).where(_tag.c.repository_id == repository_id, _tag.c.name == tag).returning(_tag.c.digest)
    digests = db.execute(removed).scalars().all()
    untagged.review(db, repository_id, digests)
    return bool(digests)


def remove_manifest(db: Connection, repository_id: int, digest: Digest, now: datetime) -> int:
    """Remove an image with its tags. Tell how many rows went: one for each tag and part, and some others.

    Its layers stay with the repository until they are reviewed, some time later.
    """
    name = str(digest)
    image_changes.note(db, repository_id)
    reviews.review_layers_of(db, repository_id, digest, now)
    scans.forget(db, repository_id, digest)
    named = (_tag.c.digest, _child.c.parent, _part.c.manifest, _storage.c.digest, _pull.c.digest, _manifest.c.digest)
    which = [(column.table, (column.table.c.repository_id == repository_id, column == name)) for column in named]
    return sum(db.execute(delete(table).where(*rows)).rowcount for table, rows in which)


# --- one image --------------------------------------------------------------------------------------------


def tagged(db: Connection, repository_id: int, tag: str) -> Digest | None:
    """Return the digest of the image that a tag names."""
    row = _TAGGED.first(db, repository_id=repository_id, tag=tag)
    return None if row is None else Digest.parse(row.digest)


def positions(db: Connection, repository_id: int, tags: Iterable[str]) -> dict[str, Position]:
    """Return the positions of the last changes of existing tags in their registry's history."""
    query = select(_tag.c.name, _tag.c.epoch, _tag.c.sequence).where(_tag.c.repository_id == repository_id)
    found = [row for batch in statements.batches(tags) for row in db.execute(query.where(_tag.c.name.in_(batch)))]
    return {row.name: Position(row.epoch, row.sequence) for row in found}


def holds(db: Connection, repository_id: int, digest: Digest) -> bool:
    query = select(_manifest.c.digest).where(_manifest.c.repository_id == repository_id)
    return db.execute(query.where(_manifest.c.digest == str(digest))).first() is not None


def reaches(db: Connection, repository_id: int, limit: int) -> bool:
    """Tell whether a repository has at least `limit` images."""
    query = select(_manifest.c.digest).where(_manifest.c.repository_id == repository_id)
    return db.execute(query.limit(1).offset(limit - 1)).first() is not None


def stored(db: Connection, repository_id: int, digest: Digest, tag: str | None = None) -> StoredManifest | None:
    """Return a manifest's bytes; `tag` is only noted in the answer."""
    row = _STORED.first(db, repository_id=repository_id, digest=str(digest))
    return None if row is None else StoredManifest(row.content, digest, row.media_type, tag, _status(row))


def tags_of(db: Connection, repository_id: int, digest: Digest, after: str = "", limit: int | None = None) -> list[str]:
    """Return the tags of one image in the order of their names: at most `limit`, those after `after`."""
    query = select(_tag.c.name).where(_tag.c.repository_id == repository_id, _tag.c.digest == str(digest))
    return list(db.execute(query.where(_tag.c.name > after).order_by(_tag.c.name).limit(limit)).scalars())


def parents_of(db: Connection, repository_id: int, digest: Digest, limit: int) -> list[Digest]:
    """Return the indexes of the repository that contain an image, at most `limit`."""
    query = select(_child.c.parent).where(_child.c.repository_id == repository_id, _child.c.child == str(digest))
    return [Digest.parse(name) for name in db.execute(query.order_by(_child.c.parent).limit(limit)).scalars()]


# --- lists ------------------------------------------------------------------------------------------------


def listed(
    db: Connection, repository_id: int, wanted: ImageFilter, after: tuple[str, str], limit: int
) -> list[ImageId]:
    """Return images in the order of (digest, tag), one entry for each tag, those after the entry `after`."""
    found = entries.find(db, repository_id, wanted, after, limit)
    return [ImageId(Digest.parse(digest), tag or None) for digest, tag in found]


def described(
    db: Connection, repository_id: int, wanted: ImageFilter, after: str, limit: int
) -> tuple[list[ImageDetail], bool]:
    """Return images in the order of their digests, those after the digest `after`.

    Also tell whether more follow: if the images have many tags, the list has fewer than `limit` entries, but at least
    one.
    """
    while True:
        found = entries.images(db, repository_id, wanted, after, limit)
        rows = _rows(db, repository_id, list(found.tags))
        # One that is not there was deleted since the statement before.
        shown = [_detail(rows[digest], tuple(tags)) for digest, tags in found.tags.items() if digest in rows]
        if shown or not found.is_more:
            return shown, found.is_more
        after = list(found.tags)[-1]


def details(db: Connection, repository_id: int, digests: Sequence[Digest]) -> dict[Digest, ImageDetail]:
    """Return the details of these images, as far as they exist."""
    rows = _rows(db, repository_id, [str(digest) for digest in digests])
    return {each.digest: each for each in _with_tags(db, repository_id, list(rows.values()))}


# --- private ----------------------------------------------------------------------------------------------


def _referring(engine: str, table: Table, manifest: str, part: str) -> Any:
    """Insert a row for each text of the list `names`, unless it is there."""
    names = statements.each_of(engine, "names")
    rows = names.with_only_columns(
        bindparam("owner", type_=table.c.repository_id.type),
        bindparam("manifest", type_=table.c[manifest].type),
        *names.selected_columns,
    )
    # SQLite takes ON after a FROM for that of a join, unless WHERE stands between.
    inserted = statements.insert_of(engine, table).from_select(["repository_id", manifest, part], rows.where(true()))
    return inserted.on_conflict_do_nothing()


def _digests(descriptors: Iterable[Descriptor]) -> list[Digest]:
    return list(dict.fromkeys(each.digest for each in descriptors))


def _absent(needed: Sequence[Descriptor], held: Mapping[Digest, int]) -> list[str]:
    """Return the digests that are not held. Raises DescriptorSizeWrong for one that is held in another size."""
    for each in needed:
        if each.size != held.get(each.digest, each.size):
            raise DescriptorSizeWrong(str(each.digest), each.size, held[each.digest])
    return [str(digest) for digest in _digests(needed) if digest not in held]


def _largest(db: Connection, repository_id: int, children: Sequence[Descriptor]) -> int:
    largest = 0
    for batch in statements.batches([str(child.digest) for child in children]):
        query = select(func.max(_manifest.c.image_size)).where(_manifest.c.repository_id == repository_id)
        largest = max(largest, db.execute(query.where(_manifest.c.digest.in_(batch))).scalar() or 0)
    return largest


def _named_parts(db: Connection, repository_id: int, manifest: Manifest) -> list[Digest]:
    """Return the digests of the config and the layers, except foreign layers that were never pushed."""
    named = _digests(((manifest.config,) if manifest.config else ()) + manifest.layers)
    known = {each.digest for each in manifest.blobs}
    foreign = [digest for digest in named if digest not in known]
    known |= {digest for batch in statements.batches(foreign) for digest in blobs.linked(db, repository_id, batch)}
    return [digest for digest in named if digest in known]


def _named_before(db: Connection, repository_id: int, tag: str, standing: Standing | None) -> Digest | None:
    return tagged(db, repository_id, tag) if standing is None else standing.tags[tag]


def _refer(db: Connection, statement: Prepared, repository_id: int, manifest: Digest, to: Sequence[Digest]) -> None:
    """Store what a manifest refers to, any number of it by one statement."""
    if to:
        names = json.dumps([str(each) for each in to])
        statement.change(db, owner=repository_id, manifest=str(manifest), names=names)


def _rows(db: Connection, repository_id: int, digests: Sequence[str]) -> dict[str, Any]:
    """Return the rows of these images by their digests, as far as they exist."""
    found = _DETAILS.all(db, repository_id=repository_id, digests=json.dumps(digests)) if digests else ()
    return {row.digest: row for row in found}


def _details() -> Select[Any]:
    return select(
        _manifest.c.digest,
        _manifest.c.image_size,
        _manifest.c.pushed_at,
        _manifest.c.media_type,
        _manifest.c.artifact_type,
        _manifest.c.subject,
        _manifest.c.origin,
        _storage.c.status,
        _storage.c.archived_at,
        _storage.c.activated_at,
        _pull.c.pulled_at,
    ).select_from(_manifest.outerjoin(_storage, storage.OF_THE_IMAGE).outerjoin(_pull, _PULL_OF_THE_IMAGE))


def _status(row: Any) -> ImageStatus:
    return ImageStatus.ACTIVE if row.status is None else ImageStatus(row.status)


def _pulled_at(row: Any) -> datetime | None:
    """Return the last pull. One from before the push is of an image that was deleted."""
    return row.pulled_at if row.pulled_at and row.pulled_at >= row.pushed_at else None


def _with_tags(db: Connection, repository_id: int, rows: Sequence[Any]) -> list[ImageDetail]:
    names: dict[str, list[str]] = {row.digest: [] for row in rows}
    tagged = _TAGS.first(db, repository_id=repository_id, digests=json.dumps(list(names))) if names else ()
    for digest, name in sorted(zip(*map(statements.parts, tagged or ()), strict=True)):
        names[digest].append(name)
    return [_detail(row, tuple(names[row.digest])) for row in rows]


def _detail(row: Any, tags: tuple[str, ...]) -> ImageDetail:
    return ImageDetail(
        digest=Digest.parse(row.digest),
        tags=tags,
        size=row.image_size,
        pushed_at=row.pushed_at,
        media_type=row.media_type,
        artifact_type=row.artifact_type,
        subject=Digest.parse(row.subject) if row.subject else None,
        came_from=_source(row.origin) if row.origin else None,
        status=_status(row),
        archived_at=row.archived_at,
        activated_at=row.activated_at,
        pulled_at=_pulled_at(row),
    )


def _source(origin: str) -> Registry:
    """Read which registry a replica came from; the rest of its origin is for the reader of the row."""
    account, region = json.loads(origin)["registry"]
    return Registry(AccountId(account), RegionName(region))
