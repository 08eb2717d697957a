"""Arrivals in a Region: offers with the bytes that they hold, what was decided about deliveries, and positions.

The rules by which a copy lands are in `landing.copies`. The clock of the database (`Catalog.now`) decides when offers
expire, since any host may hold or expire them.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, cast, delete, select, true, tuple_, update

from twinport.catalog.engine.columns import Instant
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.engine.statements import (
    batches,
    insert_absent,
    insert_of,
    is_one_of,
    pairs_of,
    upsert_all,
)
from twinport.catalog.regional import blobs, departures, repositories
from twinport.catalog.regional.blobs import NewBlob, StoredBlob
from twinport.catalog.regional.schema import (
    applied_position,
    arrival,
    blob,
    offer,
    offer_blob,
    repository,
    repository_blob,
)
from twinport.model.content import Digest, Key
from twinport.model.images import Position
from twinport.model.names import AccountId, Registry, RepositoryName
from twinport.model.replication import TagOutcome
from twinport.refusals.storage import OfferExpired

_HISTORY = ("account", "source_region", "source_account", "repository", "tag")


@dataclass(frozen=True, slots=True)
class TagHistory:
    """A tag of a source registry's repository, at a destination: a position of its own is remembered for each."""

    account: AccountId
    source: Registry
    repository: RepositoryName
    tag: str

    @property
    def row(self) -> dict[str, str]:
        return {
            "account": self.account,
            "source_region": self.source.region,
            "source_account": self.source.account,
            "repository": self.repository,
            "tag": self.tag,
        }


# --- offers -----------------------------------------------------------------------------------------------


def missing_manifests(db: Connection, home: Registry, name: str, wanted: Collection[Digest]) -> frozenset[Digest]:
    """Return the manifests that the repository lacks or holds damaged; all of them if it does not exist."""
    found = repositories.find(db, home.repository(RepositoryName(name)))
    if found is None:
        return frozenset(wanted)
    held = departures.contents(db, found.id, wanted)
    return frozenset(wanted).difference(digest for digest, content in held.items() if digest.names(content))


def missing_blobs(db: Connection, account: AccountId, wanted: Collection[Digest]) -> frozenset[Digest]:
    """Return the blobs that no repository of the account holds undamaged, whatever the blob store has."""
    query = select(repository_blob.c.digest).join(repository).join(blob).distinct()
    query = query.where(repository.c.account == account, blob.c.damage.is_(None))
    held = {
        Digest.parse(name)
        for batch in batches(str(digest) for digest in wanted)
        for name in db.execute(query.where(repository_blob.c.digest.in_(batch))).scalars()
    }
    return frozenset(wanted) - held


def open_offer(db: Connection, offer_id: str, source: Registry, account: AccountId, expires_at: datetime) -> None:
    """Begin to hold bytes for an offer; one that is open already stays open."""
    owner = {"account": account, "source_region": source.region, "source_account": source.account}
    insert_absent(db, offer, {"id": offer_id, **owner, "expires_at": expires_at})


def held(db: Connection, offer_id: str, digests: Iterable[Digest]) -> set[Digest]:
    """Return the digests of which an offer holds the bytes."""
    return {Digest.parse(row.digest) for row in _HELD.all(db, offer_id=offer_id, digests=_listed(digests))}


def prolong(db: Connection, offer_id: str, source: Registry, until: datetime) -> None:
    """Let an offer live until a later time. Raises OfferExpired if this source has no such offer."""
    mine = (offer.c.id == offer_id, offer.c.source_region == source.region, offer.c.source_account == source.account)
    if db.execute(update(offer).where(*mine).values(expires_at=until)).rowcount == 0:
        raise OfferExpired(offer_id)


def hold(db: Connection, offer_id: str, source: Registry, bytes_: Sequence[NewBlob], until: datetime) -> set[Digest]:
    """Record durable bytes in an offer, and prolong the offer. Return the digests that were recorded.

    The offer holds the others already; the caller discards their keys. Raises OfferExpired if this source has no such
    offer, and BytesGivenUp.
    """
    blobs.require_all_kept(db, [each.key for each in bytes_])
    prolong(db, offer_id, source, until)
    keys = json.dumps({str(each.digest): each.key for each in bytes_})
    sizes = json.dumps({str(each.digest): str(each.size) for each in bytes_})
    return {Digest.parse(row.digest) for row in _HOLDING.all(db, offer_id=offer_id, keys=keys, sizes=sizes)}


