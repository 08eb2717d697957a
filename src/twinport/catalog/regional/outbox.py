"""The outbox: the deliveries that this Region's registries owe, which process carries each, and how each ended.

A delivery waits until it is settled; a lease is only a claim that expires. A claimed row is *due again when its lease
ends*, so one index, on waiting rows alone, serves both the first attempt and the rows that a crashed process left.
A lane's `due_at` caches the earliest due time of its waiting rows, `waiting` their number and `oldest` since when the
first of them is owed. Only this module writes these three, in the transaction that changes the rows.

`now` is `Catalog.now`: the clock of the database, which is the same for all processes that claim, plus the offset by
which time was moved. So a lease holds for the other hosts too, whatever their own clocks say.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    update,
    values,
)

from twinport.catalog.engine import statements
from twinport.catalog.engine.columns import Instant
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.engine.statements import batches, insert
from twinport.catalog.regional import chores, registries
from twinport.catalog.regional.schema import delivery
from twinport.catalog.regional.schema import lane as _lane
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import (
    Delivery,
    DeliveryState,
    FailureCode,
    Landed,
    Lane,
    PlannedDelivery,
    ReplicationConfiguration,
)
from twinport.refusals.storage import LeaseLost

# The order of the index of waiting deliveries.
ORDER = (delivery.c.destination_region, delivery.c.destination_account, delivery.c.due_at, delivery.c.id)
AGE = (delivery.c.epoch, delivery.c.sequence, delivery.c.repetition)
# Written out, not bound: the planner then sees that the partial index serves the query.
WAITING = delivery.c.state == literal_column(f"'{DeliveryState.WAITING.value}'")


@dataclass(frozen=True, slots=True)
class Canceled:
    """How many deliveries were canceled, and where to go on: '' at the end."""

    count: int
    place: str


# --- what is owed -----------------------------------------------------------------------------------------


def owe_all(
    db: Connection, source: Registry, planned: Sequence[tuple[PlannedDelivery, Position]], now: datetime
) -> None:
    """Record obligations by one or several changes, in the transaction of the facts that create them (law 3).

    Each lane is lengthened once, however many these are.
    """
    if not planned:
        return
    db.execute(delivery.insert(), [_row(source, each, position, now) for each, position in planned])
    owed = Counter(each.destination for each, _ in planned)
    for destination in sorted(owed):
        lengthen(db, Lane(source, destination), now, by=owed[destination], since=now)


def failed(db: Connection, account: AccountId, planned: Sequence[PlannedDelivery]) -> list[PlannedDelivery]:
    """Return the deliveries of `planned` whose newest delivery of the same image and tag failed, as repetitions.

    All are of one image. The caller holds the registry (`registries.hold`), so that at most one of several such
    repetitions waits.
    """
    rows = _newest(db, account, planned[0], {each.tag for each in planned}) if planned else []
    again = {(_place_of(row), row.tag): row.repetition + 1 for row in rows if row.state == DeliveryState.FAILED.value}
    places = [(each, again.get((each.destination, each.tag))) for each in planned]
    return [replace(each, repetition=repetition) for each, repetition in places if repetition is not None]


def lengthen(db: Connection, lane: Lane, now: datetime, *, by: int, since: datetime) -> None:
    """Add `by` deliveries, owed since `since`, to the number that wait in a lane, and make the lane due."""
    names = {
        "source_account": lane.source.account,
        "destination_region": lane.destination.region,
        "destination_account": lane.destination.account,
    }
    statement = insert(db, _lane).values(**names, due_at=now, waiting=by, oldest=since)
    changes = {
        "due_at": _earlier(_lane.c.due_at, now),
        "waiting": _lane.c.waiting + by,
        "oldest": _earlier(_lane.c.oldest, since),
    }
    db.execute(statement.on_conflict_do_update(index_elements=list(names), set_=changes))


def cancel_removed(
    db: Connection,
    account: AccountId,
    configuration: ReplicationConfiguration,
    now: datetime,
    limit: int,
    place: str = "",
) -> Canceled:
    """Look at `limit` waiting deliveries, and fail those that `configuration` would not plan any more.

    They are the next ones after `place`, in an order in which a delivery moves only when it is claimed or given back.
    Deliveries under lease may finish.
    """
    rows = _waiting_after(db, account, place, limit)
    stale = [row.id for row in rows if _place_of(row) not in configuration.destinations_of(row.repository)]
    failed = _failed(FailureCode.REPLICATION_CONFIGURATION_REMOVED, None, now)
    lanes: list[tuple[str, str]] = []
    for chosen in batches(stale):
        some = update(delivery).where(delivery.c.id.in_(chosen), WAITING, _unleased(now)).values(failed)
        lanes += [tuple(row) for row in db.execute(some.returning(*ORDER[:2]))]
    canceled = Counter(lanes)
    for region, destination in sorted(canceled):
        _refresh(db, _lane_is(account, region, destination), now, gone=canceled[region, destination])
    return Canceled(len(lanes), _place_after(rows[-1]) if len(rows) == limit else "")


# --- carrying ---------------------------------------------------------------------------------------------


def due_lanes(db: Connection, region: RegionName, now: datetime) -> list[tuple[datetime, Lane]]:
    """Return the open lanes of this Region that have a delivery due, and since when, the most overdue first."""
    query = select(_lane).where(_lane.c.due_at <= now, _lane.c.paused.is_(False)).order_by(_lane.c.due_at)
    return [(row.due_at, _lane_of(row, region)) for row in db.execute(query)]


def next_due(db: Connection) -> datetime | None:
    """Return when the next open lane is due, or None if nothing waits."""
    return db.execute(select(func.min(_lane.c.due_at)).where(_lane.c.paused.is_(False))).scalar()


def claim(db: Connection, lane: Lane, holder: str, now: datetime, *, lease: timedelta, limit: int) -> list[Delivery]:
    """Lease the oldest due deliveries of a lane to `holder`, and count the attempt.

    Deliveries under another holder's lease are not due. While a registry's deliveries are being canceled after a change
    of its rules (`catalog.regional.cancellations`), those that the current rules do not ask for are canceled here, too.
    The lane then queues behind the lanes that were due already, so that a long backlog starves no other lane.
    """
    due = [row.id for row in db.execute(_oldest_due(lane, now, limit))]
    taken, canceled = due, 0
    if chores.is_begun(db, chores.canceling(lane.source.account)):
        taken, canceled = _still_asked_for(db, lane, due, now)
    if not taken:
        _refresh(db, _is(lane), now, gone=canceled)
        return []
    leased = {"lease_holder": holder, "lease_until": now + lease, "due_at": now + lease}
    statement = update(delivery).where(delivery.c.id.in_(taken)).values(attempts=delivery.c.attempts + 1, **leased)
    rows = db.execute(statement.returning(*delivery.c)).all()
    _refresh(db, _is(lane), now, gone=canceled)
    return sorted((_delivery(row, lane) for row in rows), key=lambda each: (each.position, each.id))


def release(db: Connection, ids: Sequence[str], holder: str, now: datetime) -> None:
    """Give back deliveries that were claimed and not begun: they are due at once, and the attempt does not count."""
    given_back = {"lease_holder": None, "lease_until": None, "due_at": now, "attempts": delivery.c.attempts - 1}
    mine = (delivery.c.id.in_(ids), delivery.c.lease_holder == holder, WAITING)
    _lock_in_order(db, ids)
    rows = db.execute(update(delivery).where(*mine).values(given_back).returning(*delivery.c)).all()
    for lane in sorted({(row.source_account, row.destination_region, row.destination_account) for row in rows}):
        _refresh(db, _lane_is(*lane), now)


def free(db: Connection, holder: str, now: datetime) -> int:
    """Make the deliveries of a holder that is known to be dead due at once. Tell how many; attempts stay counted."""
    held = (delivery.c.lease_holder == holder, WAITING)
    rows = db.execute(
        update(delivery)
        .where(*held)
        .values(lease_holder=None, lease_until=None, due_at=now)
        .returning(delivery.c.source_account, delivery.c.destination_region, delivery.c.destination_account)
    ).all()
    for lane in sorted({tuple(row) for row in rows}):
        _refresh(db, _lane_is(*lane), now)
    return len(rows)


def renew(db: Connection, ids: Sequence[str], holder: str, now: datetime, *, lease: timedelta) -> None:
    """Prolong the leases that `holder` still has, so that only dead holders lose theirs. Lanes keep their places."""
    mine = (delivery.c.id.in_(ids), delivery.c.lease_holder == holder, delivery.c.lease_until > now, WAITING)
    _lock_in_order(db, ids)
    rows = db.execute(
        update(delivery)
        .where(*mine)
        .values(lease_until=now + lease, due_at=now + lease)
        .returning(delivery.c.source_account, delivery.c.destination_region, delivery.c.destination_account)
    ).all()
    for lane in sorted({tuple(row) for row in rows}):
        _recompute(db, _lane_is(*lane), now, overdue=_lane.c.due_at)


def settle_complete(db: Connection, done: Sequence[tuple[Delivery, Landed]], holder: str, now: datetime) -> set[str]:
    """Record that deliveries of one lane have landed, with the children that indexes have brought along.

    Return the ids of those that were settled: the others are not `holder`'s any more.
    """
    _lock_in_order(db, [delivery.id for delivery, _ in done])
    settled = _complete(db, done, holder, now)
    brought = sum(
        _settle_children(db, each, landed, now) for each, landed in done if landed.children and each.id in settled
    )
    if settled:
        lane = _is(Lane(done[0][0].source, done[0][0].destination))
        _refresh(db, lane, now, gone=len(settled) + brought)
        db.execute(update(_lane).where(*lane).values(carried_at=now))
    return settled


def postpone(db: Connection, id_: str, holder: str, now: datetime, *, after: timedelta, reason: str) -> None:
    """Give a delivery back to be tried again later. Raises LeaseLost if it is not `holder`'s any more."""
    later = {"due_at": now + after, "lease_holder": None, "lease_until": None, "reason": reason}
    lane = _end_attempt(db, id_, holder, now, later)
    _refresh(db, _lane_is(*lane), now)


