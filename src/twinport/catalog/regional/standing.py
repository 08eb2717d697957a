"""What stands in a repository where an image is pushed: all that the push must know, read by one statement.

The repository is locked against changes, so what is read here stays true until the transaction ends.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Text, and_, bindparam, cast, func, literal, select

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema, storage
from twinport.model.content import Digest
from twinport.model.images import ImageStatus

_manifest, _tag, _storage, _policy = schema.manifest, schema.tag, schema.image_storage, schema.lifecycle_policy
_blob, _held = schema.blob, schema.repository_blob


@dataclass(frozen=True, slots=True)
class StandingImage:
    """How an image that is pushed again is stored. Damaged: its bytes are not those that were pushed now."""

    is_sparse: bool
    status: ImageStatus
    is_damaged: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """The image, if it is stored; what each tag of the push names; the sizes of the blobs that are held of those asked.

    `is_counted`: a lifecycle policy counts the changes of the repository's images.
    """

    image: StandingImage | None
    tags: Mapping[str, Digest | None]
    blobs: Mapping[Digest, int]
    is_counted: bool


def read(
    db: Connection, repository_id: int, image: tuple[Digest, bytes], tags: Iterable[str], blobs: Iterable[Digest]
) -> Standing:
    """Read what stands where an image of a digest, with these bytes, is pushed. Blobs in quarantine are not held."""
    digest, content = image
    asked, parts = list(tags), {str(each): each for each in blobs}
    lists = {"tags": json.dumps(asked), "parts": json.dumps(list(parts))}
    row = _STANDING.first(db, repository_id=repository_id, digest=str(digest), bytes=content, **lists)
    assert row is not None  # noqa: S101 — the question itself is a row
    named, held = json.loads(row.named or "{}"), json.loads(row.held or "{}")
    return Standing(
        image=None if row.sparse is None else _image(row),
        tags={tag: Digest.parse(named[tag]) if named[tag] else None for tag in asked},
        blobs={parts[text]: size for text, size in held.items() if size is not None},
        is_counted=bool(row.is_counted),
    )


def _image(row: Any) -> StandingImage:
    status = ImageStatus.ACTIVE if row.status is None else ImageStatus(row.status)
    return StandingImage(bool(row.sparse), status, bool(row.is_damaged))


def _standing(engine: str) -> Any:
    repository_id: Any = bindparam("repository_id")
    asked = select(literal(1).label("one")).subquery("asked")
    is_it = and_(_manifest.c.repository_id == repository_id, _manifest.c.digest == bindparam("digest"))
    return select(
        _manifest.c.sparse,
        _storage.c.status,
        (_manifest.c.content != bindparam("bytes")).label("is_damaged"),
        _named(engine, repository_id).label("named"),
        _held_parts(engine, repository_id).label("held"),
        select(_policy.c.repository_id).where(_policy.c.repository_id == repository_id).exists().label("is_counted"),
    ).select_from(asked.outerjoin(_manifest, is_it).outerjoin(_storage, storage.OF_THE_IMAGE))


def _named(engine: str, repository_id: Any) -> Any:
    """Return what each of the tags names, or null, as a JSON object."""
    asked = statements.each_of(engine, "tags").subquery("asked_tags")
    found = select(_tag.c.digest).where(_tag.c.repository_id == repository_id, _tag.c.name == asked.c.value)
    return _object(engine, asked, found)


def _held_parts(engine: str, repository_id: Any) -> Any:
    """Return the size of each of the blobs, or null where it is not held, as a JSON object."""
    asked = statements.each_of(engine, "parts").subquery("asked_parts")
    is_held = (_held.c.repository_id == repository_id, _held.c.digest == asked.c.value, _blob.c.damage.is_(None))
    linked = _held.join(_blob, _blob.c.digest == _held.c.digest)
    return _object(engine, asked, select(_blob.c.size).select_from(linked).where(*is_held))


def _object(engine: str, asked: Any, found: Select[Any]) -> Any:
    """Return what is found for each text that is asked, as a JSON object.

    Each text is looked up by itself. For `IN` or a join SQLite may read all tags of the repository from an index that
    holds their digests, too, and PostgreSQL all that there are, to hash them.
    """
    collect = func.json_group_object if engine == "sqlite" else func.json_object_agg
    value = found.correlate(asked).scalar_subquery()
    return select(cast(collect(asked.c.value, value), Text)).select_from(asked).scalar_subquery()


_STANDING = Prepared(_standing)
