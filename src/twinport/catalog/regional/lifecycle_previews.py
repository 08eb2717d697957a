"""Previews of lifecycle policies: the last one of each repository, with its results as rows.

A preview that is asked for is due at once. One that is done is due again when it expires, and its results go then.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row, literal_column, select, update

from twinport.catalog.engine import statements
from twinport.catalog.regional import schema
from twinport.catalog.regional.lifecycle import Home, most_overdue
from twinport.model.content import Digest
from twinport.model.images import TagStatus
from twinport.model.lifecycle import Action
from twinport.model.lifecycle_policies import ActionType, StorageClass
from twinport.model.names import RegionName

_preview, _result = schema.lifecycle_preview, schema.lifecycle_preview_result
# Written out, not bound: the planner then sees that a partial index serves the query.
_IS_UNTAGGED = _result.c.tags == literal_column("'[]'")


class PreviewStatus(Enum):
    """LifecyclePolicyPreviewStatus of the service model."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview: the text as it was given, and how many images would be deleted or moved to the archive."""

    version: str
    text: str
    status: PreviewStatus
    expiring: int
    archiving: int


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """What would happen to one image. `number` is its place in the order of the actions."""

    number: int
    digest: Digest
    tags: tuple[str, ...]
    pushed_at: datetime
    storage: StorageClass
    action: ActionType
    priority: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which results are asked for: with or without tags, and of these digests alone if any are given."""

    tags: TagStatus = TagStatus.ANY
    digests: tuple[Digest, ...] | None = None


def find(db: Connection, repository_id: int) -> Preview | None:
    row = db.execute(select(_preview).where(_preview.c.repository_id == repository_id)).one_or_none()
    if row is None:
        return None
    return Preview(row.version, row.text, PreviewStatus(row.status), row.expiring, row.archiving)


def start(db: Connection, repository_id: int, text: str, version: str, now: datetime) -> None:
    """Ask for a preview instead of the last one, whose results go when the new ones are made."""
    changes = {"text": text, "version": version, "status": PreviewStatus.IN_PROGRESS.value, "due_at": now}
    statements.upsert(db, _preview, {"repository_id": repository_id}, {**changes, "expiring": 0, "archiving": 0})


def due(db: Connection, region: RegionName, now: datetime, limit: int) -> list[Home]:
    """Return the repository of each account whose preview is to be made, or has expired, longest."""
    return most_overdue(db, region, (_preview.c.repository_id, _preview.c.due_at), now, limit)


def forget_some(db: Connection, repository_id: int, limit: int) -> int:
    """Delete some results of a repository. Tell how many went."""
    return statements.delete_some(db, _result, [_result.c.repository_id == repository_id], limit)


def add(db: Connection, repository_id: int, version: str, first: int, actions: Sequence[Action]) -> bool:
    """Store some results, the first of which has the number `first`. Tell whether the preview is still asked for."""
    if not _is_current(db, repository_id, version):
        return False
    statements.insert_all_absent(
        db, _result, [_row(repository_id, number, each) for number, each in enumerate(actions, first)]
    )
    return True


def settle(db: Connection, repository_id: int, last: Preview, due_at: datetime | None) -> None:
    """Note how a preview ended, and when it is due again, unless another one is asked for."""
    mine = (_preview.c.repository_id == repository_id, _preview.c.version == last.version)
    counts = {"expiring": last.expiring, "archiving": last.archiving}
    changes = {"status": last.status.value, "due_at": due_at, **counts}
    db.execute(update(_preview).where(*mine).values(changes))


def results(db: Connection, repository_id: int, wanted: Wanted, after: int, limit: int) -> list[PreviewResult]:
    """Return results in the order of the actions, those after the number `after`."""
    query = select(_result).where(_result.c.repository_id == repository_id, _result.c.number > after)
    if wanted.digests is not None:
        query = query.where(_result.c.digest.in_([str(digest) for digest in wanted.digests]))
    if wanted.tags is not TagStatus.ANY:
        query = query.where(_IS_UNTAGGED if wanted.tags is TagStatus.UNTAGGED else ~_IS_UNTAGGED)
    return [_read(row) for row in db.execute(query.order_by(_result.c.number).limit(limit))]


def _is_current(db: Connection, repository_id: int, version: str) -> bool:
    """Lock the preview. Tell whether it is the one of this version, and not done."""
    mine = (_preview.c.repository_id == repository_id, _preview.c.version == version)
    wanted = _preview.c.status == PreviewStatus.IN_PROGRESS.value
    return db.execute(select(_preview.c.version).where(*mine, wanted).with_for_update()).first() is not None


def _row(repository_id: int, number: int, action: Action) -> dict[str, object]:
    image = action.image
    return {
        "repository_id": repository_id,
        "number": number,
        "digest": image.digest,
        "tags": json.dumps(image.tags, separators=(",", ":")),
        "pushed_at": image.pushed_at,
        "storage": image.storage.value,
        "action": action.kind.value,
        "priority": action.priority,
    }


def _read(row: Row[Any]) -> PreviewResult:
    return PreviewResult(
        number=row.number,
        digest=Digest.parse(row.digest),
        tags=tuple(json.loads(row.tags)),
        pushed_at=row.pushed_at,
        storage=StorageClass(row.storage),
        action=ActionType(row.action),
        priority=row.priority,
    )