def fail(db: Connection, id_: str, holder: str, now: datetime, *, code: FailureCode, reason: str) -> None:
    """Record that a delivery was given up. Raises LeaseLost if it is not `holder`'s any more."""
    lane = _end_attempt(db, id_, holder, now, _failed(code, reason, now))
    _refresh(db, _lane_is(*lane), now, gone=1)


# --- private: the order of what waits ---------------------------------------------------------------------


def _waiting_after(db: Connection, account: AccountId, place: str, limit: int) -> Sequence[Row[Any]]:
    query: Select[Any] = select(*ORDER, delivery.c.repository).where(delivery.c.source_account == account, WAITING)
    if place:
        region, destination, due_at, id_ = json.loads(place)
        values = (region, destination, datetime.fromisoformat(due_at), id_)
        after = [literal(value, column.type) for value, column in zip(values, ORDER, strict=True)]
        query = query.where(tuple_(*ORDER) > tuple_(*after))
    return db.execute(query.order_by(*ORDER).limit(limit)).all()


def _place_after(row: Row[Any]) -> str:
    return json.dumps([row.destination_region, row.destination_account, row.due_at.isoformat(), row.id])


def _place_of(row: Row[Any]) -> Registry:
    return Registry(AccountId(row.destination_account), RegionName(row.destination_region))


