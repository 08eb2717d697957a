"""When principals last called each service, and the jobs that ask for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from twinport.catalog.engine import statements
from twinport.catalog.partition import schema
from twinport.model.entities import Use
from twinport.model.names import AccountId

_use, _job = schema.service_use, schema.access_job
_JOBS_KEPT = timedelta(days=7)
_FORGOTTEN_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class AccessJob:
    """A client's request to know which services the entity or policy with this ARN called last."""

    id: str
    account: AccountId
    arn: str
    created_at: datetime


def note(db: Connection, principal_id: str, use: Use) -> None:
    """Record a use by a principal, unless a later one of the same service is recorded."""
    changes = {"used_at": use.at, "region": use.region}
    row = statements.insert(db, _use).values(principal_id=principal_id, service=use.service, **changes)
    is_later = _use.c.used_at < use.at
    db.execute(row.on_conflict_do_update(index_elements=["principal_id", "service"], set_=changes, where=is_later))


def forget(db: Connection, principal_id: str) -> None:
    db.execute(delete(_use).where(_use.c.principal_id == principal_id))


def last(db: Connection, principal_ids: Sequence[str], service: str) -> dict[str, Use]:
    """Return the last use of a service by each of these principals that ever called it."""
    found: dict[str, Use] = {}
    for some in statements.batches(principal_ids):
        rows = db.execute(select(_use).where(_use.c.service == service, _use.c.principal_id.in_(some)))
        found |= {row.principal_id: Use(row.used_at, row.region, service) for row in rows}
    return found


def add_job(db: Connection, job: AccessJob) -> None:
    """Store a job, and delete several that are more than a week old, so that they do not pile up."""
    statements.delete_some(db, _job, [_job.c.created_at < job.created_at - _JOBS_KEPT], _FORGOTTEN_AT_ONCE)
    db.execute(insert(_job).values(id=job.id, account=job.account, arn=job.arn, created_at=job.created_at))


def find_job(db: Connection, account: AccountId, job_id: str) -> AccessJob | None:
    row = db.execute(select(_job).where(_job.c.account == account, _job.c.id == job_id)).one_or_none()
    return None if row is None else AccessJob(row.id, AccountId(row.account), row.arn, row.created_at)
