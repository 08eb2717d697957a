"""Which bytes a Region has under which digest, and which repositories hold them.

A reader of a repository sees only the digests that the repository holds. Bytes that another repository or account has
stored under the same digest are never shown, and never shared unless the bytes have been sent.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import reviews, schema
from twinport.model.content import Digest, Key
from twinport.model.images import Repository
from twinport.model.names import AccountId, RepositoryName
from twinport.refusals.storage import BytesGivenUp

_blob, _held, _discarded, _repository = (
    schema.blob,
    schema.repository_blob,
    schema.discarded_key,
    schema.repository,
)
_review, _part = schema.layer_review, schema.manifest_blob
# Building a statement costs more than running it, so those that every push and pull runs are built once.
_HELD = (
    select(_blob.c.digest, _blob.c.key, _blob.c.size, _blob.c.damage)
    .join(_held, _held.c.digest == _blob.c.digest)
    .where(
        _held.c.repository_id == bindparam("repository_id"),
        _held.c.digest.in_(bindparam("digests", expanding=True)),
    )
)
_WHOLE = _HELD.where(_blob.c.damage.is_(None))
_AMONG = (
    _held.c.repository_id == bindparam("owner"),
    _held.c.digest.in_(bindparam("digests", expanding=True)),
)
_TYPES = select(_held.c.digest, _held.c.media_type).where(*_AMONG, _held.c.media_type.is_not(None))
_IS_NAMED = (
    select(_part.c.digest).where(_part.c.repository_id == _held.c.repository_id, _part.c.digest == _held.c.digest)
).exists()
_KEPT = _WHOLE.outerjoin(
    _review, and_(_review.c.repository_id == _held.c.repository_id, _review.c.digest == _held.c.digest)
).where(or_(_review.c.digest.is_(None), _review.c.since > bindparam("since"), _IS_NAMED))


# Each blob's type is looked for among those of its statement.
_TYPED_AT_ONCE = 100


def _typing(engine: str) -> Any:
    # Joined with the pairs, either engine may read all that the repository holds, to compare each with each pair.
    types, named = statements.pairs_of(engine, "types"), statements.is_one_of(engine, _held.c.digest, "digests")
    own = select(types.c.value).where(types.c.key == _held.c.digest).scalar_subquery()
    return (
        update(_held)
        .where(_held.c.repository_id == bindparam("owner"), named, _held.c.media_type.is_(None))
        .values(media_type=own)
    )


_TYPED = Prepared(_typing)
_BY_DIGEST: Any = select(_blob.c.key, _blob.c.size, _blob.c.damage).where(_blob.c.digest == bindparam("digest"))
_STANDING = Prepared(lambda _: _BY_DIGEST.with_for_update(read=True, key_share=True))
_NAMED = Prepared(lambda _: _BY_DIGEST)
_OF_REGISTRY = Prepared(
    lambda engine: (
        select(_blob.c.digest, _blob.c.key, _blob.c.size, _blob.c.damage)
        .distinct()
        .join(_held, _held.c.digest == _blob.c.digest)
        .join(_repository, _repository.c.id == _held.c.repository_id)
        .where(
            statements.is_one_of(engine, _held.c.digest, "digests"),
            _repository.c.account == bindparam("account"),
        )
    )
)
_ALL_STANDING = Prepared(
    lambda engine: (
        select(_blob.c.digest)
        .where(statements.is_one_of(engine, _blob.c.digest, "digests"))
        .order_by(_blob.c.digest)
        .with_for_update(read=True, key_share=True)
    )
)
_ANY_GIVEN_UP = Prepared(
    lambda engine: select(_discarded.c.key).where(statements.is_one_of(engine, _discarded.c.key, "keys")).limit(1)
)
_LINKED = Prepared(lambda engine: reviews.noting(engine, _held, "linked_at"))
_GIVEN_UP = Prepared(lambda _: select(_discarded.c.key).where(_discarded.c.key == bindparam("key")))


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """Where the bytes of a digest lie. `damage` says what is wrong with them: they are in quarantine."""

    key: Key
    size: int
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class NewBlob:
    """Durable bytes that are to be recorded under their digest.

    `instead_of` is the key that is recorded under the digest now, if its bytes were found damaged or incomplete.
    """

    digest: Digest
    key: Key
    size: int
    instead_of: Key | None = None


def record_new(db: Connection, repository: Repository, new: NewBlob, now: datetime) -> bool:
    """Record durable bytes under a new digest, and keep a repository that was read before from removal.

    Return False, and do nothing, if the digest is known, the key was given up or the repository is not there any more:
    the caller then asks for each by itself.
    """
    return (
        _RECORDED_NEW.change(
            db,
            new_digest=str(new.digest),
            new_key=new.key,
            new_size=new.size,
            at=now,
            owner=repository.id,
            account=repository.registry.account,
            name=repository.name,
        )
        == 1
    )


def _recording(engine: str) -> Any:
    new = (
        bindparam("new_digest", type_=_blob.c.digest.type),
        bindparam("new_key", type_=_blob.c.key.type),
        bindparam("new_size", type_=_blob.c.size.type),
        bindparam("at", type_=_blob.c.created_at.type),
        bindparam("at", type_=_blob.c.created_at.type),
    )
    is_it = (_repository.c.id == bindparam("owner"), _repository.c.account == bindparam("account"))
    is_given_up = select(_discarded.c.key).where(_discarded.c.key == bindparam("new_key")).exists()
    # The lock of `repositories.keep`: its mode lets other uploads in.
    kept = select(*new).where(*is_it, _repository.c.name == bindparam("name"), ~is_given_up)
    kept = kept.with_for_update(read=True, key_share=True, of=_repository)
    columns = ["digest", "key", "size", "created_at", "verified_at"]
    return statements.insert_of(engine, _blob).from_select(columns, kept).on_conflict_do_nothing()


_RECORDED_NEW = Prepared(_recording)


def record(db: Connection, new: NewBlob, now: datetime) -> Key:
    """Record durable bytes under their digest, and return the key that counts: another one if other bytes came first.

    The losing key is noted as discarded, so the sweep removes its bytes. Bytes in quarantine always lose, and so do
    the bytes of `instead_of`. Raises BytesGivenUp.
    """
    require_kept(db, new.key)
    row = {"digest": str(new.digest), "key": new.key, "size": new.size, "created_at": now, "verified_at": now}
    while not statements.insert_absent(db, _blob, row):
        standing = keep(db, new.digest)
        if standing is not None:
            return _better_of(db, standing, new, now)
    return new.key


def named(db: Connection, digest: Digest) -> StoredBlob | None:
    """Return where the bytes of a digest lie, whichever repository holds it. No client may learn the answer."""
    row = _NAMED.first(db, digest=str(digest))
    return None if row is None else StoredBlob(Key(row.key), row.size, row.damage)


def require_kept(db: Connection, key: Key) -> None:
    """Raise BytesGivenUp if a key was discarded before any row named it."""
    if _GIVEN_UP.first(db, key=key) is not None:
        raise BytesGivenUp(key)


def require_all_kept(db: Connection, keys: Sequence[Key]) -> None:
    """As `require_kept`, for several keys."""
    given_up = _ANY_GIVEN_UP.first(db, keys=json.dumps(keys))
    if given_up is not None:
        raise BytesGivenUp(given_up.key)


def keep(db: Connection, digest: Digest) -> StoredBlob | None:
    """Return where the bytes of a digest lie, and lock its row against removal until the transaction ends."""
    row = _STANDING.first(db, digest=str(digest))
    return None if row is None else StoredBlob(Key(row.key), row.size, row.damage)


def keep_of_registry(db: Connection, account: AccountId, digests: Iterable[Digest]) -> set[Digest]:
    """Return which digests any repository of the account, in this Region, holds undamaged, and lock those as `keep`."""
    names = json.dumps(sorted(str(digest) for digest in digests))
    if names == "[]":
        return set()
    there = [Digest.parse(row.digest) for row in _ALL_STANDING.all(db, digests=names)]
    return {digest for digest, stored in of_registry(db, account, there).items() if stored.damage is None}


def link_all(db: Connection, repository_id: int, digests: Iterable[Digest], now: datetime) -> None:
    """As `link`, for several digests."""
    names = json.dumps(sorted(str(digest) for digest in digests))
    if names != "[]":
        _LINKED.change(db, owner=repository_id, now=now, digests=names)
        reviews.review_layers(db, repository_id, names, now)


def link(db: Connection, repository_id: int, digest: Digest, now: datetime) -> None:
    """Link a recorded and locked digest to a repository. The link stays for a while even if no image names it."""
    statements.upsert(db, _held, {"repository_id": repository_id, "digest": str(digest)}, {"linked_at": now})
    reviews.review_layer(db, repository_id, digest, now)


def is_named(db: Connection, repository_id: int, digest: Digest) -> bool:
    """Tell whether an image of the repository names a layer, present or not."""
    query = select(_part.c.digest).where(_part.c.repository_id == repository_id, _part.c.digest == str(digest))
    return db.execute(query.limit(1)).first() is not None


def unlink(db: Connection, repository_id: int, digest: Digest, now: datetime) -> bool:
    """Unlink a digest from a repository that is locked against everything. Tell whether it was linked."""
    for table in (_held, _review):
        mine = (table.c.repository_id == repository_id, table.c.digest == str(digest))
        removed = db.execute(delete(table).where(*mine)).rowcount
        if table is _held and removed == 0:
            return False
    reviews.review_blob(db, digest, now)
    return True


def held(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Return the sizes of the digests that the repository holds, except those in quarantine."""
    wanted = {str(digest): digest for digest in digests}
    rows = db.execute(_WHOLE, {"repository_id": repository_id, "digests": list(wanted)})
    return {wanted[row.digest]: row.size for row in rows}


