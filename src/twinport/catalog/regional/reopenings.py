"""Deliveries that were given up because bytes of their image are damaged: they are reopened when the bytes are whole.

A failed delivery of that kind keeps its `due_at`, the time when a process looks at its image again. Only this module
ends its state, and each function changes nothing if another process has ended it meanwhile.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, literal_column, select, tuple_, update

from twinport.catalog.regional import outbox, registries
from twinport.catalog.regional.schema import delivery as _delivery
from twinport.model.content import Digest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import DeliveryState, FailureCode, Lane

# Written out, not bound: the planner then sees that the partial index serves the query.
_SAME = ("source_account", "destination_region", "destination_account", "repository", "digest")
_AGE = ("epoch", "sequence", "repetition")
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_GIVEN_UP = _delivery.c.failure_code == literal_column(f"'{FailureCode.SOURCE_IMAGE_INACCESSIBLE.value}'")


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A delivery that waits for its image to be whole."""

    id: str
    source: Registry
    destination: Registry
    repository: RepositoryName
    digest: Digest


def due(db: Connection, region: RegionName, now: datetime, limit: int) -> list[GivenUp]:
    """Return some of this Region's deliveries that are due for another look, those that have waited longest first."""
    query = select(_delivery).where(_GIVEN_UP, _delivery.c.due_at <= now).order_by(_delivery.c.due_at).limit(limit)
    return [
        GivenUp(
            row.id,
            Registry(AccountId(row.source_account), region),
            Registry(AccountId(row.destination_account), RegionName(row.destination_region)),
            RepositoryName(row.repository),
            Digest.parse(row.digest),
        )
        for row in db.execute(query)
    ]


def look_again(db: Connection, each: GivenUp, at: datetime) -> None:
    """Leave a delivery as it is until `at`."""
    db.execute(update(_delivery).where(_delivery.c.id == each.id, _GIVEN_UP).values(due_at=at))


def close(db: Connection, each: GivenUp, code: FailureCode, reason: str) -> None:
    """Give a delivery up for good, for another reason."""
    changes = {"failure_code": code.value, "reason": reason}
    db.execute(update(_delivery).where(_delivery.c.id == each.id, _GIVEN_UP).values(changes))


def reopen(db: Connection, each: GivenUp, now: datetime) -> bool:
    """Make a delivery wait again, as if it had not been tried, if the rules still ask for it. Tell whether it waits.

    Otherwise it is closed. It stays as it is if a newer delivery of the same image and tag stands for it, for example
    after the same push came again. It keeps its position, so that it moves no tag that something newer has moved.
    """
    # As for a push: while this is held, no other process replaces the rules, or concludes that nothing is owed.
    rules = registries.hold(db, each.source.account).replication
    if _has_newer(db, each):
        look_again(db, each, _NEVER)
        return False
    if each.destination not in rules.destinations_of(each.repository):
        close(db, each, FailureCode.REPLICATION_CONFIGURATION_REMOVED, "no replication rule covers it any more")
        return False
    changes = {"state": DeliveryState.WAITING.value, "failure_code": None, "reason": None, "settled_at": None}
    opened = update(_delivery).where(_delivery.c.id == each.id, _GIVEN_UP)
    again = opened.values(**changes, attempts=0, due_at=now).returning(_delivery.c.created_at)
    created_at = db.execute(again).scalar_one_or_none()
    if created_at is None:
        return False
    outbox.lengthen(db, Lane(each.source, each.destination), now, by=1, since=created_at)
    return True


def _has_newer(db: Connection, each: GivenUp) -> bool:
    """Tell whether there is a newer delivery of the same image and tag to the same destination."""
    newer = _delivery.alias()
    same = [newer.c[name] == _delivery.c[name] for name in _SAME]
    later = tuple_(*(newer.c[name] for name in _AGE)) > tuple_(*(_delivery.c[name] for name in _AGE))
    query = select(newer.c.id).where(_delivery.c.id == each.id, *same, later)
    return db.execute(query.where(newer.c.tag.is_not_distinct_from(_delivery.c.tag)).limit(1)).first() is not None
