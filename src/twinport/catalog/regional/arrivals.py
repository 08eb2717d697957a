"""Arrivals in a Region: offers with the bytes that they hold, what was decided about deliveries, and positions.

The rules by which a copy lands are in `landing.copies`. The clock of the database (`Catalog.now`) decides when offers
expire, since any host may hold or expire them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, tuple_, update

from twinport.catalog.engine.statements import batches, insert_absent, upsert
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


def is_held(db: Connection, offer_id: str, digest: Digest) -> bool:
    query = select(offer_blob.c.key).where(offer_blob.c.offer_id == offer_id, offer_blob.c.digest == str(digest))
    return db.execute(query).first() is not None


def prolong(db: Connection, offer_id: str, source: Registry, until: datetime) -> None:
    """Let an offer live until a later time. Raises OfferExpired if this source has no such offer."""
    mine = (offer.c.id == offer_id, offer.c.source_region == source.region, offer.c.source_account == source.account)
    if db.execute(update(offer).where(*mine).values(expires_at=until)).rowcount == 0:
        raise OfferExpired(offer_id)


def hold(db: Connection, offer_id: str, source: Registry, bytes_: NewBlob, until: datetime) -> bool:
    """Record durable bytes in an offer, and prolong the offer.

    Return False if the offer holds this digest already; the caller then discards the key. Raises OfferExpired if
    this source has no such offer, and BytesGivenUp.
    """
    blobs.require_kept(db, bytes_.key)
    prolong(db, offer_id, source, until)
    facts = {"digest": str(bytes_.digest), "key": bytes_.key, "size": bytes_.size}
    return insert_absent(db, offer_blob, {"offer_id": offer_id, **facts})


def surpassed(db: Connection, offer_id: str) -> dict[Digest, StoredBlob]:
    """Return the blobs that are already recorded under digests for which an offer holds bytes."""
    query = select(blob.c.digest, blob.c.key, blob.c.size, blob.c.damage)
    rows = db.execute(
        query.join(offer_blob, offer_blob.c.digest == blob.c.digest).where(offer_blob.c.offer_id == offer_id)
    )
    return {Digest.parse(row.digest): StoredBlob(Key(row.key), row.size, row.damage) for row in rows}


def take_held(db: Connection, offer_id: str, digest: Digest) -> NewBlob | None:
    """Take bytes out of an offer, so that a blob may name them."""
    mine = (offer_blob.c.offer_id == offer_id, offer_blob.c.digest == str(digest))
    row = db.execute(delete(offer_blob).where(*mine).returning(offer_blob.c.key, offer_blob.c.size)).one_or_none()
    return None if row is None else NewBlob(digest, Key(row.key), row.size)


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


def outcome(db: Connection, account: AccountId, delivery: str) -> TagOutcome | None:
    """Return what was decided about a delivery, or None if it has not been committed here."""
    query = select(arrival.c.outcome).where(arrival.c.delivery_id == delivery, arrival.c.account == account)
    decided = db.execute(query).scalar()
    return None if decided is None else TagOutcome(decided)


def record(db: Connection, account: AccountId, delivery: str, decided: TagOutcome, now: datetime) -> None:
    """Remember what was decided about a delivery."""
    row = {"delivery_id": delivery, "account": account, "outcome": decided.value, "arrived_at": now}
    db.execute(arrival.insert().values(row))


def last_position(db: Connection, history: TagHistory) -> Position | None:
    """Return the newest position of a source's tag that was decided about."""
    columns = [applied_position.c[name] == value for name, value in history.row.items()]
    row = db.execute(select(applied_position.c.epoch, applied_position.c.sequence).where(*columns)).one_or_none()
    return None if row is None else Position(row.epoch, row.sequence)


def decide(db: Connection, history: TagHistory, position: Position) -> None:
    """Record that a position of a source's tag is decided about."""
    changes = {"epoch": position.epoch, "sequence": position.sequence, "idle_since": None}
    upsert(db, applied_position, history.row, changes)
