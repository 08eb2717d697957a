"""Which images lie in the archive, and when an image was last pulled.

Most images have no row here: they were never in the archive, or never pulled. An active index has only active parts:
what restores an index restores its parts too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)

from twinport.catalog.engine import statements
from twinport.catalog.engine.columns import Instant
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import image_changes, scans, schema, tag_statuses, untagged
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.content import Digest
from twinport.model.images import ImageStatus
from twinport.model.names import AccountId, RegionName, Registry, RepositoryId, RepositoryName

_storage, _pull, _manifest, _child = schema.image_storage, schema.image_pull, schema.manifest, schema.manifest_child
_repository = schema.repository
_ACTIVE = ImageStatus.ACTIVE.value
_MICROSECOND = timedelta(microseconds=1)

_STATUS = Prepared(
    lambda _: select(_storage.c.status).where(
        _storage.c.repository_id == bindparam("repository_id"), _storage.c.digest == bindparam("digest")
    )
)
# For queries of manifests: the row of an image here, if it has one.
OF_THE_IMAGE = and_(_storage.c.repository_id == _manifest.c.repository_id, _storage.c.digest == _manifest.c.digest)


@dataclass(frozen=True, slots=True)
class Activating:
    """An image whose restore has begun."""

    repository: RepositoryId
    digest: Digest


def is_in(status: ImageStatus | None) -> tuple[ColumnElement[bool], ...]:
    """Return the condition for images of a status, in a query that joins `OF_THE_IMAGE` as an outer join."""
    match status:
        case None:
            return ()
        case ImageStatus.ACTIVE:
            return (or_(_storage.c.status.is_(None), _storage.c.status == _ACTIVE),)
        case _:
            return (_storage.c.status == status.value,)


def status_of(db: Connection, repository_id: int, digest: Digest) -> ImageStatus:
    """Return the status of an image that is there."""
    found = _STATUS.first(db, repository_id=repository_id, digest=str(digest))
    return ImageStatus.ACTIVE if found is None else ImageStatus(found.status)


def archive(db: Connection, repository_id: int, digest: Digest, now: datetime) -> int:
    """Move an image that is there to the archive. What scans found is forgotten: it is not scanned there.

    Tell how many rows changed: one for each tag, and one more.
    """
    scans.forget(db, repository_id, digest)
    image_changes.note(db, repository_id)
    changes = {"status": ImageStatus.ARCHIVED.value, "archived_at": now}
    statements.upsert(db, _storage, {"repository_id": repository_id, "digest": str(digest)}, changes)
    return 1 + _tell_lists(db, repository_id, [str(digest)])


def begin_to_activate(db: Connection, repository_id: int, digest: Digest) -> None:
    """Begin the restore of an image: the transactions that follow end it (landing/restores.py)."""
    image_changes.note(db, repository_id)
    changes = {"status": ImageStatus.ACTIVATING.value, "owed_to": None}
    statements.upsert(db, _storage, {"repository_id": repository_id, "digest": str(digest)}, changes)
    _tell_lists(db, repository_id, [str(digest)])


def owed_to(db: Connection, repository_id: int, digest: Digest) -> str | None:
    """Return the last tag whose deliveries the restore of an image has owed, or None if it has owed none."""
    query = select(_storage.c.owed_to).where(
        _storage.c.repository_id == repository_id, _storage.c.digest == str(digest)
    )
    found: str | None = db.execute(query).scalar()
    return found


def note_owed_to(db: Connection, repository_id: int, digest: Digest, tag: str) -> None:
    mine = (_storage.c.repository_id == repository_id, _storage.c.digest == str(digest))
    db.execute(update(_storage).where(*mine).values(owed_to=tag))


def activate(db: Connection, repository_id: int, digest: Digest, now: datetime) -> list[Digest]:
    """Make an image active, and all that it contains if it is an index. Return those that were not."""
    changed = [*_activate(db, repository_id, _storage.c.digest == str(digest), now)]
    level = [str(digest)]
    while level:
        parts: list[str] = []
        for batch in statements.batches(level):
            children = select(_child.c.child).where(_child.c.repository_id == repository_id, _child.c.parent.in_(batch))
            parts += _activate(db, repository_id, _storage.c.digest.in_(children), now)
        changed += parts
        level = parts
    if changed:
        image_changes.note(db, repository_id)
    return [Digest.parse(each) for each in changed]


def activate_parts(db: Connection, repository_id: int, index: Digest, now: datetime, limit: int) -> list[Digest]:
    """Make at most `limit` parts of an index active: those of an index in it before that index itself."""
    path, changed = [str(index)], list[str]()
    while path and len(changed) < limit:
        inner = _inner_index(db, repository_id, path[-1])
        if inner is not None:
            path.append(inner)
            continue
        # Read first: as a subquery of the UPDATE, PostgreSQL may read it again for each image of the repository.
        some = db.execute(_parts_in_archive(repository_id, path.pop()).limit(limit - len(changed))).scalars().all()
        for batch in statements.batches(some):
            changed += _activate(db, repository_id, _storage.c.digest.in_(batch), now)
    if changed:
        image_changes.note(db, repository_id)
    return [Digest.parse(each) for each in changed]


def _parts_in_archive(repository_id: int, index: str) -> Select[Any]:
    part = _storage.alias()
    of_the_part = and_(part.c.repository_id == _child.c.repository_id, part.c.digest == _child.c.child)
    query = select(_child.c.child).join(part, of_the_part).where(part.c.status != _ACTIVE)
    return query.where(_child.c.repository_id == repository_id, _child.c.parent == index)


def _inner_index(db: Connection, repository_id: int, index: str) -> str | None:
    """Return a part of an index that is not active and has such a part itself."""
    inner, part = _child.alias(), _storage.alias()
    of_the_part = and_(part.c.repository_id == inner.c.repository_id, part.c.digest == inner.c.child)
    parts = select(inner.c.child).join(part, of_the_part).where(part.c.status != _ACTIVE)
    parts = parts.where(inner.c.repository_id == repository_id, inner.c.parent == _child.c.child)
    # With OFFSET, PostgreSQL asks it of each part, by the index of parents. It would join else, and with statistics
    # from before a large index came, pair each part with each: minutes for thousands of parts.
    query = _parts_in_archive(repository_id, index).where(parts.correlate(_child).offset(0).exists())
    found: str | None = db.execute(query.limit(1)).scalar()
    return found


def _activate(db: Connection, repository_id: int, which: ColumnElement[bool], now: datetime) -> Sequence[str]:
    """Make images active. One that a push only leaves to later transactions was never in the archive."""
    mine = (_storage.c.repository_id == repository_id, which, _storage.c.status != _ACTIVE)
    since = case((_storage.c.archived_at.is_not(None), literal(now, Instant)), else_=_storage.c.activated_at)
    changed = update(_storage).where(*mine).values(status=_ACTIVE, activated_at=since, owed_to=None)
    digests = db.execute(changed.returning(_storage.c.digest)).scalars().all()
    _tell_lists(db, repository_id, digests)
    return digests


def _tell_lists(db: Connection, repository_id: int, digests: Sequence[str]) -> int:
    """Copy the status of images to where lists find it. Tell how many rows of tags changed."""
    untagged.review(db, repository_id, digests)
    return tag_statuses.review(db, repository_id, digests)


def activating(db: Connection, region: RegionName, limit: int) -> list[Activating]:
    """Return some images whose restore has begun: one of each account, then a second one of each, and so on."""
    order = (_storage.c.repository_id, _storage.c.digest)
    place = func.row_number().over(partition_by=_repository.c.account, order_by=order)
    query = (
        select(_repository.c.account, _repository.c.name, _storage.c.digest)
        .join(_repository, _repository.c.id == _storage.c.repository_id)
        .where(_storage.c.status == ImageStatus.ACTIVATING.value, _repository.c.account != OF_NO_REGISTRY)
        .order_by(place, _repository.c.account)
        .limit(limit)
    )
    return [
        Activating(
            RepositoryId(Registry(AccountId(row.account), region), RepositoryName(row.name)), Digest.parse(row.digest)
        )
        for row in db.execute(query)
    ]


def has_active_parent(db: Connection, repository_id: int, digest: Digest) -> bool:
    """Tell whether an index that is not in the archive contains an image."""
    of_parent = and_(_storage.c.repository_id == _child.c.repository_id, _storage.c.digest == _child.c.parent)
    query = select(_child.c.parent).outerjoin(_storage, of_parent)
    query = query.where(_child.c.repository_id == repository_id, _child.c.child == str(digest))
    archived = ImageStatus.ARCHIVED.value
    is_out = or_(_storage.c.status.is_(None), _storage.c.status != archived)
    return db.execute(query.where(is_out).limit(1)).first() is not None


# --- pulls ------------------------------------------------------------------------------------------------

Pulled = tuple[int, str]


def note_pulls(db: Connection, pulls: Mapping[Pulled, datetime], coarseness: timedelta) -> None:
    """Write pulls of images, by repository and digest. A row that is less than `coarseness` older stays as it is."""
    wanted = sorted(pulls)
    statements.lock(db, _kept_repositories(wanted), shared=True)
    for batch in statements.batches(wanted):
        there = _there(db, batch)
        rows = [{"repository_id": id_, "digest": name, "pulled_at": pulls[id_, name]} for id_, name in there]
        insert = statements.insert(db, _pull)
        micros = literal(coarseness // _MICROSECOND, BigInteger)
        is_old = type_coerce(insert.excluded.pulled_at, BigInteger) - micros >= type_coerce(
            _pull.c.pulled_at, BigInteger
        )
        changes = {"pulled_at": insert.excluded.pulled_at}
        if rows:
            key = ["repository_id", "digest"]
            db.execute(insert.on_conflict_do_update(index_elements=key, set_=changes, where=is_old), rows)


def _kept_repositories(pulls: Sequence[Pulled]) -> Any:
    return select(_repository.c.id).where(_repository.c.id.in_(sorted({id_ for id_, _ in pulls})))


def _there(db: Connection, batch: Sequence[Pulled]) -> list[Pulled]:
    """Return those whose image is still there: it may be deleted between a pull and its note."""
    name = tuple_(_manifest.c.repository_id, _manifest.c.digest)
    query = select(_manifest.c.repository_id, _manifest.c.digest).where(name.in_(batch))
    return sorted((row.repository_id, row.digest) for row in db.execute(query))
