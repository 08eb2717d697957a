"""What a Region has still to do, from lanes and the ends of indexes alone: no query here counts deliveries or blobs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from twinport.catalog.regional_schema import blob, blob_review, discarded_key, lane, layer_review
from twinport.model.names import AccountId


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many deliveries wait or are under way, and since when the oldest of them is owed."""

    waiting: int = 0
    oldest: datetime | None = None

    def __add__(self, other: "Backlog") -> "Backlog":
        since = [each.oldest for each in (self, other) if each.oldest is not None]
        return Backlog(self.waiting + other.waiting, min(since, default=None))


def by_destination(db: Connection) -> dict[str, Backlog]:
    """Return what is owed to each destination Region that a lane leads to, also where nothing is."""
    return _grouped(db, lane.c.destination_region)


def busiest(db: Connection, most: int) -> dict[AccountId, int]:
    """Return the accounts that owe most in this Region, and how many deliveries each owes."""
    total = func.sum(lane.c.waiting)
    query = select(lane.c.source_account, total).where(lane.c.waiting > 0).group_by(lane.c.source_account)
    rows = db.execute(query.order_by(total.desc(), lane.c.source_account).limit(most))
    return {AccountId(account): int(waiting) for account, waiting in rows}


def of_accounts(db: Connection, accounts: Collection[AccountId]) -> dict[str, Backlog]:
    """Return what each of these accounts owes in this Region."""
    return _grouped(db, lane.c.source_account, lane.c.source_account.in_(accounts))


def of_others(db: Connection, accounts: Collection[AccountId]) -> Backlog:
    """Return what all accounts but these owe in this Region."""
    query = select(func.sum(lane.c.waiting), func.min(lane.c.oldest)).where(lane.c.source_account.not_in(accounts))
    waiting, oldest = db.execute(query).one()
    return Backlog(int(waiting or 0), oldest)


def oldest_garbage(db: Connection) -> datetime | None:
    """Return since when something waits to be looked at that may be garbage: the first entry of each index."""
    columns = (layer_review.c.since, blob_review.c.since, discarded_key.c.discarded_at)
    found = (db.execute(select(func.min(column))).scalar() for column in columns)
    return min((since for since in found if since is not None), default=None)


def longest_unverified(db: Connection) -> datetime | None:
    """Return when the layer was last compared with its digest that was not for longest."""
    return db.execute(select(func.min(blob.c.verified_at))).scalar()


def _grouped(db: Connection, by: ColumnElement[Any], *which: ColumnElement[bool]) -> dict[str, Backlog]:
    query = select(by, func.sum(lane.c.waiting), func.min(lane.c.oldest)).where(*which).group_by(by)
    return {name: Backlog(int(waiting), oldest) for name, waiting, oldest in db.execute(query)}
