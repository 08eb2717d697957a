"""Arrivals in a Region: offers with the bytes that they hold, landings, and the positions that were applied.

The destination remembers per (source registry, repository, tag) the last position that it decided about, and keeps it
after the tag is gone. An older position never touches the tag, and the same position only places the tag where it is
absent. The destination also remembers each delivery's outcome by its id, so a delivery that is repeated after a lost
answer changes nothing twice. An arrival causes no further delivery: nothing here writes to the outbox (one hop).

The clock of the database (`Catalog.now`) decides when offers expire, since any host may hold or expire them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, tuple_, update

from twinport.catalog.engine.statements import batches, insert_absent, upsert
from twinport.catalog.regional import (
    blobs,
    creation_templates,
    departures,
    images,
    registries,
    repositories,
    scans,
    storage,
)
from twinport.catalog.regional.blobs import NewBlob, StoredBlob
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.repositories import Against
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
from twinport.model.creation_templates import AppliedFor, StoredTemplate
from twinport.model.images import TAGS_PER_IMAGE, NewRepository, Position, Repository
from twinport.model.manifests import Manifest
from twinport.model.names import AccountId, Registry, RepositoryName
from twinport.model.replication import TagOutcome
from twinport.refusals.images import ReferencedImagesMissing, RepositoryExists, RepositoryNotFound, TemplateChanged
from twinport.refusals.requests import TagLimitReached
from twinport.refusals.storage import HistoryBegunAnew, OfferExpired


@dataclass(frozen=True, slots=True)
class NewManifest:
    """A manifest that came with a landing, parsed and checked against its digest."""

    digest: Digest
    content: bytes
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Landing:
    """One delivery as it is committed. `manifests` are those that were missing, children before parents.

    `template` is the creation template of the destination by which the gate decided about an absent repository.
    `epoch` is the epoch of the destination's history before the gate decided, if there was one. `instead_of` maps a
    digest to a key whose bytes are damaged or incomplete; the offer holds other bytes of this digest.
    """

    delivery: str
    offer: str
    source: Registry
    destination: Registry
    repository: RepositoryName
    digest: Digest
    tag: str | None
    position: Position
    manifests: tuple[NewManifest, ...]
    carried_by: str
    may_create_repository: bool
    template: StoredTemplate | None = None
    epoch: int | None = None
    instead_of: Mapping[Digest, Key] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Word the provenance that is kept with each manifest that this landing stores."""
        facts = {
            "delivery": self.delivery,
            "registry": [self.source.account, self.source.region],
            "position": [self.position.epoch, self.position.sequence],
            "carried_by": self.carried_by,
        }
        return json.dumps(facts, separators=(",", ":"))


# --- offers -----------------------------------------------------------------------------------------------


def outcome(db: Connection, account: AccountId, delivery: str) -> TagOutcome | None:
    """Return what was decided about a delivery, or None if it has not been committed here."""
    query = select(arrival.c.outcome).where(arrival.c.delivery_id == delivery, arrival.c.account == account)
    decided = db.execute(query).scalar()
    return None if decided is None else TagOutcome(decided)


def missing_manifests(db: Connection, home: Registry, name: str, wanted: Collection[Digest]) -> frozenset[Digest]:
    """Return the manifests that the repository lacks or holds damaged; all of them if it does not exist."""
    found = repositories.find(db, home, name)
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


def hold(db: Connection, offer_id: str, source: Registry, bytes_: "HeldBytes", until: datetime) -> bool:
    """Record durable bytes in an offer, and prolong the offer.

    Return False if the offer holds this digest already; the caller then discards the key. Raises OfferExpired if
    this source has no such offer, and BytesGivenUp.
    """
    blobs.require_kept(db, bytes_.key)
    prolong(db, offer_id, source, until)
    facts = {"digest": str(bytes_.digest), "key": bytes_.key, "size": bytes_.size}
    return insert_absent(db, offer_blob, {"offer_id": offer_id, **facts})


@dataclass(frozen=True, slots=True)
class HeldBytes:
    """Bytes that an offer holds until they are committed or the offer expires."""

    digest: Digest
    key: Key
    size: int


def surpassed(db: Connection, offer_id: str) -> dict[Digest, StoredBlob]:
    """Return the blobs that are already recorded under digests for which an offer holds bytes."""
    query = select(blob.c.digest, blob.c.key, blob.c.size, blob.c.damage)
    rows = db.execute(
        query.join(offer_blob, offer_blob.c.digest == blob.c.digest).where(offer_blob.c.offer_id == offer_id)
    )
    return {Digest.parse(row.digest): StoredBlob(Key(row.key), row.size, row.damage) for row in rows}


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


# --- landing ----------------------------------------------------------------------------------------------


