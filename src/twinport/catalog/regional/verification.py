"""Verification of bytes against their rows: which are to be verified next, and what was found.

Blobs are verified in the order in which they wait, manifests in the order of their rows.

A damaged blob stays as a row in quarantine. A client that asks for it is told so and never gets its bytes. Bytes of the
same digest that a client pushes again replace them (`blobs.record`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, tuple_, update

from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.catalog.regional.schema import blob as _blob
from twinport.catalog.regional.schema import manifest as _manifest
from twinport.catalog.regional.schema import repository as _repository
from twinport.catalog.regional.schema import repository_blob as _held
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
class RecordedManifest:
    """A manifest of a repository, without its bytes; `size` is their number."""

    repository_id: int
    account: AccountId
    repository: RepositoryName
    digest: Digest
    size: int

    @property
    def place(self) -> tuple[int, str]:
        """Return its place in the order of all manifests."""
        return self.repository_id, str(self.digest)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which blobs and manifests to verify: those of repositories of a name, of an account, or all."""

    account: AccountId | None = None
    repository: RepositoryName | None = None


class Change(Enum):
    """What a finding changed."""

    NONE = "none"
    GONE = "gone, or other bytes by now"
    QUARANTINED = "quarantined"
    RELEASED = "released"


def longest_unseen(db: Connection, before: datetime, limit: int) -> list[RecordedBlob]:
    """Return some blobs that were not verified since `before`, those that have waited longest first."""
    query = select(_blob).where(_blob.c.verified_at <= before)
    return _read(db, query.order_by(_blob.c.verified_at, _blob.c.digest).limit(limit))


def after(db: Connection, scope: Scope, digest: str, limit: int) -> list[RecordedBlob]:
    """Return blobs in the order of their digests, those after `digest`."""
    query = select(_blob).where(_blob.c.digest > digest)
    if scope != Scope():
        query = query.where(_blob.c.digest.in_(_digests(scope)))
    return _read(db, query.order_by(_blob.c.digest).limit(limit))


def manifests_after(db: Connection, scope: Scope, place: tuple[int, str], limit: int) -> list[RecordedManifest]:
    """Return manifests in the order of their places, those after `place`."""
    key = tuple_(_manifest.c.repository_id, _manifest.c.digest)
    columns = (_manifest.c.repository_id, _manifest.c.digest, func.length(_manifest.c.content).label("size"))
    query = select(*columns, _repository.c.account, _repository.c.name).join(_repository)
    rows = db.execute(query.where(key > place, *_is_meant(scope)).order_by(*key).limit(limit))
    return [
        RecordedManifest(
            row.repository_id, AccountId(row.account), RepositoryName(row.name), Digest.parse(row.digest), row.size
        )
        for row in rows
    ]


def settle(db: Connection, blob: RecordedBlob, damage: Damage | None, now: datetime) -> Change:
    """Record a finding, and tell what it changes. Nothing is recorded if the blob has other bytes by now."""
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
    query = query.where(_held.c.digest == str(digest), *_is_meant(Scope()))
    query = query.order_by(_repository.c.account, _repository.c.name)
    return [(AccountId(row.account), RepositoryName(row.name)) for row in db.execute(query.limit(limit))]


def _digests(scope: Scope) -> Select[tuple[str]]:
    query = select(_held.c.digest).join(_repository, _repository.c.id == _held.c.repository_id)
    return query.where(*_is_meant(scope))


def _is_meant(scope: Scope) -> list[ColumnElement[bool]]:
    account, name = scope.account, scope.repository
    # A deleted repository, whose rows may still be there, is never in scope.
    owned = [_repository.c.account != OF_NO_REGISTRY if account is None else _repository.c.account == account]
    return owned if name is None else [*owned, _repository.c.name == name]


def _read(db: Connection, query: Select[tuple[object, ...]]) -> list[RecordedBlob]:
    return [_recorded(row) for row in db.execute(query)]


def _recorded(row: Row[tuple[object, ...]]) -> RecordedBlob:
    damage = None if row.damage is None else Damage(row.damage)
    return RecordedBlob(Digest.parse(row.digest), Key(row.key), row.size, damage)
