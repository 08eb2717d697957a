"""What the processes have leased of the rates of each account, Region and action, in the partition's database.

A row says no more than no row does once its second is over, so rows are removed soon. The table is bounded.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, tuple_, update

from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.engine.statements import insert_of
from twinport.catalog.partition.schema import rate_budget as _budget
from twinport.model.names import AccountId, RegionName
from twinport.model.rate_budgets import Budget

# A budget that is dropped starts with a full second again.
MOST_BUDGETS = 10_000
_MOST_AT_ONCE = 1000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BudgetKey:
    """What a rate holds for."""

    account: AccountId
    region: RegionName
    action: str


def hold(db: Connection, key: BudgetKey) -> Budget:
    """Return a budget, which no other transaction changes before this one ends. At first nothing is leased."""
    [row] = _HOLD.all(db, **_named(key), spent=0, at=_LONG_AGO)
    return Budget(row.spent, row.at)


def store(db: Connection, key: BudgetKey, budget: Budget) -> None:
    """Store a budget that this transaction holds."""
    _STORE.change(db, **_where(key), spent=budget.spent, at=budget.at)


def clear(db: Connection, until: datetime, most: int = MOST_BUDGETS) -> None:
    """Remove budgets that were last leased of up to `until`, and the oldest beyond `most`: a bounded number of them."""
    beyond = select(_budget.c.at).order_by(_budget.c.at.desc()).offset(most).limit(1)
    newest_too_many = db.execute(beyond).scalar_one_or_none()
    old = _budget.c.at <= (until if newest_too_many is None else max(until, newest_too_many))
    key = tuple(_budget.primary_key)
    # A budget that another process holds is in use.
    chosen = select(*key).where(old).limit(_MOST_AT_ONCE).with_for_update(skip_locked=True)
    db.execute(delete(_budget).where(tuple_(*key).in_(chosen)))


def _named(key: BudgetKey) -> dict[str, str]:
    return {"account": key.account, "region": key.region, "action": key.action}


def _where(key: BudgetKey) -> dict[str, str]:
    return {"of_account": key.account, "of_region": key.region, "of_action": key.action}


def _holding(engine: str) -> Any:
    values = {column.name: bindparam(column.name, type_=column.type) for column in _budget.c}
    # This changes nothing, and locks the row whether it was there or not.
    same = {"spent": _budget.c.spent}
    inserting = insert_of(engine, _budget).values(values)
    held = inserting.on_conflict_do_update(index_elements=list(_budget.primary_key), set_=same)
    return held.returning(_budget.c.spent, _budget.c.at)


def _storing(_engine: str) -> Any:
    is_it = (_budget.c[name] == bindparam(f"of_{name}") for name in ("account", "region", "action"))
    changes = {name: bindparam(name, type_=_budget.c[name].type) for name in ("spent", "at")}
    return update(_budget).where(*is_it).values(changes)


_HOLD, _STORE = Prepared(_holding), Prepared(_storing)
