"""Uploads under way: each part is a segment with bytes of its own, durable before its row."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from twinport.catalog import blobs, repositories, statements
from twinport.catalog import regional_schema as schema
from twinport.catalog.blobs import NewBlob, StoredBlob
from twinport.catalog.repositories import Against
from twinport.model.content import Digest, Key
from twinport.model.images import Repository
from twinport.model.names import Registry
from twinport.refusals.images import TooManyUploadedBytes, TooManyUploads, UploadNotFound, UploadOutOfOrder

_upload, _segment = schema.upload, schema.upload_segment
# Building a statement costs more than running it, so those that every part of a push runs are built once.
_SIZE = select(_upload.c.size).where(
    _upload.c.id == bindparam("upload_id"), _upload.c.repository_id == bindparam("repository_id")
)
_SEGMENTS = select(_segment).where(_segment.c.upload_id == bindparam("upload_id")).order_by(_segment.c.first_byte)


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of an upload. `digest` is that of the part alone."""

    first_byte: int
    size: int
    key: Key
    digest: Digest


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it was when it was read. Its size tells its state: it only ever grows."""

    id: str
    repository: Repository
    size: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class UploadQuota:
    """How many uploads an account may have open in a Region, and how many bytes they may hold together."""

    uploads: int = 1000
    size: int = 1 << 40


def start(db: Connection, registry: Registry, name: str, upload_id: str, now: datetime, quota: UploadQuota) -> None:
    """Open an upload. Raises RepositoryNotFound, TooManyUploads, TooManyUploadedBytes."""
    owner = repositories.lock(db, registry, name, Against.REMOVAL)
    opened, size = _open_uploads(db, registry, quota)
    if opened >= quota.uploads:
        raise TooManyUploads(registry.account, quota.uploads)
    _require_room(registry, size, quota)
    row = {"id": upload_id, "repository_id": owner.id, "size": 0, "created_at": now, "touched_at": now}
    db.execute(insert(_upload).values(account=registry.account, **row))


def require_room(db: Connection, registry: Registry, quota: UploadQuota) -> None:
    """Raise TooManyUploadedBytes if the open uploads of an account hold as much as they may."""
    _require_room(registry, _open_uploads(db, registry, quota)[1], quota)


def _open_uploads(db: Connection, registry: Registry, quota: UploadQuota) -> tuple[int, int]:
    """Return how many uploads an account has open, and their bytes, looking at no more rows than the quota."""
    some = select(_upload.c.size).where(_upload.c.account == registry.account).limit(quota.uploads).subquery()
    row = db.execute(select(func.count(), func.coalesce(func.sum(some.c.size), 0)).select_from(some)).one()
    return int(row[0]), int(row[1])


def _require_room(registry: Registry, size: int, quota: UploadQuota) -> None:
    if size >= quota.size:
        raise TooManyUploadedBytes(registry.account, quota.size)


def get(db: Connection, registry: Registry, name: str, upload_id: str) -> Upload:
    """Return an upload with its segments in order. Raises RepositoryNotFound, UploadNotFound."""
    return _read(db, repositories.get(db, registry, name), upload_id)


def append(db: Connection, upload: Upload, segment: Segment, now: datetime) -> None:
    """Add a segment that begins where the upload ends.

    Raises RepositoryNotFound, UploadOutOfOrder, UploadNotFound, BytesGivenUp.
    """
    repositories.keep(db, upload.repository)
    blobs.require_kept(db, segment.key)
    changes = {"size": _upload.c.size + segment.size, "touched_at": now}
    grown = db.execute(
        update(_upload).where(_upload.c.id == upload.id, _upload.c.size == segment.first_byte).values(changes)
    )
    if grown.rowcount != 1:
        raise _overtaken(db, upload)
    row = {
        "upload_id": upload.id,
        "first_byte": segment.first_byte,
        "size": segment.size,
        "key": segment.key,
        "digest": str(segment.digest),
    }
    db.execute(insert(_segment).values(row))


def finish(db: Connection, upload: Upload, blob: NewBlob, now: datetime) -> StoredBlob:
    """Turn an upload, if it is still as it was read, into a blob that its repository holds, and return where it lies.

    Segments that are not the blob itself are discarded. Raises RepositoryNotFound, UploadOutOfOrder, UploadNotFound.
    """
    repositories.keep(db, upload.repository)
    ended = db.execute(delete(_upload).where(_upload.c.id == upload.id, _upload.c.size == upload.size))
    if ended.rowcount != 1:
        raise _overtaken(db, upload)
    blobs.discard(db, [segment.key for segment in upload.segments if segment.key != blob.key], now)
    return _hold(db, upload.repository, blob, now)


def cancel(db: Connection, registry: Registry, name: str, upload_id: str, now: datetime) -> None:
    """Forget an upload and discard its segments. Raises RepositoryNotFound, UploadNotFound."""
    owner = repositories.lock(db, registry, name, Against.REMOVAL)
    statements.lock(db, select(_upload.c.id).where(_upload.c.id == upload_id))
    upload = _read(db, owner, upload_id)
    db.execute(delete(_upload).where(_upload.c.id == upload.id))
    blobs.discard(db, [segment.key for segment in upload.segments], now)


def store_whole(db: Connection, registry: Registry, name: str, blob: NewBlob, now: datetime) -> StoredBlob:
    """Let a repository hold bytes that came without an upload. Raises RepositoryNotFound."""
    return _hold(db, repositories.lock(db, registry, name, Against.REMOVAL), blob, now)


def mount(
    db: Connection, registry: Registry, name: str, digest: Digest, source_name: str, now: datetime
) -> StoredBlob | None:
    """Let a repository hold what another one holds; None if that one does not. Raises RepositoryNotFound."""
    target = repositories.lock(db, registry, name, Against.REMOVAL)
    # Kept before the source is looked at: what both say then stays true.
    kept = blobs.keep(db, digest)
    source = repositories.find(db, registry, source_name)
    if kept is None or source is None or not blobs.held(db, source.id, [digest]):
        return None
    blobs.link(db, target.id, digest, now)
    return kept


def _hold(db: Connection, repository: Repository, blob: NewBlob, now: datetime) -> StoredBlob:
    key = blobs.record(db, blob, now)
    blobs.link(db, repository.id, blob.digest, now)
    return StoredBlob(key, blob.size)


def _read(db: Connection, repository: Repository, upload_id: str) -> Upload:
    size = db.execute(_SIZE, {"upload_id": upload_id, "repository_id": repository.id}).scalar_one_or_none()
    if size is None:
        raise UploadNotFound(upload_id, repository.name, repository.registry.account)
    rows = db.execute(_SEGMENTS, {"upload_id": upload_id})
    segments = [Segment(row.first_byte, row.size, Key(row.key), Digest.parse(row.digest)) for row in rows]
    return Upload(upload_id, repository, size, tuple(segments))


def _overtaken(db: Connection, upload: Upload) -> UploadOutOfOrder:
    """Say where an upload stands that somebody else changed. Raises UploadNotFound if they ended it."""
    now = _read(db, upload.repository, upload.id)
    return UploadOutOfOrder(upload.id, upload.repository.name, upload.repository.registry.account, now.size)