# --- private ----------------------------------------------------------------------------------------------


def _row(source: Registry, planned: PlannedDelivery, position: Position, now: datetime) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "source_account": source.account,
        "destination_region": planned.destination.region,
        "destination_account": planned.destination.account,
        "repository": planned.repository,
        "digest": str(planned.digest),
        "tag": planned.tag,
        "epoch": position.epoch,
        "sequence": position.sequence,
        "repetition": planned.repetition,
        "state": DeliveryState.WAITING.value,
        "created_at": now,
        "due_at": now,
    }


def _newest(db: Connection, account: AccountId, image: PlannedDelivery, tags: set[str | None]) -> list[Row[Any]]:
    """Return the newest delivery of an image in each lane under each of the tags.

    It reads one row of an index for each lane and tag, however often the image was carried.
    """
    found: list[Row[Any]] = []
    if None in tags:
        newest = _of_image(image, delivery.c.tag.is_(None)).correlate(_lane)
        shown = delivery.alias()
        lanes = select(shown).join_from(_lane, shown, shown.c.id == newest.scalar_subquery())
        found += db.execute(lanes.where(_lane.c.source_account == account))
    for batch in batches(sorted(tag for tag in tags if tag is not None)):
        wanted = values(column("name", Text), name="wanted").data([(tag,) for tag in batch]).cte("wanted_tag")
        newest = _of_image(image, delivery.c.tag == wanted.c.name).correlate(_lane, wanted)
        shown = delivery.alias()
        pairs = select(shown).select_from(_lane).join(wanted, true())
        pairs = pairs.join(shown, shown.c.id == newest.scalar_subquery())
        found += db.execute(pairs.where(_lane.c.source_account == account))
    return found


