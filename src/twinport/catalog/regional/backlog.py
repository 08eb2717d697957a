"""What a Region still has to do. Each query reads lanes or the end of an index; none counts deliveries or blobs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from twinport.catalog.regional.schema import blob, blob_review, discarded_key, lane, layer_review


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many deliveries wait or are under way, and since when the oldest of them is owed."""

    waiting: int = 0
    oldest: datetime | None = None

    def __add__(self, other: "Backlog") -> "Backlog":
        since = [each.oldest for each in (self, other) if each.oldest is not None]
        return Backlog(self.waiting + other.waiting, min(since, default=None))


def by_destination(db: Connection) -> dict[str, Backlog]:
    """Return the backlog of each destination Region that a lane leads to, even if it is empty."""
    return _read(db, _grouped(lane.c.destination_region))


def busiest(db: Connection, most: int) -> dict[str, Backlog]:
    """Return the backlogs of the accounts that owe most in this Region."""
    account, total = lane.c.source_account, func.sum(lane.c.waiting)
    query = select(account, total, func.min(lane.c.oldest)).where(lane.c.waiting > 0).group_by(account)
    return _read(db, query.order_by(total.desc(), account).limit(most))


def of_accounts(db: Connection, accounts: Collection[str]) -> dict[str, Backlog]:
    """Return the backlog of each of these accounts in this Region."""
    return _read(db, _grouped(lane.c.source_account).where(lane.c.source_account.in_(accounts)))


def oldest_garbage(db: Connection) -> datetime | None:
    """Return since when the oldest possible garbage has waited for a review, from the first entry of each index."""
    columns = (layer_review.c.since, blob_review.c.since, discarded_key.c.discarded_at)
    found = (db.execute(select(func.min(column))).scalar() for column in columns)
    return min((since for since in found if since is not None), default=None)


def longest_unverified(db: Connection) -> datetime | None:
    """Return when the layer that has waited longest for verification was last compared with its digest."""
    return db.execute(select(func.min(blob.c.verified_at))).scalar()


def _grouped(by: ColumnElement[Any]) -> Select[Any]:
    return select(by, func.sum(lane.c.waiting), func.min(lane.c.oldest)).group_by(by)


def _read(db: Connection, query: Select[Any]) -> dict[str, Backlog]:
    return {name: Backlog(int(waiting), oldest) for name, waiting, oldest in db.execute(query)}
