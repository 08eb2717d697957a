"""How far a Region's replication is behind, and how much of it waits for the operator, in statements of bounded work.

Failed copies and damaged blobs have no index of their own, so at most `MOST_LOOKED_AT` rows are looked at.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, not_, or_, select

from twinport.catalog.regional.schema import blob, delivery, lane
from twinport.model.replication import DeliveryState

MOST_LANES = 10_000
MOST_COUNTED = 10_000
MOST_LOOKED_AT = 100_000


@dataclass(frozen=True, slots=True)
class Progress:
    """What a Region owes. Each count stops at a limit; `is_partial` says that one did.

    `oldest` is since when the oldest of the deliveries that wait is owed; lanes keep count of them. `failed` counts
    deliveries that gave up and were not owed again since.
    """

    waiting: int
    oldest: datetime | None
    failed: int
    damaged: int
    is_partial: bool


def progress(db: Connection) -> Progress:
    """Return what a Region owes now."""
    some = select(lane.c.waiting, lane.c.oldest).where(lane.c.waiting > 0).limit(MOST_LANES).subquery()
    lanes, waiting, oldest = db.execute(
        select(func.count(), func.coalesce(func.sum(some.c.waiting), 0), func.min(some.c.oldest))
    ).one()
    failed, has_all_failed = _failed(db)
    damaged, saw_all_blobs = _damaged(db)
    is_partial = lanes == MOST_LANES or not (has_all_failed and saw_all_blobs)
    return Progress(int(waiting), oldest, failed, damaged, is_partial)


def _failed(db: Connection) -> tuple[int, bool]:
    """Count the failed deliveries that are the newest of their image, tag and destination.

    Tell also whether these are all of them.
    """
    seen = select(delivery).limit(MOST_LOOKED_AT).subquery()
    newer = delivery.alias()
    is_newer = or_(
        newer.c.epoch > seen.c.epoch,
        and_(newer.c.epoch == seen.c.epoch, newer.c.sequence > seen.c.sequence),
        and_(
            newer.c.epoch == seen.c.epoch,
            newer.c.sequence == seen.c.sequence,
            newer.c.repetition > seen.c.repetition,
        ),
    )
    is_of_the_same = and_(
        newer.c.source_account == seen.c.source_account,
        newer.c.repository == seen.c.repository,
        newer.c.digest == seen.c.digest,
        newer.c.tag.is_not_distinct_from(seen.c.tag),
        newer.c.destination_region == seen.c.destination_region,
        newer.c.destination_account == seen.c.destination_account,
    )
    is_last = not_(select(newer.c.id).where(is_of_the_same, is_newer).exists())
    some = select(seen.c.id).where(seen.c.state == DeliveryState.FAILED.value, is_last).limit(MOST_COUNTED).subquery()
    failed = db.execute(select(func.count()).select_from(some)).scalar_one()
    rows = db.execute(select(func.count()).select_from(select(delivery.c.id).limit(MOST_LOOKED_AT).subquery()))
    return failed, failed < MOST_COUNTED and rows.scalar_one() < MOST_LOOKED_AT


def _damaged(db: Connection) -> tuple[int, bool]:
    seen = select(blob.c.damage).limit(MOST_LOOKED_AT).subquery()
    rows, damaged = db.execute(select(func.count(), func.count(seen.c.damage))).one()
    return damaged, rows < MOST_LOOKED_AT
