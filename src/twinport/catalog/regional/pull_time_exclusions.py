"""Principals of a registry whose pulls leave no time of the last pull."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from twinport.catalog.engine import statements
from twinport.catalog.regional import schema
from twinport.model.names import AccountId

_exclusion = schema.pull_time_exclusion


@dataclass(frozen=True, slots=True)
class Exclusion:
    principal: str
    created_at: datetime


def excluded(db: Connection, account: AccountId) -> frozenset[str]:
    """Return the ARNs of users and roles (`Caller.principal_arn`) whose pulls of a registry are not noted."""
    query = select(_exclusion.c.principal_arn).where(_exclusion.c.account == account)
    return frozenset(db.execute(query).scalars())


def count(db: Connection, account: AccountId) -> int:
    query = select(func.count()).where(_exclusion.c.account == account)
    return int(db.execute(query).scalar_one())


def add(db: Connection, account: AccountId, new: Exclusion) -> bool:
    """Add a principal. Tell whether it was not there."""
    row = {"account": account, "principal_arn": new.principal, "created_at": new.created_at}
    return statements.insert_absent(db, _exclusion, row)


def remove(db: Connection, account: AccountId, principal: str) -> bool:
    """Remove a principal. Tell whether it was there."""
    named = (_exclusion.c.account == account, _exclusion.c.principal_arn == principal)
    return db.execute(delete(_exclusion).where(*named)).rowcount == 1


def listed(db: Connection, account: AccountId, after: str, limit: int) -> list[str]:
    """Return at most `limit` principals in the order of their ARNs, those after `after`."""
    query = select(_exclusion.c.principal_arn).where(
        _exclusion.c.account == account, _exclusion.c.principal_arn > after
    )
    return list(db.execute(query.order_by(_exclusion.c.principal_arn).limit(limit)).scalars())
