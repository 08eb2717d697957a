"""Which bytes a Region has under which digest, and which repositories hold them.

Only digests that a repository holds exist for its readers: what another repository or account has stored under the
same digest is never shown, nor shared without the bytes having been sent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from twinport.catalog import schema, statements
from twinport.model.content import Digest, Key
from twinport.model.names import AccountId

_blob, _held, _discarded, _repository = (
    schema.blob,
    schema.repository_blob,
    schema.discarded_key,
    schema.repository,
)
# Building a statement costs more than running it, so this one, which every push and pull runs, is built once.
_HELD = (
    select(_blob.c.digest, _blob.c.key, _blob.c.size)
    .join(_held, _held.c.digest == _blob.c.digest)
    .where(
        _held.c.repository_id == bindparam("repository_id"),
        _held.c.digest.in_(bindparam("digests", expanding=True)),
    )
)


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """Where the bytes of a digest lie."""

    key: Key
    size: int


def record(db: Connection, digest: Digest, key: Key, size: int, now: datetime) -> Key:
    """Name durable bytes, and return the key that has the name: another one if others came first.

    The key that lost is remembered as discarded, so its bytes will be swept.
    """
    row = {"digest": str(digest), "key": key, "size": size, "created_at": now}
    if statements.insert_absent(db, _blob, row):
        return key
    won = Key(db.execute(select(_blob.c.key).where(_blob.c.digest == str(digest))).scalar_one())
    if won != key:
        discard(db, [key], now)
    return won


def link(db: Connection, repository_id: int, digest: Digest, now: datetime) -> None:
    """Let a repository hold a digest that is recorded."""
    row = {"repository_id": repository_id, "digest": str(digest), "linked_at": now}
    statements.insert_absent(db, _held, row)


def held(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Return the sizes of those digests that the repository holds."""
    wanted = {str(digest): digest for digest in digests}
    rows = db.execute(_HELD, {"repository_id": repository_id, "digests": list(wanted)})
    return {wanted[row.digest]: row.size for row in rows}


def held_by_registry(db: Connection, account: AccountId, digest: Digest) -> bool:
    """Tell whether any repository of the account, in this Region, holds the digest."""
    found = db.execute(
        select(_held.c.repository_id)
        .join(_repository, _repository.c.id == _held.c.repository_id)
        .where(_held.c.digest == str(digest), _repository.c.account == account)
        .limit(1)
    )
    return found.first() is not None


def locate(db: Connection, repository_id: int, digest: Digest) -> StoredBlob | None:
    """Return where the bytes of a digest lie, if the repository holds it."""
    row = db.execute(_HELD, {"repository_id": repository_id, "digests": [str(digest)]}).one_or_none()
    return None if row is None else StoredBlob(Key(row.key), row.size)


def discard(db: Connection, keys: Iterable[Key], now: datetime) -> None:
    """Remember keys that no row names any more: law 1 lets their bytes go after the rows."""
    for key in keys:
        statements.insert_absent(db, _discarded, {"key": key, "discarded_at": now})


def discarded_before(db: Connection, moment: datetime, limit: int) -> list[Key]:
    """Return some of the keys that were discarded before `moment`, the oldest first."""
    query = select(_discarded.c.key).where(_discarded.c.discarded_at < moment)
    rows = db.execute(query.order_by(_discarded.c.discarded_at).limit(limit))
    return [Key(row.key) for row in rows]


def forget(db: Connection, keys: Iterable[Key]) -> None:
    """Forget discarded keys whose bytes are gone."""
    for key in keys:
        db.execute(delete(_discarded).where(_discarded.c.key == key))