def promised(
    db: Connection, repository_id: int, digests: Iterable[Digest], since: datetime
) -> dict[Digest, StoredBlob]:
    """As `held`, without layers that may go soon: no image names them, and nothing happened to them since `since`."""
    wanted = {str(digest): digest for digest in digests}
    rows = db.execute(_KEPT, {"repository_id": repository_id, "digests": list(wanted), "since": since})
    return {wanted[row.digest]: StoredBlob(Key(row.key), row.size, row.damage) for row in rows}


def note_media_types(db: Connection, repository_id: int, media_types: Mapping[Digest, str]) -> None:
    """Note what an image says that blobs of the repository are, unless an image said so before."""
    types = {str(digest): media_type for digest, media_type in media_types.items()}
    for batch in statements.batches(types, _TYPED_AT_ONCE):
        some = json.dumps({digest: types[digest] for digest in batch})
        _TYPED.change(db, owner=repository_id, types=some, digests=json.dumps(batch))


def media_types(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, str]:
    """Return what the repository's images say that blobs are, as far as an image named them."""
    wanted = {str(digest): digest for digest in digests}
    rows = db.execute(_TYPES, {"owner": repository_id, "digests": list(wanted)})
    return {wanted[row.digest]: row.media_type for row in rows}


def linked(db: Connection, repository_id: int, digests: Iterable[Digest]) -> set[Digest]:
    """Return which of the digests the repository holds, in quarantine or not."""
    wanted = {str(digest): digest for digest in digests}
    rows = db.execute(_HELD, {"repository_id": repository_id, "digests": list(wanted)})
    return {wanted[row.digest] for row in rows}


