"""Lifecycle policies as rows: when each is due, what it sees, and what is done under its repository's lock.

A run reads the images page by page, decides, and acts in short transactions. Each of these compares what it acts on
with what the decision was made from, so it may run long after the decision, and in any process.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, delete, func, select, update

from twinport.catalog.engine import statements
from twinport.catalog.regional import images, schema, storage
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.content import Digest
from twinport.model.images import ImageDetail, ImageFilter, ImageStatus
from twinport.model.lifecycle import Action, Image
from twinport.model.lifecycle_policies import ActionType
from twinport.model.names import AccountId, RegionName, Registry, RepositoryId, RepositoryName

_policy, _repository, _child = schema.lifecycle_policy, schema.repository, schema.manifest_child


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    text: str
    version: str
    evaluated_at: datetime | None
    image_changes: int


@dataclass(frozen=True, slots=True)
class Home:
    """A repository that a policy is due for."""

    id: int
    repository: RepositoryId


# --- policies ---------------------------------------------------------------------------------------------


def find(db: Connection, repository_id: int) -> StoredPolicy | None:
    row = db.execute(select(_policy).where(_policy.c.repository_id == repository_id)).one_or_none()
    return None if row is None else StoredPolicy(row.text, row.version, row.evaluated_at, row.image_changes)


def put(db: Connection, repository_id: int, text: str, version: str, now: datetime) -> None:
    """Store or replace a policy, which is due at once."""
    changes = {"text": text, "version": version, "due_at": now}
    statements.upsert(db, _policy, {"repository_id": repository_id}, changes)


def remove(db: Connection, repository_id: int) -> None:
    db.execute(delete(_policy).where(_policy.c.repository_id == repository_id))


def due(db: Connection, region: RegionName, now: datetime, limit: int) -> list[Home]:
    """Return the repository of each account whose policy is due longest, for the accounts that wait longest."""
    return most_overdue(db, region, (_policy.c.repository_id, _policy.c.due_at), now, limit)


def most_overdue(
    db: Connection, region: RegionName, due: tuple[Column[int], Column[datetime]], now: datetime, limit: int
) -> list[Home]:
    """Return one repository of each account, by the columns of the repositories that something is due for, and when."""
    repository_id, due_at = due
    place = func.row_number().over(partition_by=_repository.c.account, order_by=(due_at, repository_id))
    ranked = (
        select(
            _repository.c.id,
            _repository.c.account,
            _repository.c.name,
            due_at.label("due_at"),
            place.label("place"),
        )
        .join_from(repository_id.table, _repository, repository_id == _repository.c.id)
        .where(due_at <= now, _repository.c.account != OF_NO_REGISTRY)
        .subquery()
    )
    query = select(ranked).where(ranked.c.place == 1).order_by(ranked.c.due_at, ranked.c.id).limit(limit)
    return [
        Home(row.id, RepositoryId(Registry(AccountId(row.account), region), RepositoryName(row.name)))
        for row in db.execute(query)
    ]


def finish(db: Connection, repository_id: int, version: str, now: datetime, pause: timedelta) -> None:
    """Note that a run ended, unless the policy was replaced meanwhile: the new one is due."""
    mine = (_policy.c.repository_id == repository_id, _policy.c.version == version)
    db.execute(update(_policy).where(*mine).values(evaluated_at=now, due_at=now + pause))


def postpone(db: Connection, repository_id: int, version: str, until: datetime) -> None:
    mine = (_policy.c.repository_id == repository_id, _policy.c.version == version)
    db.execute(update(_policy).where(*mine).values(due_at=until))


# --- images -----------------------------------------------------------------------------------------------


def page(
    db: Connection, repository_id: int, after: str, limit: int, known: dict[str, str] | None = None
) -> list[Image]:
    """Return some images as a policy sees them, in the order of their digests, those after the digest `after`.

    Digests of parts that `known` has are those of `known`, and others are put there: many indexes have the same parts,
    whose texts would fill the memory.
    """
    every = ImageFilter(status=None)
    details, _ = images.described(db, repository_id, every, after, limit)
    return _seen(db, repository_id, details, {} if known is None else known)


def seen(db: Connection, repository_id: int, digests: Iterable[str]) -> dict[str, Image]:
    """As `page`, for these images as far as they exist, and without their parts."""
    details = images.details(db, repository_id, [Digest.parse(digest) for digest in digests])
    return {str(digest): _image(detail, ()) for digest, detail in details.items()}


def _seen(db: Connection, repository_id: int, details: Sequence[ImageDetail], known: dict[str, str]) -> list[Image]:
    parts: dict[str, list[str]] = {str(detail.digest): [] for detail in details}
    for batch in statements.batches(parts):
        query = select(_child.c.parent, _child.c.child).where(_child.c.repository_id == repository_id)
        for row in db.execute(query.where(_child.c.parent.in_(batch)).order_by(_child.c.parent, _child.c.child)):
            parts[row.parent].append(known.setdefault(row.child, row.child))
    return [_image(detail, parts[str(detail.digest)]) for detail in details]


def _image(detail: ImageDetail, parts: Sequence[str]) -> Image:
    return Image(
        digest=str(detail.digest),
        tags=detail.tags,
        pushed_at=detail.pushed_at,
        status=detail.status,
        archived_at=detail.archived_at,
        activated_at=detail.activated_at,
        pulled_at=detail.pulled_at,
        subject=str(detail.subject) if detail.subject else None,
        parts=tuple(parts),
    )


# --- acting -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """Some actions of a plan, and the images that must still be what they were for these actions to be right.

    They were, when the repository had counted `image_changes` changes.
    """

    actions: tuple[Action, ...]
    kept: tuple[tuple[Image, ...], ...]
    image_changes: int


@dataclass(frozen=True, slots=True)
class Acted:
    """The actions that were taken, and the changes of images that the repository had counted before and after them.

    `decided` is how many actions of the step were taken or found to be wrong: the others are for another transaction.
    """

    actions: tuple[Action, ...]
    decided: int
    before: int
    after: int


def act(db: Connection, home: Home, version: str, step: Step, now: datetime) -> Acted | None:
    """Take the actions that are still right, and return those; None if the whole plan is out of date.

    The repository is locked against pushes and deletions. An image that changed since the plan was made stays. An
    index's part or a referrer stays if the index or the subject stayed. What the rules keep is read again only if an
    image of the repository changed since. Once many rows are gone or changed, the rest is left to another transaction.
    """
    policy = _locked_policy(db, home)
    if policy is None or policy.version != version:
        return None
    kept = [image for images in step.kept for image in images] if policy.image_changes != step.image_changes else []
    present = seen(db, home.id, {each.digest for each in (*kept, *(action.image for action in step.actions))})
    if any(present.get(image.digest) != image for image in kept):
        return None
    still = {each.image.digest for each in step.actions if present.get(each.image.digest) == each.image}
    rows = _take(db, home, step.actions, still, now)
    taken = tuple(each for each, count in zip(step.actions, rows, strict=False) if count)
    after = find(db, home.id)
    return Acted(taken, len(rows), policy.image_changes, after.image_changes if after else 0)


def _take(
    db: Connection, home: Home, actions: Sequence[Action], still: Collection[str], now: datetime
) -> Sequence[int]:
    """Take actions until many rows are gone or changed. Return how many each took: none for one that is wrong now."""
    rows: list[int] = []
    for each in actions:
        rows.append(_do(db, home, each, now) if each.image.digest in still else 0)
        if sum(rows) >= images.ROWS_AT_ONCE:
            break
    return rows


def _locked_policy(db: Connection, home: Home) -> StoredPolicy | None:
    """Lock the repository against writers, and return its policy if it is there under its name."""
    place = (_repository.c.id == home.id, _repository.c.account == home.repository.account)
    lock = select(_repository.c.id).where(*place).with_for_update(key_share=True)
    return None if db.execute(lock).first() is None else find(db, home.id)


def _do(db: Connection, home: Home, action: Action, now: datetime) -> int:
    """Take an action. Tell how many rows that took: none if it is not right any more."""
    digest = Digest.parse(action.image.digest)
    if action.kind is ActionType.EXPIRE:
        return _expire(db, home.id, action.image, digest, now)
    subject = action.image.subject
    follows = subject is not None and images.holds(db, home.id, Digest.parse(subject))
    if follows and storage.status_of(db, home.id, Digest.parse(subject or "")) is not ImageStatus.ARCHIVED:
        return 0
    if storage.has_active_parent(db, home.id, digest):
        return 0
    return storage.archive(db, home.id, digest, now)


def _expire(db: Connection, repository_id: int, image: Image, digest: Digest, now: datetime) -> int:
    if image.subject is not None and images.holds(db, repository_id, Digest.parse(image.subject)):
        return 0
    if images.parents_of(db, repository_id, digest, 1):
        return 0
    return images.remove_manifest(db, repository_id, digest, now)