def surpassed(db: Connection, offer_id: str) -> dict[Digest, StoredBlob]:
    """Return the blobs that are already recorded under digests for which an offer holds bytes."""
    query = select(blob.c.digest, blob.c.key, blob.c.size, blob.c.damage)
    rows = db.execute(
        query.join(offer_blob, offer_blob.c.digest == blob.c.digest).where(offer_blob.c.offer_id == offer_id)
    )
    return {Digest.parse(row.digest): StoredBlob(Key(row.key), row.size, row.damage) for row in rows}


def land_held(
    db: Connection, offer_id: str, digests: Iterable[Digest], instead_of: Mapping[Digest, Key], now: datetime
) -> set[Digest]:
    """Take the bytes of some digests out of an offer, and record them as blobs. Return which the offer held.

    Where other bytes are recorded already, `blobs.record` decides which count. Raises BytesGivenUp.
    """
    asked = {"offer_id": offer_id, "digests": _listed(digests)}
    recorded = {row.digest for row in _RECORDED.all(db, **asked, now=now)}
    # In the order of their digests again: bytes that are replaced lock a row.
    rows = sorted(_TAKEN.all(db, **asked), key=lambda row: row.digest)
    taken = [NewBlob(Digest.parse(row.digest), Key(row.key), row.size) for row in rows]
    blobs.require_all_kept(db, [each.key for each in taken])
    for each in taken:
        if str(each.digest) not in recorded:
            blobs.record(db, replace(each, instead_of=instead_of.get(each.digest)), now)
    return {each.digest for each in taken}


def has_expired_offers(db: Connection, now: datetime) -> bool:
    return db.execute(select(offer.c.id).where(offer.c.expires_at <= now).limit(1)).first() is not None


def expire_offers(db: Connection, now: datetime, limit: int) -> int:
    """Forget offers that have expired, at most `limit` rows. Tell how many rows went.

    The keys of the bytes they held are left to the sweep (law 1).
    """
    return forget_offers(db, (offer.c.expires_at <= now,), now, limit)


def forget_offers(db: Connection, which: Sequence[ColumnElement[bool]], now: datetime, limit: int) -> int:
    """Forget some offers, as `expire_offers` does. An offer with many blobs takes several calls; its row goes last."""
    # Another transaction may be prolonging an offer, or landing one of its blobs, at this moment.
    chosen = select(offer.c.id).where(*which).order_by(offer.c.expires_at).limit(limit)
    ids = db.execute(chosen.with_for_update(skip_locked=True)).scalars().all()
    held = select(offer_blob.c.offer_id, offer_blob.c.digest).where(offer_blob.c.offer_id.in_(ids)).limit(limit)
    found = [tuple(row) for row in db.execute(held)]
    name = tuple_(offer_blob.c.offer_id, offer_blob.c.digest)
    gone = delete(offer_blob).where(name.in_(found)).returning(offer_blob.c.key)
    blobs.discard(db, [Key(key) for key in db.execute(gone).scalars().all()], now)
    empty = ids[: limit - len(found)] if len(found) < limit else []
    db.execute(delete(offer).where(offer.c.id.in_(empty)))
    return len(found) + len(empty)


# --- outcomes and positions -------------------------------------------------------------------------------


def outcomes(db: Connection, account: AccountId, deliveries: Iterable[str]) -> dict[str, TagOutcome]:
    """Return what was decided about deliveries. Those that have not been committed here are missing."""
    rows = _OUTCOMES.all(db, account=account, deliveries=json.dumps(sorted(deliveries)))
    return {row.delivery_id: TagOutcome(row.outcome) for row in rows}


