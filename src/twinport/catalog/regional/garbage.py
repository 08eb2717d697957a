"""The rows of garbage: checked again under lock, then deleted; the keys of their bytes are noted for the sweep (law 1).

Each function is one short transaction over a bounded number of rows. Several sweepers may run any of them at once: each
takes rows that no other transaction has locked. docs/decisions/0008-locks-on-postgresql.md gives the order of locks.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Select, delete, or_, select, update

from twinport.catalog.engine import statements
from twinport.catalog.regional import blobs, endings, removals, reviews, schema
from twinport.model.content import Digest, Key

_layer, _blob_review, _discarded = schema.layer_review, schema.blob_review, schema.discarded_key
_blob, _held, _part, _repository = schema.blob, schema.repository_blob, schema.manifest_blob, schema.repository
_upload, _segment = schema.upload, schema.upload_segment
# A host with a fast clock may have noted times that are later than now.
ALWAYS = datetime.max.replace(tzinfo=UTC)
_KEYS = (_blob.c.key, _segment.c.key, schema.offer_blob.c.key)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How many rows were reviewed, and how many of them were unlinked or deleted."""

    looked_at: int = 0
    gone: int = 0


def has_work(db: Connection, now: datetime, layers: datetime, uploads: datetime, keys: datetime) -> bool:
    """Tell whether anything is as old as the time given for its kind, or something that ended has rows left."""
    oldest = (
        select(_layer.c.digest).where(_layer.c.since <= layers),
        select(_blob_review.c.digest).where(_blob_review.c.since <= layers),
        select(_upload.c.id).where(endings.IS_OPEN, _upload.c.touched_at <= uploads),
        select(_discarded.c.key).where(_discarded.c.discarded_at <= keys),
    )
    is_left = removals.is_any_left(db) or endings.is_any_left(db, now)
    return is_left or any(db.execute(query.limit(1)).first() is not None for query in oldest)


# --- layers and blobs -------------------------------------------------------------------------------------


def next_repository(db: Connection, before: datetime) -> int | None:
    """Return the repository whose layers have waited longest for a review, of those due before `before`."""
    query = select(_layer.c.repository_id).where(_layer.c.since <= before)
    found: int | None = db.execute(query.order_by(_layer.c.since).limit(1)).scalar()
    return found


def review_layers(db: Connection, repository_id: int, before: datetime, limit: int) -> Reviewed:
    """Review layers of a repository that lost their image before `before`: unlink those that still have none.

    The lock keeps clients from pushing, mounting or uploading to the repository meanwhile, so the result stays true.
    """
    db.execute(select(_repository.c.id).where(_repository.c.id == repository_id).with_for_update()).all()
    due = {row.digest: row.since for row in db.execute(_due_layers(repository_id, before, limit))}
    idle = sorted(due.keys() - _named(db, repository_id, due))
    mine = _held.c.repository_id == repository_id
    for batch in statements.batches(idle):
        db.execute(delete(_held).where(mine, _held.c.digest.in_(batch)))
    for digest in idle:
        reviews.review_blob(db, Digest.parse(digest), due[digest])
    for batch in statements.batches(due):
        db.execute(delete(_layer).where(_layer.c.repository_id == repository_id, _layer.c.digest.in_(batch)))
    return Reviewed(len(due), len(idle))


def review_blobs(db: Connection, before: datetime, now: datetime, limit: int) -> Reviewed:
    """Review blobs that were unlinked before `before`: delete the row of each blob that no repository holds.

    A blob that another transaction is about to link is left for the next review.
    """
    due = select(_blob_review.c.digest).where(_blob_review.c.since <= before).order_by(_blob_review.c.since)
    digests = list(db.execute(due.limit(limit).with_for_update(skip_locked=True)).scalars())
    present = set(db.execute(select(_blob.c.digest).where(_blob.c.digest.in_(digests))).scalars())
    locked = select(_blob.c.digest, _blob.c.key).where(_blob.c.digest.in_(digests)).with_for_update(skip_locked=True)
    keys = {row.digest: Key(row.key) for row in db.execute(locked)}
    # Read only now: a transaction that links a blob locks the blob's row first.
    held = set(db.execute(select(_held.c.digest).where(_held.c.digest.in_(digests))).scalars())
    idle = sorted(keys.keys() - held)
    db.execute(delete(_blob).where(_blob.c.digest.in_(idle)))
    blobs.discard(db, [keys[digest] for digest in idle], now)
    settled = [digest for digest in digests if digest in keys or digest not in present]
    db.execute(delete(_blob_review).where(_blob_review.c.digest.in_(settled)))
    return Reviewed(len(settled), len(idle))


def _due_layers(repository_id: int, before: datetime, limit: int) -> Select[tuple[str, datetime]]:
    due = select(_layer.c.digest, _layer.c.since).where(
        _layer.c.repository_id == repository_id, _layer.c.since <= before
    )
    return due.order_by(_layer.c.since).limit(limit)


def _named(db: Connection, repository_id: int, digests: Collection[str]) -> set[str]:
    """Return which of the digests an image of the repository names."""
    query = select(_part.c.digest).distinct().where(_part.c.repository_id == repository_id)
    return {
        digest
        for batch in statements.batches(digests)
        for digest in db.execute(query.where(_part.c.digest.in_(batch))).scalars()
    }


# --- keys -------------------------------------------------------------------------------------------------


def lease_discarded(db: Connection, before: datetime, now: datetime, until: datetime, limit: int) -> list[Key]:
    """Return keys that were discarded before `before`, the oldest first, and lease them until `until`.

    A key that a row names after all is no garbage: only its note is deleted.
    """
    is_free = or_(_discarded.c.lease_until.is_(None), _discarded.c.lease_until <= now)
    due = select(_discarded.c.key).where(_discarded.c.discarded_at <= before, is_free)
    due = due.order_by(_discarded.c.discarded_at).limit(limit).with_for_update(skip_locked=True)
    keys = [Key(key) for key in db.execute(due).scalars()]
    in_use = named_keys(db, keys)
    forget(db, in_use)
    free = [key for key in keys if key not in in_use]
    for batch in statements.batches(free):
        db.execute(update(_discarded).where(_discarded.c.key.in_(batch)).values(lease_until=until))
    return free


def named_keys(db: Connection, keys: Collection[Key]) -> set[Key]:
    """Return which of the keys a blob, an upload or an offer names."""
    return {
        Key(key)
        for column in _KEYS
        for batch in statements.batches(keys)
        for key in db.execute(select(column).where(column.in_(batch))).scalars()
    }


def note_orphans(db: Connection, keys: Collection[Key], now: datetime) -> list[Key]:
    """Discard the keys that nothing names or notes, and return them. From here on nothing can name them."""
    known = known_keys(db, keys)
    orphans = [key for key in keys if key not in known]
    blobs.discard(db, orphans, now)
    return orphans


def known_keys(db: Connection, keys: Collection[Key]) -> set[Key]:
    """Return which of the keys are named, or noted as discarded."""
    noted = {
        Key(key)
        for batch in statements.batches(keys)
        for key in db.execute(select(_discarded.c.key).where(_discarded.c.key.in_(batch))).scalars()
    }
    return noted | named_keys(db, keys)


def forget(db: Connection, keys: Iterable[Key]) -> None:
    """Forget discarded keys whose bytes are gone."""
    for batch in statements.batches(keys):
        db.execute(delete(_discarded).where(_discarded.c.key.in_(batch)))
