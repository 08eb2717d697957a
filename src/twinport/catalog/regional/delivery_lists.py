"""Lists of a registry's deliveries by state, the newest first, a bounded number at a time.

The index `delivery_by_state` has this order, so the cost of a page depends on its size, not on the length of history.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_

from twinport.catalog.regional.delivery_reports import report_of
from twinport.catalog.regional.schema import delivery, lane
from twinport.model.names import AccountId, RegionName, Registry
from twinport.model.replication import DeliveryState, ListedDelivery
from twinport.refusals.requests import DeliveryUnknown

_ORDER = (delivery.c.epoch, delivery.c.sequence, delivery.c.repetition, delivery.c.id)

# Where a list goes on: behind the delivery of this age and id.
Place = tuple[int, int, int, str]


def place_of(listed: ListedDelivery) -> Place:
    """Return the place behind a delivery."""
    report = listed.report
    return report.position.epoch, report.position.sequence, report.repetition, report.id


def place_behind(db: Connection, account: AccountId, delivery_id: str) -> Place:
    """Return the place behind a delivery of a registry. Raises DeliveryUnknown."""
    mine = (delivery.c.source_account == account, delivery.c.id == delivery_id)
    row = db.execute(select(*_ORDER).where(*mine)).one_or_none()
    if row is None:
        raise DeliveryUnknown(delivery_id)
    return row.epoch, row.sequence, row.repetition, row.id


def accounts(db: Connection, region: RegionName) -> list[Registry]:
    """Return the registries of a Region that ever had deliveries, in the order of their accounts."""
    names = db.execute(select(lane.c.source_account).distinct().order_by(lane.c.source_account)).scalars()
    return [Registry(AccountId(name), region) for name in names]


def listed(
    db: Connection, source: Registry, states: Sequence[DeliveryState], after: Place | None, now: datetime, limit: int
) -> list[ListedDelivery]:
    """Return at most `limit` deliveries of a registry in one of `states`, the newest first, from `after` on."""
    # One statement a state: the index has each state's rows in order, and not those of several together.
    rows = [row for state in states for row in _of_state(db, source.account, state, after, limit)]
    rows.sort(key=lambda row: (row.epoch, row.sequence, row.repetition, row.id), reverse=True)
    return [_listed(row, source, now) for row in rows[:limit]]


def _of_state(
    db: Connection, account: AccountId, state: DeliveryState, after: Place | None, limit: int
) -> Sequence[Row[Any]]:
    query = select(delivery).where(delivery.c.source_account == account, delivery.c.state == state.value)
    if after is not None:
        query = query.where(tuple_(*_ORDER) < tuple_(*after))
    return db.execute(query.order_by(*(column.desc() for column in _ORDER)).limit(limit)).all()


def _listed(row: Row[Any], source: Registry, now: datetime) -> ListedDelivery:
    is_waiting = row.state == DeliveryState.WAITING.value
    is_under_way = is_waiting and row.lease_until is not None and row.lease_until > now
    return ListedDelivery(source, report_of(row), is_under_way, row.due_at if is_waiting and not is_under_way else None)