def record(db: Connection, account: AccountId, decided: Mapping[str, TagOutcome], now: datetime) -> None:
    """Remember what was decided about deliveries."""
    outcomes = json.dumps({delivery: outcome.value for delivery, outcome in sorted(decided.items())})
    _REMEMBERED.change(db, account=account, now=now, outcomes=outcomes)


def last_positions(db: Connection, histories: Collection[TagHistory]) -> dict[TagHistory, Position]:
    """Return the newest position that was decided about, for each tag of a source that has one."""
    columns = [applied_position.c[name] for name in _HISTORY]
    named = {tuple(history.row.values()): history for history in histories}
    query = select(*columns, applied_position.c.epoch, applied_position.c.sequence)
    return {
        named[tuple(row)[:-2]]: Position(row.epoch, row.sequence)
        for batch in batches(sorted(named))
        for row in db.execute(query.where(tuple_(*columns).in_(batch)))
    }


def decide(db: Connection, positions: Mapping[TagHistory, Position]) -> None:
    """Record that positions of a source's tags are decided about."""
    rows = [
        {**history.row, "epoch": position.epoch, "sequence": position.sequence, "idle_since": None}
        for history, position in positions.items()
    ]
    upsert_all(db, applied_position, {}, _HISTORY, sorted(rows, key=lambda row: [row[name] for name in _HISTORY]))


# --- private ----------------------------------------------------------------------------------------------


def _listed(digests: Iterable[Digest]) -> str:
    return json.dumps(sorted(str(digest) for digest in digests))


def _in_offer(engine: str) -> Sequence[ColumnElement[bool]]:
    named = is_one_of(engine, offer_blob.c.digest, "digests")
    return (offer_blob.c.offer_id == bindparam("offer_id"), named)


def _holding(engine: str) -> Any:
    keys, sizes = pairs_of(engine, "keys").alias("keys"), pairs_of(engine, "sizes").alias("sizes")
    size = cast(sizes.c.value, offer_blob.c.size.type)
    given = keys.join(sizes, sizes.c.key == keys.c.key)
    rows = select(bindparam("offer_id").label("offer_id"), keys.c.key, keys.c.value, size).select_from(given)
    inserted = insert_of(engine, offer_blob).from_select(["offer_id", "digest", "key", "size"], rows.where(true()))
    return inserted.on_conflict_do_nothing().returning(offer_blob.c.digest)


def _recorded(engine: str) -> Any:
    """Record held bytes as blobs, in the order of their digests: so no two transactions wait for each other."""
    now = bindparam("now", type_=Instant)
    held = select(offer_blob.c.digest, offer_blob.c.key, offer_blob.c.size, now.label("created"), now.label("verified"))
    rows = held.where(*_in_offer(engine)).order_by(offer_blob.c.digest)
    columns = ["digest", "key", "size", "created_at", "verified_at"]
    return insert_of(engine, blob).from_select(columns, rows).on_conflict_do_nothing().returning(blob.c.digest)


def _taken(engine: str) -> Any:
    columns = (offer_blob.c.digest, offer_blob.c.key, offer_blob.c.size)
    return delete(offer_blob).where(*_in_offer(engine)).returning(*columns)


def _outcomes(engine: str) -> Any:
    mine = (
        arrival.c.account == bindparam("account"),
        is_one_of(engine, arrival.c.delivery_id, "deliveries"),
    )
    return select(arrival.c.delivery_id, arrival.c.outcome).where(*mine)


def _remembered(engine: str) -> Any:
    given = pairs_of(engine, "outcomes")
    account, now = bindparam("account", type_=arrival.c.account.type), bindparam("now", type_=Instant)
    rows = select(given.c.key, account.label("account"), given.c.value, now.label("now")).where(true())
    return insert_of(engine, arrival).from_select(["delivery_id", "account", "outcome", "arrived_at"], rows)


_RECORDED, _TAKEN = Prepared(_recorded), Prepared(_taken)
_HELD = Prepared(lambda engine: select(offer_blob.c.digest).where(*_in_offer(engine)))
_HOLDING = Prepared(_holding)
_OUTCOMES, _REMEMBERED = Prepared(_outcomes), Prepared(_remembered)
