"""History that is forgotten. docs/decisions/0029-what-is-forgotten.md says what is kept, and why.

Each function looks at a bounded number of rows that follow a place in the order of their keys, in one transaction, and
returns the place where the next one goes on: '' at the end. Several processes may look at the same rows.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, literal_column, or_, select, tuple_, update
from sqlalchemy.sql.selectable import Exists

from twinport.catalog.engine.statements import batches
from twinport.catalog.regional.schema import applied_position, arrival, delivery, manifest, repository
from twinport.model.images import Position
from twinport.model.names import AccountId, RegionName, Registry
from twinport.model.replication import DeliveryState, FailureCode, Lane

# Written out, not bound: the planner then sees that the partial indexes serve the query.
_WAITING = delivery.c.state == literal_column(f"'{DeliveryState.WAITING.value}'")
_GIVEN_UP = delivery.c.failure_code == literal_column(f"'{FailureCode.SOURCE_IMAGE_INACCESSIBLE.value}'")
# Deliveries that may still be tried: those that wait, and those that resume by themselves once their source is healed.
_IS_OPEN = or_(_WAITING, _GIVEN_UP)
_POSITION_KEY = (
    applied_position.c.account,
    applied_position.c.source_region,
    applied_position.c.source_account,
    applied_position.c.repository,
    applied_position.c.tag,
)


@dataclass(frozen=True, slots=True)
class Step:
    """Where to go on, and how many rows were forgotten."""

    place: str
    forgotten: int


# --- at the source: deliveries ----------------------------------------------------------------------------


def forget_deliveries(db: Connection, place: str, before: datetime, limit: int) -> Step:
    """Forget deliveries that were settled before `before`, except the newest of each image, tag and destination."""
    ids = db.execute(select(delivery.c.id).where(delivery.c.id > place).order_by(delivery.c.id).limit(limit))
    found = list(ids.scalars())
    is_settled = and_(~_WAITING, or_(delivery.c.failure_code.is_(None), ~_GIVEN_UP), delivery.c.settled_at <= before)
    old = delete(delivery).where(is_settled, or_(~_image_exists(), _has_newer()))
    forgotten = sum(db.execute(old.where(delivery.c.id.in_(batch))).rowcount for batch in batches(found))
    return Step(found[-1] if len(found) == limit else "", forgotten)


def _image_exists() -> Exists:
    of_it = (
        repository.c.account == delivery.c.source_account,
        repository.c.name == delivery.c.repository,
        manifest.c.digest == delivery.c.digest,
    )
    return select(manifest.c.digest).join(repository).where(*of_it).correlate(delivery).exists()


def _has_newer() -> Exists:
    newer = delivery.alias()
    order = ("epoch", "sequence", "repetition")
    return (
        select(newer.c.id)
        .where(
            newer.c.source_account == delivery.c.source_account,
            newer.c.repository == delivery.c.repository,
            newer.c.digest == delivery.c.digest,
            newer.c.destination_region == delivery.c.destination_region,
            newer.c.destination_account == delivery.c.destination_account,
            func.coalesce(newer.c.tag, "") == func.coalesce(delivery.c.tag, ""),
            tuple_(*(newer.c[name] for name in order)) > tuple_(*(delivery.c[name] for name in order)),
        )
        .correlate(delivery)
        .exists()
    )


def unforgettable(db: Connection, ids: Collection[str], since: datetime) -> set[str]:
    """Return which deliveries of this Region may still be tried, or were settled after `since`."""
    needed = or_(_IS_OPEN, delivery.c.settled_at > since)
    return {
        found
        for batch in batches(ids)
        for found in db.execute(select(delivery.c.id).where(delivery.c.id.in_(batch), needed)).scalars()
    }


def oldest_open(db: Connection, lane: Lane) -> Position | None:
    """Return the oldest position of a lane's deliveries that may still be tried."""
    mine = (
        delivery.c.source_account == lane.source.account,
        delivery.c.destination_region == lane.destination.region,
        delivery.c.destination_account == lane.destination.account,
    )
    oldest = [
        db.execute(
            select(delivery.c.epoch, delivery.c.sequence)
            .where(*mine, kind)
            # Not the bare columns: an index in this order would make the query step over settled rows one by one.
            .order_by(delivery.c.epoch + 0, delivery.c.sequence + 0)
            .limit(1)
        ).one_or_none()
        for kind in (_WAITING, _GIVEN_UP)
    ]
    return min((Position(row.epoch, row.sequence) for row in oldest if row is not None), default=None)


# --- at the destination: arrivals and positions -----------------------------------------------------------


def arrivals_after(db: Connection, place: str, before: datetime, limit: int) -> tuple[str, list[str]]:
    """Return where to go on, and which of the next deliveries arrived before `before`."""
    query = select(arrival.c.delivery_id, arrival.c.arrived_at).where(arrival.c.delivery_id > place)
    rows = db.execute(query.order_by(arrival.c.delivery_id).limit(limit)).all()
    old = [row.delivery_id for row in rows if row.arrived_at <= before]
    return rows[-1].delivery_id if len(rows) == limit else "", old


def forget_arrivals(db: Connection, ids: Collection[str]) -> int:
    return sum(db.execute(delete(arrival).where(arrival.c.delivery_id.in_(batch))).rowcount for batch in batches(ids))


@dataclass(frozen=True, slots=True)
class AppliedPosition:
    """The last position that a source's deliveries applied to a tag, and since when no older delivery may be tried."""

    key: tuple[str, str, str, str, str]
    position: Position
    idle_since: datetime | None

    def lane(self, region: RegionName) -> Lane:
        account, source_region, source_account, _, _ = self.key
        source = Registry(AccountId(source_account), RegionName(source_region))
        return Lane(source, Registry(AccountId(account), region))


def positions_after(db: Connection, place: str, limit: int) -> tuple[str, list[AppliedPosition]]:
    """Return where to go on, and the next positions that were applied here."""
    query = select(applied_position)
    if place:
        query = query.where(tuple_(*_POSITION_KEY) > tuple_(*json.loads(place)))
    rows = db.execute(query.order_by(*_POSITION_KEY).limit(limit)).all()
    found = [
        AppliedPosition(
            (row.account, row.source_region, row.source_account, row.repository, row.tag),
            Position(row.epoch, row.sequence),
            row.idle_since,
        )
        for row in rows
    ]
    return json.dumps(found[-1].key) if len(found) == limit else "", found


def review_positions(
    db: Connection,
    found: Collection[AppliedPosition],
    oldest: Mapping[Lane, Position | None],
    here: RegionName,
    *,
    now: datetime,
    before: datetime,
) -> int:
    """Forget each position if no delivery with an older one could be tried since before `before`. Tell how many.

    `idle_since` of the others is updated. A position that has advanced meanwhile stays.
    """
    forgotten = 0
    for each in found:
        floor = oldest[each.lane(here)]
        is_idle = floor is None or floor > each.position
        if is_idle and each.idle_since is not None and each.idle_since <= before:
            forgotten += db.execute(delete(applied_position).where(*_unchanged(each))).rowcount
        elif is_idle is (each.idle_since is None):
            since = now if is_idle else None
            db.execute(update(applied_position).where(*_unchanged(each)).values(idle_since=since))
    return forgotten


def _unchanged(each: AppliedPosition) -> list[ColumnElement[bool]]:
    position = (applied_position.c.epoch == each.position.epoch, applied_position.c.sequence == each.position.sequence)
    return [*(column == value for column, value in zip(_POSITION_KEY, each.key, strict=True)), *position]
