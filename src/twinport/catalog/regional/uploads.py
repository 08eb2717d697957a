"""Uploads under way: each part is a segment with bytes of its own, durable before its row.

An upload has a row from its first byte on. Before, only its id tells that it was begun
(docs/decisions/0048-upload-ids.md).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Subquery, and_, bindparam, func, insert, select, update

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import blobs, endings, repositories, schema
from twinport.catalog.regional.blobs import NewBlob, StoredBlob
from twinport.catalog.regional.endings import SEGMENTS_AT_ONCE
from twinport.catalog.regional.repositories import Against
from twinport.model.content import Digest, Key
from twinport.model.images import Repository
from twinport.model.names import Registry, RepositoryId, RepositoryName
from twinport.refusals.images import TooManyUploadedBytes, TooManyUploads, UploadNotFound, UploadOutOfOrder

_upload, _segment = schema.upload, schema.upload_segment
# Building a statement costs more than running it, so those that every part of a push runs are built once.
_OPEN = (
    _upload.c.id == bindparam("upload_id"),
    _upload.c.repository_id == bindparam("repository_id"),
    endings.IS_OPEN,
)
# One statement reads the upload and its last segment, so that they are of one moment. If the statement asked for the
# first of all segments in descending order, PostgreSQL would read every one.
_before = _segment.alias()
_LAST_BYTE = select(func.max(_before.c.first_byte)).where(_before.c.upload_id == _upload.c.id).scalar_subquery()
LAST = _segment
IS_LAST = and_(_segment.c.upload_id == _upload.c.id, _segment.c.first_byte == _LAST_BYTE)
# The columns that an upload is read from.
COLUMNS = (
    _upload.c.size.label("upload_size"),
    _segment.c.first_byte,
    _segment.c.size.label("segment_size"),
    _segment.c.key.label("segment_key"),
    _segment.c.digest.label("segment_digest"),
)
_LAST = Prepared(lambda _: select(*COLUMNS).select_from(_upload.outerjoin(LAST, IS_LAST)).where(*_OPEN))


def used() -> Subquery:
    """Select how many uploads an account has, and their bytes, looking at no more rows than the quota."""
    mine = select(_upload.c.size).where(_upload.c.account == bindparam("account"))
    some = mine.limit(bindparam("most")).subquery("some_uploads")
    held = func.coalesce(func.sum(some.c.size), 0).label("held")
    return select(func.count().label("uploads"), held).select_from(some).subquery("used")


_USED = Prepared(lambda _: select(used()))
_LOCKED = Prepared(lambda _: select(_upload.c.size).where(*_OPEN).with_for_update())
# As long as the upload has not ended, all of its segments are there.
_PAGE = (
    select(_segment)
    .join(_upload)
    .where(*_OPEN, _segment.c.first_byte >= bindparam("place"), _segment.c.first_byte < bindparam("end"))
    .order_by(_segment.c.first_byte)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of an upload. `digest` is that of the part alone."""

    first_byte: int
    size: int
    key: Key
    digest: Digest


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it was when it was read. Its size tells its state: it only ever grows.

    `is_new`: no byte has come, and no row tells of it.
    """

    id: str
    repository: Repository
    size: int
    last: Segment | None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class UploadQuota:
    """How many uploads an account may have open in a Region, and how many bytes they may hold together."""

    uploads: int = 1000
    size: int = 1 << 40


STANDARD = UploadQuota()


@dataclass(frozen=True, slots=True)
class Used:
    """How many uploads an account has, and how many bytes they hold."""

    uploads: int
    size: int


def require_upload_quota(registry: Registry, used: Used, quota: UploadQuota) -> None:
    """Raise TooManyUploads, or what `require_byte_quota` raises, unless an account may begin one more upload."""
    if used.uploads >= quota.uploads:
        raise TooManyUploads(registry.account, quota.uploads)
    require_byte_quota(registry, used, quota)


def require_byte_quota(registry: Registry, used: Used, quota: UploadQuota) -> None:
    """Raise TooManyUploadedBytes if the open uploads of an account hold as many bytes as the quota allows."""
    if used.size >= quota.size:
        raise TooManyUploadedBytes(registry.account, quota.size)


def _used(db: Connection, registry: Registry, quota: UploadQuota) -> Used:
    (row,) = _USED.all(db, account=registry.account, most=quota.uploads)
    return Used(int(row.uploads), int(row.held))


def segments(db: Connection, upload: Upload, place: int, limit: int) -> list[Segment]:
    """Return the segments of an upload, as it was when it was read, that begin at the byte `place` or later, in order.

    They are at most `limit`, and at least one: `place` is before the end. Raises UploadNotFound if the upload ended
    meanwhile.
    """
    rows = db.execute(_PAGE, {**_names(upload), "place": place, "end": upload.size, "most": limit}).all()
    if not rows:
        raise _overtaken(db, upload)
    return [_segment_of(row) for row in rows]


def has_part_below(db: Connection, upload: Upload, least: int, end: int) -> bool:
    """Tell whether a segment that begins before the byte `end` has fewer bytes than `least`."""
    mine = (_segment.c.upload_id == upload.id, _segment.c.first_byte < end, _segment.c.size < least)
    return db.execute(select(_segment.c.key).where(*mine).limit(1)).first() is not None


def append(db: Connection, upload: Upload, segment: Segment, now: datetime, quota: UploadQuota = STANDARD) -> None:
    """Add a segment that begins where the upload ends. The first one makes the upload's row.

    Raises RepositoryNotFound, UploadOutOfOrder, UploadNotFound, BytesGivenUp, TooManyUploadedBytes, and of a new
    upload what `require_upload_quota` raises.
    """
    repositories.keep(db, upload.repository)
    blobs.require_kept(db, segment.key)
    if not (_begin if upload.is_new else _grow)(db, upload, segment, now, quota):
        raise _overtaken(db, upload)
    row = {
        "upload_id": upload.id,
        "first_byte": segment.first_byte,
        "size": segment.size,
        "key": segment.key,
        "digest": str(segment.digest),
    }
    db.execute(insert(_segment).values(row))


def _begin(db: Connection, upload: Upload, segment: Segment, now: datetime, quota: UploadQuota) -> bool:
    """Make the row of a new upload. Tell whether no other request of this id was faster."""
    registry = upload.repository.registry
    require_upload_quota(registry, _used(db, registry, quota), quota)
    return statements.insert_absent(db, _upload, _row(upload, segment.size, now))


def _grow(db: Connection, upload: Upload, segment: Segment, now: datetime, quota: UploadQuota) -> bool:
    """Let an upload grow by a segment. Tell whether it is still as it was read.

    The quota is asked again: many parts may have come since, and only one may pass the bound.
    """
    registry = upload.repository.registry
    require_byte_quota(registry, _used(db, registry, quota), quota)
    as_read = (_upload.c.id == upload.id, _upload.c.size == segment.first_byte, endings.IS_OPEN)
    changes = {"size": _upload.c.size + segment.size, "touched_at": now}
    return db.execute(update(_upload).where(*as_read).values(changes)).rowcount == 1


def _row(upload: Upload, size: int, now: datetime) -> dict[str, Any]:
    owner = upload.repository
    times = {"created_at": now, "touched_at": now}
    return {"id": upload.id, "repository_id": owner.id, "account": owner.registry.account, "size": size, **times}


def finish(db: Connection, upload: Upload, blob: NewBlob, now: datetime, limit: int = SEGMENTS_AT_ONCE) -> StoredBlob:
    """Turn an upload, if it is still as it was read, into a blob that its repository holds, and return where it lies.

    At most `limit` segments that are not the blob itself are discarded now, and the others later.
    Raises RepositoryNotFound, UploadOutOfOrder, UploadNotFound.
    """
    repositories.keep(db, upload.repository)
    locked = _LOCKED.first(db, **_names(upload))
    if locked is None or locked.size != upload.size:
        raise _overtaken(db, upload)
    endings.end(db, [upload.id], now, limit, blob.key)
    return _hold(db, upload.repository, blob, now)


def cancel(
    db: Connection, repository: RepositoryId, upload_id: str, now: datetime, limit: int = SEGMENTS_AT_ONCE
) -> None:
    """End an upload, and discard at most `limit` of its segments now. Raises RepositoryNotFound, UploadNotFound."""
    owner = repositories.lock(db, repository, Against.REMOVAL)
    if _LOCKED.first(db, upload_id=upload_id, repository_id=owner.id) is None:
        raise UploadNotFound(upload_id, repository.name, repository.account)
    endings.end(db, [upload_id], now, limit)


def cancel_new(db: Connection, upload: Upload, harmless_from: datetime, now: datetime, quota: UploadQuota) -> bool:
    """Note that no upload of an id may begin any more, until its life ends. False: meanwhile the id has got a row.

    The note counts as an upload. Notes take half of the quota at most, so that they lock no client out; beyond that,
    the id stays good until its life ends. Raises RepositoryNotFound.
    """
    repositories.keep(db, upload.repository)
    if _used(db, upload.repository.registry, quota).uploads >= quota.uploads // 2:
        return db.execute(select(_upload.c.id).where(_upload.c.id == upload.id)).first() is None
    return statements.insert_absent(db, _upload, {**_row(upload, 0, now), "ended_at": harmless_from})


def store_whole(db: Connection, repository: Repository, blob: NewBlob, now: datetime) -> StoredBlob:
    """Link bytes that came at once to a repository that was read before. Raises RepositoryNotFound, BytesGivenUp."""
    if blobs.record_new(db, repository, blob, now):
        blobs.link(db, repository.id, blob.digest, now)
        return StoredBlob(blob.key, blob.size)
    repositories.keep(db, repository)
    return _hold(db, repository, blob, now)


def mount(
    db: Connection, repository: RepositoryId, digest: Digest, source_name: str, now: datetime
) -> StoredBlob | None:
    """Link a blob of another repository; None if that one does not hold it, or has another encryption.

    Raises RepositoryNotFound.
    """
    target = repositories.lock(db, repository, Against.REMOVAL)
    # The blob is locked before the source is read, so that both answers stay true.
    kept = blobs.keep(db, digest)
    source = repositories.find(db, repository.registry.repository(RepositoryName(source_name)))
    if kept is None or source is None or not target.is_encrypted_as(source) or not blobs.held(db, source.id, [digest]):
        return None
    blobs.link(db, target.id, digest, now)
    return kept


def _hold(db: Connection, repository: Repository, blob: NewBlob, now: datetime) -> StoredBlob:
    key = blobs.record(db, blob, now)
    blobs.link(db, repository.id, blob.digest, now)
    return StoredBlob(key, blob.size)


def _read(db: Connection, repository: Repository, upload_id: str) -> Upload:
    row = _LAST.first(db, upload_id=upload_id, repository_id=repository.id)
    if row is None:
        raise UploadNotFound(upload_id, repository.name, repository.registry.account)
    return of_row(upload_id, repository, row)


def of_row(upload_id: str, repository: Repository, row: Any) -> Upload:
    """Read a row that has the columns of an upload and its last segment."""
    return Upload(upload_id, repository, row.upload_size, _last_of(row) if row.segment_key else None)


def _last_of(row: Any) -> Segment:
    return Segment(row.first_byte, row.segment_size, Key(row.segment_key), Digest.parse(row.segment_digest))


def _segment_of(row: Any) -> Segment:
    return Segment(row.first_byte, row.size, Key(row.key), Digest.parse(row.digest))


def _names(upload: Upload) -> dict[str, Any]:
    return {"upload_id": upload.id, "repository_id": upload.repository.id}


def _overtaken(db: Connection, upload: Upload) -> UploadOutOfOrder:
    """Return a refusal that tells where an upload stands, which another request has changed.

    Raises UploadNotFound if that request ended the upload.
    """
    now = _read(db, upload.repository, upload.id)
    return UploadOutOfOrder(upload.id, upload.repository.name, upload.repository.registry.account, now.size)
