"""The contents of deleted repositories: they go some rows at a time, so that no transaction grows with a repository.

Each call is one short transaction, and a crash between two of them leaves a smaller repository that no registry has.
Several sweepers may call at once: each takes a repository that no other has locked.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from twinport.catalog.engine import statements
from twinport.catalog.regional import blobs, reviews, schema
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.content import Digest, Key

_repository, _held, _upload, _segment = schema.repository, schema.repository_blob, schema.upload, schema.upload_segment
# Tags before images and images before layers, as everywhere; each refers to the repository alone.
_IN_A_REPOSITORY = (
    schema.scan,
    schema.scan_findings,
    schema.tag,
    schema.manifest_child,
    schema.manifest_blob,
    schema.image_storage,
    schema.referrer_move,
    schema.image_pull,
    schema.untagged_image,
    schema.manifest,
    schema.lifecycle_policy,
    schema.lifecycle_preview,
    schema.lifecycle_preview_result,
    schema.layer_review,
    schema.repository_tag,
)
_REMOVED = select(_repository.c.id).where(_repository.c.account == OF_NO_REGISTRY).order_by(_repository.c.id).limit(1)


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows went, and how many repositories are gone for good."""

    rows: int = 0
    repositories: int = 0


def is_any_left(db: Connection) -> bool:
    """Tell whether a deleted repository still holds something."""
    return db.execute(_REMOVED).first() is not None


def remove_some(db: Connection, now: datetime, limit: int) -> Removed:
    """Delete at most `limit` rows of a deleted repository, and in the end its own.

    No bytes are touched: rows go before bytes (law 1). The bytes of unfinished uploads, which nothing else names, are
    left to the sweep. A layer is held until its row goes here, and then left to the review.
    """
    found: int | None = db.execute(_REMOVED.with_for_update(skip_locked=True)).scalar()
    if found is None or limit == 0:
        return Removed()
    left = limit - _remove_segments(db, found, now, limit)
    for table in (_upload, *_IN_A_REPOSITORY):
        left -= statements.delete_some(db, table, [table.c.repository_id == found], left)
    left -= _remove_layers(db, found, now, left)
    if left == 0:
        return Removed(limit)
    db.execute(delete(_repository).where(_repository.c.id == found))
    return Removed(limit - left + 1, 1)


def _remove_segments(db: Connection, repository_id: int, now: datetime, limit: int) -> int:
    mine = select(_segment.c.key).join(_upload, _upload.c.id == _segment.c.upload_id)
    keys = db.execute(mine.where(_upload.c.repository_id == repository_id).limit(limit)).scalars().all()
    blobs.discard(db, [Key(key) for key in keys], now)
    for batch in statements.batches(keys):
        db.execute(delete(_segment).where(_segment.c.key.in_(batch)))
    return len(keys)


def _remove_layers(db: Connection, repository_id: int, now: datetime, limit: int) -> int:
    mine = _held.c.repository_id == repository_id
    query = select(_held.c.digest).where(mine).order_by(_held.c.digest).limit(limit)
    digests = db.execute(query).scalars().all() if limit > 0 else []
    for digest in digests:
        reviews.review_blob(db, Digest.parse(digest), now)
    for batch in statements.batches(digests):
        db.execute(delete(_held).where(mine, _held.c.digest.in_(batch)))
    return len(digests)
