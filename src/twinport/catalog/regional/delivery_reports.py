"""What became of a registry's deliveries: of one image, and of all together. The outbox changes what is read here."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from twinport.catalog.regional.outbox import AGE, ORDER, WAITING, of_lane
from twinport.catalog.regional.schema import delivery, lane
from twinport.model.content import Digest
from twinport.model.deletions import MOST_COUNTED
from twinport.model.images import Position
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import DeliveryReport, DeliveryState, FailureCode


def statuses(
    db: Connection, account: str, repository: str, digest: Digest, tag: str | None = None
) -> list[DeliveryReport]:
    """Report the newest delivery of an image to each destination; with a tag, of the image under that tag.

    The query reads one row of an index for each lane of the account, however often the image was carried.
    """
    same = [
        *of_lane(),
        delivery.c.repository == repository,
        delivery.c.digest == str(digest),
    ]
    if tag is not None:
        same.append(delivery.c.tag == tag)
    newest = select(delivery.c.id).where(*same).order_by(*(each.desc() for each in AGE)).limit(1)
    shown = delivery.alias()
    rows = db.execute(
        select(shown)
        .join_from(lane, shown, shown.c.id == newest.correlate(lane).scalar_subquery())
        .where(lane.c.source_account == account)
    )
    return sorted(map(report_of, rows), key=lambda report: (report.destination.region, report.destination.account))


def unsettled(db: Connection, account: str) -> int:
    """Count the deliveries of a registry that still wait or are under way, up to `MOST_COUNTED`."""
    # In the order of the index of waiting deliveries: otherwise SQLite uses an index that includes settled rows.
    some = select(delivery.c.id).where(delivery.c.source_account == account, WAITING).order_by(*ORDER)
    some = some.limit(MOST_COUNTED)
    return db.execute(select(func.count()).select_from(some.subquery())).scalar_one()


def last_carried(db: Connection, account: str) -> datetime | None:
    """Return when a delivery of a registry was last completed."""
    return db.execute(select(func.max(lane.c.carried_at)).where(lane.c.source_account == account)).scalar()


def report_of(row: Row[Any]) -> DeliveryReport:
    """Read a row of the table of deliveries."""
    return DeliveryReport(
        id=row.id,
        destination=Registry(AccountId(row.destination_account), RegionName(row.destination_region)),
        repository=RepositoryName(row.repository),
        digest=Digest.parse(row.digest),
        tag=row.tag,
        position=Position(row.epoch, row.sequence),
        state=DeliveryState(row.state),
        failure_code=FailureCode(row.failure_code) if row.failure_code else None,
        reason=row.reason,
        attempts=row.attempts,
        created_at=row.created_at,
        settled_at=row.settled_at,
        bytes_carried=row.bytes_carried,
        carried_by=row.carried_by,
        repetition=row.repetition,
    )