def land(db: Connection, landing: Landing, now: datetime) -> TagOutcome:
    """Make an image visible in one transaction: blobs, manifests children first, the tag last, and the outcome.

    An image that lies in the archive here is restored. A delivery that has landed before gets the same answer again and
    changes nothing. Raises RepositoryNotFound if the repository is absent and may not be created; TemplateChanged;
    LayersMissing or ReferencedImagesMissing if something that was present at the offer has gone since;
    TagLimitReached; HistoryBegunAnew after a reset.
    """
    # Lock order: registry, repository, image, tag. Another process that lands the same delivery waits here.
    settings = registries.hold(db, landing.destination.account)
    decided = outcome(db, landing.destination.account, landing.delivery)
    if decided is not None:
        return decided
    here = registries.next_position(db, landing.destination.account)
    if landing.epoch not in (None, here.epoch):
        raise HistoryBegunAnew(landing.destination.region)
    home = _home(db, landing, now)
    for arrived in landing.manifests:
        if _store(db, home, landing, arrived, now):
            scans.owe(db, home, settings.scanning, (arrived.digest, arrived.manifest), now)
    if not images.holds(db, home.id, landing.digest):
        raise ReferencedImagesMissing([str(landing.digest)], home.name, home.registry.account)
    restored = storage.activate(db, home.id, landing.digest, now)
    scans.owe_restored(db, home, settings.scanning, restored, now)
    decided = _place_tag(db, home, landing, here, now)
    row = {"delivery_id": landing.delivery, "account": landing.destination.account}
    db.execute(arrival.insert().values(**row, outcome=decided.value, arrived_at=now))
    return decided


def _home(db: Connection, landing: Landing, now: datetime) -> Repository:
    place = (landing.destination, landing.repository)
    found = repositories.find_locked(db, *place, Against.CHANGES)
    if found is not None:
        return found
    if not landing.may_create_repository:
        raise RepositoryNotFound(landing.repository, landing.destination.account)
    template = creation_templates.matching(db, *place, AppliedFor.REPLICATION)
    if template != landing.template:
        raise TemplateChanged(landing.repository, landing.destination.account)
    new = NewRepository() if template is None else template.new_repository
    try:
        made = repositories.insert(db, *place, new, now)
    except RepositoryExists:  # another transaction was faster
        return repositories.lock(db, *place, Against.CHANGES)
    if template is not None:
        creation_templates.put_lifecycle(db, made, template.template, now)
    return made


def _store(db: Connection, home: Repository, landing: Landing, arrived: NewManifest, now: datetime) -> bool:
    """Store a manifest of a landing with its layers. Tell whether it was new here."""
    named = ((arrived.manifest.config,) if arrived.manifest.config else ()) + arrived.manifest.layers
    for digest in dict.fromkeys(part.digest for part in named):
        _link(db, home, landing, digest, now)
    images.require_parts(db, home, arrived.manifest)
    image = NewImage(arrived.digest, arrived.content, arrived.manifest, landing.origin)
    return images.store_manifest(db, home.id, image, now)


def _link(db: Connection, home: Repository, landing: Landing, digest: Digest, now: datetime) -> None:
    """Link a blob that came with the offer, or that another repository of this registry holds, to the repository.

    Any other blob stays absent; `require_parts` decides whether the image needs it.
    """
    held = _take_held(db, landing.offer, digest)
    if held is not None:
        blobs.record(db, NewBlob(digest, held.key, held.size, landing.instead_of.get(digest)), now)
    elif blobs.keep(db, digest) is None or not blobs.held_by_registry(db, home.registry.account, digest):
        return
    blobs.link(db, home.id, digest, now)


def _take_held(db: Connection, offer_id: str, digest: Digest) -> HeldBytes | None:
    mine = (offer_blob.c.offer_id == offer_id, offer_blob.c.digest == str(digest))
    row = db.execute(delete(offer_blob).where(*mine).returning(offer_blob.c.key, offer_blob.c.size)).one_or_none()
    return None if row is None else HeldBytes(digest, Key(row.key), row.size)


def _place_tag(db: Connection, home: Repository, landing: Landing, here: Position, now: datetime) -> TagOutcome:
    """Move the tag, unless a newer position of the same source was decided about, or the repository forbids it.

    Another delivery at the same position restores a tag that was deleted here, but moves no existing tag: such a tag
    was placed after that position had been decided about.
    """
    if landing.tag is None:
        return TagOutcome.NONE
    last = _last_position(db, landing, landing.tag)
    if last is not None and last > landing.position:
        return TagOutcome.SUPERSEDED
    _decide(db, landing, landing.tag)
    current = images.tagged(db, home.id, landing.tag)
    if current not in (None, landing.digest) and home.tag_rule.forbids_moving(landing.tag):
        return TagOutcome.KEPT
    if current not in (None, landing.digest) and last == landing.position:
        return TagOutcome.SUPERSEDED
    if current != landing.digest:
        _require_quota(db, home, landing.tag, landing.digest)
        images.move_tag(db, home.id, landing.tag, landing.digest, here, now)
    return TagOutcome.MOVED


def _require_quota(db: Connection, home: Repository, tag: str, digest: Digest) -> None:
    if len(images.tags_of(db, home.id, digest)) >= TAGS_PER_IMAGE:
        raise TagLimitReached(tag, home.name, home.registry.account, TAGS_PER_IMAGE)


def _last_position(db: Connection, landing: Landing, tag: str) -> Position | None:
    """Return the newest position of this source's tag that was decided about here."""
    columns = [applied_position.c[name] == value for name, value in _history_of(landing, tag).items()]
    row = db.execute(select(applied_position.c.epoch, applied_position.c.sequence).where(*columns)).one_or_none()
    return None if row is None else Position(row.epoch, row.sequence)


def _decide(db: Connection, landing: Landing, tag: str) -> None:
    """Record that the position of a landing is decided about."""
    changes = {"epoch": landing.position.epoch, "sequence": landing.position.sequence, "idle_since": None}
    upsert(db, applied_position, _history_of(landing, tag), changes)


def _history_of(landing: Landing, tag: str) -> dict[str, str]:
    return {
        "account": landing.destination.account,
        "source_region": landing.source.region,
        "source_account": landing.source.account,
        "repository": landing.repository,
        "tag": tag,
    }
