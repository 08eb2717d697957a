"""Uploads that ended: their segments are deleted some at a time, so that no transaction grows with an upload.

The transaction that completes, cancels or expires an upload deletes some segments, usually all of them, and then the
upload's own row. If segments are left, the row stays and records when the upload ended: no reader finds it any more,
and the sweep deletes the rest. The row of an id that could begin an upload again stays until the id's life ends, which
is the time that it then records. The transaction that deletes a segment's row notes its key as discarded.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, select, update

from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import blobs
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.catalog.regional.schema import repository as _repository
from twinport.catalog.regional.schema import upload as _upload
from twinport.catalog.regional.schema import upload_segment as _segment
from twinport.model import upload_ids
from twinport.model.content import Key

# How many segments the transaction that ends an upload deletes.
SEGMENTS_AT_ONCE = 200
IS_OPEN = _upload.c.ended_at.is_(None)
_IS_EMPTY = ~select(_segment.c.key).where(_segment.c.upload_id == _upload.c.id).exists()
_IS_THIS = _upload.c.id == bindparam("upload")
_SEGMENTS = Prepared(
    lambda _: (
        select(_segment.c.key)
        .where(_segment.c.upload_id == bindparam("upload"))
        .order_by(_segment.c.first_byte)
        .limit(bindparam("most"))
    )
)
_WITHOUT = Prepared(lambda _: delete(_segment).where(_segment.c.key == bindparam("name")))
_EMPTY = Prepared(lambda _: delete(_upload).where(_IS_THIS, _IS_EMPTY))
_time = _upload.c.ended_at.type
_ENDED = Prepared(
    lambda _: (
        update(_upload)
        .where(_IS_THIS)
        .values(
            ended_at=case((_IS_EMPTY, bindparam("harmless_from", type_=_time)), else_=bindparam("at", type_=_time)),
            account=OF_NO_REGISTRY,
        )
    )
)


def end(db: Connection, ids: Sequence[str], now: datetime, limit: int, blob: Key | None = None) -> int:
    """End uploads, which are locked, and delete at most `limit` of their segments. Tell how many rows went.

    The key `blob` is not discarded: the only segment of an upload has become the blob.
    """
    rows = 0
    for each in ids:
        keys = [key for (key,) in _SEGMENTS.all(db, upload=each, most=limit)]
        blobs.discard(db, [Key(key) for key in keys if key != blob], now)
        _WITHOUT.change_all(db, [{"name": key} for key in keys])
        harmless_from = upload_ids.harmless_from(each) or now
        # As long as its id lives, the row keeps an upload of this id from beginning again.
        gone = _EMPTY.change(db, upload=each) if harmless_from <= now else 0
        if not gone:
            # It counts for no quota any more.
            _ENDED.change(db, upload=each, at=now, harmless_from=harmless_from)
        limit -= len(keys)
        rows += len(keys) + gone
    return rows


def expire(db: Connection, before: datetime, now: datetime, limit: int) -> int:
    """End at most `limit` of the uploads to which nothing was added since `before`. Tell how many."""
    ids = _locked(db, [IS_OPEN, _upload.c.touched_at <= before], _upload.c.touched_at, limit)
    if ids:
        end(db, ids, now, limit)
    return len(ids)


def go_on(db: Connection, now: datetime, limit: int) -> int:
    """Delete at most `limit` segments of uploads that ended, and uploads without segments. Tell how many rows went."""
    ids = _locked(db, [_has_ended(now)], _upload.c.ended_at, limit)
    return end(db, ids, now, limit) if ids else 0


def is_any_left(db: Connection, now: datetime) -> bool:
    """Tell whether an upload that ended still has segments."""
    return db.execute(select(_upload.c.id).where(_has_ended(now)).limit(1)).first() is not None


def _has_ended(now: datetime) -> ColumnElement[bool]:
    # A comparison instead of IS NOT NULL: SQLite's planner then skips the uploads that are open.
    return _upload.c.ended_at <= now


def _locked(
    db: Connection, which: Sequence[ColumnElement[bool]], order: ColumnElement[datetime], limit: int
) -> list[str]:
    """Lock some uploads, the oldest first, that no other transaction has locked.

    Their repositories are locked too, because the removal of a repository deletes its uploads.
    """
    found = set(db.execute(select(_upload.c.repository_id).where(*which).order_by(order).limit(limit)).scalars())
    owners = select(_repository.c.id).where(_repository.c.id.in_(found))
    kept = db.execute(owners.with_for_update(read=True, key_share=True, skip_locked=True)).scalars().all()
    mine = select(_upload.c.id).where(*which, _upload.c.repository_id.in_(kept)).order_by(order).limit(limit)
    return list(db.execute(mine.with_for_update(skip_locked=True)).scalars())
