"""The dry run of `catalog/regional/garbage.py`: everything that is old enough to be removed, by the same conditions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import ColumnElement, Connection, or_, select
from sqlalchemy.sql.selectable import Exists

from twinport.catalog.regional import schema
from twinport.catalog.regional.endings import IS_OPEN
from twinport.catalog.regional.repositories import OF_NO_REGISTRY

_layer, _blob_review, _discarded = schema.layer_review, schema.blob_review, schema.discarded_key
_blob, _held, _part, _repository = schema.blob, schema.repository_blob, schema.manifest_blob, schema.repository
# The contents of a deleted repository go at any age, and are no candidates by themselves.
_IS_OF_A_REGISTRY = _repository.c.account != OF_NO_REGISTRY


class Kind(Enum):
    """The kinds of things that garbage collection can remove."""

    UPLOAD = "upload"
    LAYER = "layer"
    BLOB = "blob"
    BYTES = "bytes"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that would be removed. `size` is what this frees. Unlinking a layer frees nothing; its blob may.

    `name` is an upload's id, a digest or a key; `repository` is the account and the name of one, or empty.
    """

    kind: Kind
    name: str
    size: int
    since: datetime
    repository: str = ""


def uploads(db: Connection, before: datetime) -> Iterator[Candidate]:
    """Yield uploads to which no client has added since `before`. Uploads that ended go in any case."""
    upload = schema.upload
    query = select(upload, _repository.c.account, _repository.c.name).join(_repository)
    query = query.where(upload.c.touched_at <= before, IS_OPEN, _IS_OF_A_REGISTRY)
    query = query.order_by(upload.c.touched_at, upload.c.id)
    for row in db.execute(query):
        yield Candidate(Kind.UPLOAD, row.id, row.size, row.touched_at, f"{row.account}/{row.name}")


def layers(db: Connection, before: datetime) -> Iterator[Candidate]:
    """Yield layers that no image of their repository has named since `before`."""
    query = select(_layer.c.digest, _layer.c.since, _repository.c.account, _repository.c.name).join(_repository)
    query = query.where(_layer.c.since <= before, ~_is_named(), _IS_OF_A_REGISTRY)
    for row in db.execute(query.order_by(_layer.c.since, _layer.c.digest)):
        yield Candidate(Kind.LAYER, row.digest, 0, row.since, f"{row.account}/{row.name}")


def blobs(db: Connection, before: datetime) -> Iterator[Candidate]:
    """Yield blobs that no repository will hold once the layers of `layers` are unlinked."""
    is_idle = (
        select(_layer.c.digest)
        .where(
            _layer.c.repository_id == _held.c.repository_id,
            _layer.c.digest == _held.c.digest,
            _layer.c.since <= before,
            ~_is_named(),
        )
        .exists()
    )
    is_kept = select(_held.c.digest).where(_held.c.digest == _blob.c.digest, ~is_idle).exists()
    let_go = select(_layer.c.digest).where(_layer.c.since <= before, ~_is_named())
    noted = select(_blob_review.c.digest).where(_blob_review.c.since <= before)
    query = select(_blob.c.digest, _blob.c.size, _blob.c.created_at)
    query = query.where(or_(_blob.c.digest.in_(let_go), _blob.c.digest.in_(noted)), ~is_kept)
    for row in db.execute(query.order_by(_blob.c.digest)):
        yield Candidate(Kind.BLOB, row.digest, row.size, row.created_at)


def discarded(db: Connection, before: datetime) -> Iterator[Candidate]:
    """Yield keys that were discarded before `before`. Only the blob store knows their size."""
    query = select(_discarded.c.key, _discarded.c.discarded_at).where(_discarded.c.discarded_at <= before)
    for row in db.execute(query.order_by(_discarded.c.discarded_at, _discarded.c.key)):
        yield Candidate(Kind.BYTES, row.key, 0, row.discarded_at)


def _is_named() -> Exists:
    """Whether an image of the repository names the layer that is noted."""
    same: tuple[ColumnElement[bool], ...] = (
        _part.c.repository_id == _layer.c.repository_id,
        _part.c.digest == _layer.c.digest,
    )
    return select(_part.c.digest).where(*same).correlate(_layer).exists()