def of_registry(db: Connection, account: AccountId, digests: Iterable[Digest]) -> dict[Digest, StoredBlob]:
    """Return where the bytes of digests lie, of those that any repository of the account, in this Region, holds."""
    names = json.dumps([str(digest) for digest in digests])
    rows = _OF_REGISTRY.all(db, account=account, digests=names)
    return {Digest.parse(row.digest): StoredBlob(Key(row.key), row.size, row.damage) for row in rows}


def holders(db: Connection, account: AccountId, digest: Digest, limit: int) -> list[RepositoryName]:
    """Name at most `limit` repositories of the account, in this Region, that hold the digest, not in quarantine."""
    query = (
        select(_repository.c.name)
        .join(_held, _held.c.repository_id == _repository.c.id)
        .join(_blob, _blob.c.digest == _held.c.digest)
        .where(_held.c.digest == str(digest), _repository.c.account == account, _blob.c.damage.is_(None))
        .order_by(_repository.c.name)
        .limit(limit)
    )
    return [RepositoryName(name) for name in db.execute(query).scalars()]


def discard(db: Connection, keys: Iterable[Key], now: datetime) -> None:
    """Note keys that no row names any more; by law 1 their bytes are removed after the rows."""
    # In one order: two transactions that note the same keys wait for each other without a deadlock.
    statements.insert_all_absent(db, _discarded, [{"key": key, "discarded_at": now} for key in sorted(keys)])


def _better_of(db: Connection, standing: StoredBlob, new: NewBlob, now: datetime) -> Key:
    """Replace damaged bytes by new ones. If the bytes are whole, discard the new ones as a copy."""
    if standing.key == new.key:
        return standing.key
    changes = {"key": new.key, "size": new.size, "verified_at": now, "damage": None, "damaged_at": None}
    is_worse = or_(_blob.c.damage.is_not(None), _blob.c.key == new.instead_of)
    mine = (_blob.c.digest == str(new.digest), _blob.c.key == standing.key, is_worse)
    loses = standing.damage is not None or standing.key == new.instead_of
    if loses and db.execute(update(_blob).where(*mine).values(changes)).rowcount == 1:
        discard(db, [standing.key], now)
        return new.key
    discard(db, [new.key], now)
    return Key(db.execute(select(_blob.c.key).where(_blob.c.digest == str(new.digest))).scalar_one())