def _of_image(image: PlannedDelivery, tag: ColumnElement[bool]) -> Select[Any]:
    """Select the newest delivery of an image in a lane, under a tag or none."""
    same = (*of_lane(), delivery.c.repository == image.repository, delivery.c.digest == str(image.digest), tag)
    return select(delivery.c.id).where(*same).order_by(*(each.desc() for each in AGE)).limit(1)


def _lock_in_order(db: Connection, ids: Sequence[str]) -> None:
    """Lock deliveries in one order, before their lane (docs/decisions/0008-locks-on-postgresql.md)."""
    statements.lock(db, select(delivery.c.id).where(delivery.c.id.in_(ids)).order_by(delivery.c.id))


def _refresh(db: Connection, which: Sequence[ColumnElement[bool]], now: datetime, *, gone: int = 0) -> None:
    """Recompute when a lane is due: never before now, so that it queues behind those that were due already.

    `gone` is how many of its deliveries wait no more.
    """
    _recompute(db, which, now, overdue=literal(now, Instant), gone=gone)


def _recompute(
    db: Connection, which: Sequence[ColumnElement[bool]], now: datetime, *, overdue: ColumnElement[Any], gone: int = 0
) -> None:
    """Recompute when a lane is due and what waits in it; `overdue` replaces a due time that has passed."""
    # Locked before anything is computed: the values of deliveries owed meanwhile must not be overwritten by older ones.
    statements.lock(db, select(_lane.c.source_account).where(*which))
    earliest = _least(delivery.c.due_at)
    changes: dict[str, Any] = {"due_at": case((earliest <= now, overdue), else_=earliest)}
    if gone:
        changes |= {"waiting": _lane.c.waiting - gone, "oldest": _least(delivery.c.created_at)}
    db.execute(update(_lane).where(*which).values(changes))


def _least(column: ColumnElement[Any]) -> Any:
    """Select the least value of a column among the waiting deliveries of a lane, with one look into an index."""
    return select(func.min(column)).where(*of_lane(), WAITING).scalar_subquery()


def _earlier(column: ColumnElement[Any], moment: datetime) -> ColumnElement[Any]:
    return case((or_(column.is_(None), column > moment), literal(moment, Instant)), else_=column)


