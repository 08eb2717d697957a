"""Referrers follow their subject into the archive and out of it, some at a time, since there may be any number.

A row says that the referrers of an image are still to be moved. A referrer that was moved may have referrers too, and
gets a row then. What was moved already stays as it is, so a crash between two transactions loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from twinport.catalog.engine import statements
from twinport.catalog.regional import images, schema, storage
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.content import Digest
from twinport.model.images import ImageStatus, Repository
from twinport.model.names import AccountId, RegionName, Registry, RepositoryId, RepositoryName

_move, _manifest, _storage, _repository = (
    schema.referrer_move,
    schema.manifest,
    schema.image_storage,
    schema.repository,
)


@dataclass(frozen=True, slots=True)
class Moved:
    """The referrers that one transaction moved, and whether the repository has more to look at."""

    archived: tuple[Digest, ...]
    restoring: tuple[Digest, ...]
    is_more: bool


def begin(db: Connection, repository_id: int, subjects: Sequence[Digest]) -> None:
    """Note that the referrers of these images are to be moved to where the images lie now."""
    names = [str(each) for each in subjects]
    for batch in statements.batches(names):
        mine = (_manifest.c.repository_id == repository_id, _manifest.c.subject.in_(batch))
        # In one order, so that two transactions that note the same subjects do not deadlock.
        found = select(_manifest.c.subject).where(*mine).distinct().order_by(_manifest.c.subject)
        for subject in db.execute(found).scalars().all():
            statements.upsert(db, _move, {"repository_id": repository_id, "subject": subject}, {"after": ""})


def due(db: Connection, region: RegionName, after: int, limit: int) -> list[tuple[int, RepositoryId]]:
    """Return repositories with referrers to move, those after the id `after`."""
    query = (
        select(_repository.c.id, _repository.c.account, _repository.c.name)
        .where(_repository.c.id.in_(select(_move.c.repository_id).where(_move.c.repository_id > after)))
        .where(_repository.c.account != OF_NO_REGISTRY)
        .order_by(_repository.c.id)
        .limit(limit)
    )
    return [
        (row.id, RepositoryId(Registry(AccountId(row.account), region), RepositoryName(row.name)))
        for row in db.execute(query)
    ]


def move_some(db: Connection, repository: Repository, now: datetime, limit: int) -> Moved:
    """Look at no more than `limit` referrers of a repository, which is locked against writers, and move them."""
    archived: list[Digest] = []
    restoring: list[Digest] = []
    left = limit
    while left > 0 and (row := _next(db, repository.id)) is not None:
        subject = Digest.parse(row.subject)
        is_there = images.holds(db, repository.id, subject)
        referrers = _referrers(db, repository.id, row.subject, row.after, left) if is_there else []
        status = storage.status_of(db, repository.id, subject)
        is_archived = status is ImageStatus.ARCHIVED
        moved = [each for each in referrers if _move_one(db, repository.id, each, now, is_archived=is_archived)]
        (archived if is_archived else restoring).extend(moved)
        _note_progress(db, repository.id, row.subject, referrers, is_whole=len(referrers) < left)
        if is_archived:
            # Those of a restored one follow when its restore ends.
            begin(db, repository.id, moved)
        left -= max(1, len(referrers))
    return Moved(tuple(archived), tuple(restoring), _next(db, repository.id) is not None)


def _next(db: Connection, repository_id: int) -> "_Row | None":
    query = select(_move.c.subject, _move.c.after).where(_move.c.repository_id == repository_id)
    row = db.execute(query.order_by(_move.c.subject).limit(1)).one_or_none()
    return None if row is None else _Row(row.subject, row.after)


@dataclass(frozen=True, slots=True)
class _Row:
    subject: str
    after: str


def _referrers(db: Connection, repository_id: int, subject: str, after: str, limit: int) -> list[Digest]:
    mine = (_manifest.c.repository_id == repository_id, _manifest.c.subject == subject, _manifest.c.digest > after)
    query = select(_manifest.c.digest).where(*mine).order_by(_manifest.c.digest).limit(limit)
    return [Digest.parse(each) for each in db.execute(query).scalars()]


def _move_one(db: Connection, repository_id: int, digest: Digest, now: datetime, *, is_archived: bool) -> bool:
    """Move a referrer to where its subject lies. Tell whether it was elsewhere. One in an active index stays there."""
    query = select(_storage.c.status, _storage.c.archived_at)
    row = db.execute(query.where(_storage.c.repository_id == repository_id, _storage.c.digest == str(digest))).first()
    status = ImageStatus.ACTIVE if row is None else ImageStatus(row.status)
    if not is_archived:
        if status is ImageStatus.ARCHIVED:
            storage.begin_to_activate(db, repository_id, digest)
        return status is ImageStatus.ARCHIVED
    # A push that is not at its end makes its image wait, too.
    is_pushed = status is ImageStatus.ACTIVATING and row is not None and row.archived_at is None
    if status is ImageStatus.ARCHIVED or is_pushed or storage.has_active_parent(db, repository_id, digest):
        return False
    storage.archive(db, repository_id, digest, now)
    return True


def _note_progress(
    db: Connection, repository_id: int, subject: str, looked_at: Sequence[Digest], *, is_whole: bool
) -> None:
    mine = (_move.c.repository_id == repository_id, _move.c.subject == subject)
    if is_whole:
        db.execute(delete(_move).where(*mine))
    else:
        db.execute(update(_move).where(*mine).values(after=str(looked_at[-1])))
