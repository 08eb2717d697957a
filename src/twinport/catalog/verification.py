"""Whether bytes are what their rows say: which are to be looked at next, and what was found.

A damaged blob stays as a row in quarantine: whoever asks is told so, nobody is given its bytes, and bytes of the same
digest that are pushed again take their place (`blobs.record`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import Connection, Row, Select, select, update

from twinport.catalog.regional_schema import blob as _blob
from twinport.catalog.regional_schema import repository as _repository
from twinport.catalog.regional_schema import repository_blob as _held
from twinport.model.content import Damage, Digest, Key
from twinport.model.names import AccountId, RepositoryName


@dataclass(frozen=True, slots=True)
class RecordedBlob:
    """A blob as its row describes it."""

    digest: Digest
    key: Key
    size: int
    damage: Damage | None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which blobs are meant: those of repositories of a name, of an account, or all."""

    account: AccountId | None = None
    repository: RepositoryName | None = None


class Change(Enum):
    """What a finding changed."""

    NONE = "none"
    GONE = "gone, or other bytes by now"
    QUARANTINED = "quarantined"
    RELEASED = "released"


def longest_unseen(db: Connection, before: datetime, limit: int) -> list[RecordedBlob]:
    """Return some blobs that nobody has looked at since `before`, those first that have waited longest."""
    query = select(_blob).where(_blob.c.verified_at <= before)
    return _read(db, query.order_by(_blob.c.verified_at, _blob.c.digest).limit(limit))


def after(db: Connection, scope: Scope, digest: str, limit: int) -> list[RecordedBlob]:
    """Return blobs in the order of their digests, those after `digest`."""
    query = select(_blob).where(_blob.c.digest > digest)
    if scope != Scope():
        query = query.where(_blob.c.digest.in_(_digests(scope)))
    return _read(db, query.order_by(_blob.c.digest).limit(limit))


def settle(db: Connection, blob: RecordedBlob, damage: Damage | None, now: datetime) -> Change:
    """Note what was found, and tell what that changes. Nothing is noted if the blob has other bytes by now."""
    same = (_blob.c.digest == str(blob.digest), _blob.c.key == blob.key)
    row = db.execute(select(_blob.c.damage).where(*same).with_for_update()).one_or_none()
    if row is None:
        return Change.GONE
    changes: dict[str, object] = {"verified_at": now, "damage": damage.value if damage else None}
    if (row.damage is None) == (damage is None):
        db.execute(update(_blob).where(*same).values(changes))
        return Change.NONE
    changes["damaged_at"] = None if damage is None else now
    db.execute(update(_blob).where(*same).values(changes))
    return Change.RELEASED if damage is None else Change.QUARANTINED


def holders(db: Connection, digest: Digest, limit: int) -> Sequence[tuple[AccountId, RepositoryName]]:
    """Return some repositories that hold a blob."""
    query = select(_repository.c.account, _repository.c.name).join(_held, _held.c.repository_id == _repository.c.id)
    query = query.where(_held.c.digest == str(digest)).order_by(_repository.c.account, _repository.c.name)
    return [(AccountId(row.account), RepositoryName(row.name)) for row in db.execute(query.limit(limit))]


def _digests(scope: Scope) -> Select[tuple[str]]:
    query = select(_held.c.digest).join(_repository, _repository.c.id == _held.c.repository_id)
    if scope.account is not None:
        query = query.where(_repository.c.account == scope.account)
    if scope.repository is not None:
        query = query.where(_repository.c.name == scope.repository)
    return query


def _read(db: Connection, query: Select[tuple[object, ...]]) -> list[RecordedBlob]:
    return [_recorded(row) for row in db.execute(query)]


def _recorded(row: Row[tuple[object, ...]]) -> RecordedBlob:
    damage = None if row.damage is None else Damage(row.damage)
    return RecordedBlob(Digest.parse(row.digest), Key(row.key), row.size, damage)