def _oldest_due(lane: Lane, now: datetime, limit: int) -> Any:
    return (
        select(delivery.c.id)
        .where(
            delivery.c.source_account == lane.source.account,
            delivery.c.destination_region == lane.destination.region,
            delivery.c.destination_account == lane.destination.account,
            delivery.c.due_at <= now,
            WAITING,
        )
        .order_by(delivery.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _still_asked_for(db: Connection, lane: Lane, ids: Sequence[str], now: datetime) -> tuple[list[str], int]:
    """Cancel deliveries of a lane that the current rules do not ask for.

    Return the others, and how many were canceled.
    """
    rules = registries.settings(db, lane.source.account).replication
    rows = db.execute(select(delivery.c.id, delivery.c.repository).where(delivery.c.id.in_(ids))).all()
    asked = [row.id for row in rows if lane.destination in rules.destinations_of(row.repository)]
    stale = [each for each in ids if each not in asked]
    failed = _failed(FailureCode.REPLICATION_CONFIGURATION_REMOVED, None, now)
    canceled = db.execute(update(delivery).where(delivery.c.id.in_(stale), WAITING).values(failed)).rowcount
    return asked, canceled


def _end_attempt(db: Connection, id_: str, holder: str, now: datetime, values: dict[str, Any]) -> tuple[str, str, str]:
    """Record how an attempt ended, and return the delivery's lane. Deliveries are locked before their lane."""
    mine = (delivery.c.id == id_, delivery.c.lease_holder == holder, delivery.c.lease_until > now, WAITING)
    lane = db.execute(
        update(delivery)
        .where(*mine)
        .values(values)
        .returning(delivery.c.source_account, delivery.c.destination_region, delivery.c.destination_account)
    ).one_or_none()
    if lane is None:
        raise LeaseLost(id_)
    return lane.source_account, lane.destination_region, lane.destination_account


def _complete(db: Connection, done: Sequence[tuple[Delivery, Landed]], holder: str, now: datetime) -> set[str]:
    """Complete those deliveries that are `holder`'s. Return their ids."""
    asked = {
        "holder": holder,
        "now": now,
        "bytes": json.dumps({each.id: str(landed.bytes_carried) for each, landed in done}),
        "carriers": json.dumps({each.id: landed.carried_by for each, landed in done}),
    }
    return {row.id for row in _COMPLETED.all(db, **asked)}


def _completing(engine: str) -> Any:
    sizes = statements.pairs_of(engine, "bytes").alias("bytes")
    carriers = statements.pairs_of(engine, "carriers").alias("carriers")
    mine = (delivery.c.lease_holder == bindparam("holder"), delivery.c.lease_until > bindparam("now"), WAITING)
    values_ = _completed(bindparam("now"), cast(sizes.c.value, BigInteger), carriers.c.value)
    named = (delivery.c.id == sizes.c.key, delivery.c.id == carriers.c.key)
    return update(delivery).where(*named, *mine).values(values_).returning(delivery.c.id)


_COMPLETED = Prepared(_completing)


def _settle_children(db: Connection, index: Delivery, landed: Landed, now: datetime) -> int:
    """Complete the untagged deliveries of an index's children to the same repository, and tell how many those are.

    It leaves out deliveries that became owed after the index: they may be for a child that has been deleted there
    since. The holder of a leased delivery, such as one of the same batch, settles it. A child's tag is an obligation
    of its own.
    """
    statement = update(delivery).where(
        delivery.c.source_account == index.source.account,
        delivery.c.destination_region == index.destination.region,
        delivery.c.destination_account == index.destination.account,
        delivery.c.repository == index.repository,
        delivery.c.digest.in_([str(child) for child in landed.children]),
        delivery.c.tag.is_(None),
        tuple_(delivery.c.epoch, delivery.c.sequence) <= tuple_(index.position.epoch, index.position.sequence),
        WAITING,
        _unleased(now),
    )
    return db.execute(statement.values(_completed(now, 0, landed.carried_by))).rowcount


def _completed(now: Any, bytes_carried: Any, carried_by: Any) -> dict[str, Any]:
    state = {"state": DeliveryState.COMPLETE.value, "failure_code": None, "reason": None, "lease_holder": None}
    return {**state, "lease_until": None, "settled_at": now, "bytes_carried": bytes_carried, "carried_by": carried_by}


def _failed(code: FailureCode, reason: str | None, now: datetime) -> dict[str, Any]:
    state = {"state": DeliveryState.FAILED.value, "failure_code": code.value, "reason": reason}
    return {**state, "lease_holder": None, "lease_until": None, "settled_at": now}


def _unleased(now: datetime) -> ColumnElement[bool]:
    return or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now)


def _is(lane: Lane) -> Sequence[ColumnElement[bool]]:
    return _lane_is(lane.source.account, lane.destination.region, lane.destination.account)


def of_lane() -> Sequence[ColumnElement[bool]]:
    return (
        delivery.c.source_account == _lane.c.source_account,
        delivery.c.destination_region == _lane.c.destination_region,
        delivery.c.destination_account == _lane.c.destination_account,
    )


def _lane_is(account: str, region: str, destination: str) -> Sequence[ColumnElement[bool]]:
    return (
        _lane.c.source_account == account,
        _lane.c.destination_region == region,
        _lane.c.destination_account == destination,
    )


def _lane_of(row: Row[Any], region: RegionName) -> Lane:
    destination = Registry(AccountId(row.destination_account), RegionName(row.destination_region))
    return Lane(Registry(AccountId(row.source_account), region), destination)


def _delivery(row: Row[Any], lane: Lane) -> Delivery:
    return Delivery(
        id=row.id,
        source=lane.source,
        destination=lane.destination,
        repository=RepositoryName(row.repository),
        digest=Digest.parse(row.digest),
        tag=row.tag,
        position=Position(row.epoch, row.sequence),
        attempts=row.attempts,
        created_at=row.created_at,
    )
