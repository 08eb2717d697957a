"""Deliveries that the rules ask for no more: they are cancelled some at a time, from the change of the rules on.

The transaction that stores the rules notes that there may be some, so a process that dies leaves the rest to another.
Meanwhile they count as owed, so that the role is not deleted too early, and a claim cancels them instead of leasing
them (`outbox.claim`), so that none is carried.
"""

from datetime import datetime

from sqlalchemy import Connection

from twinport.catalog import chores, outbox, registries
from twinport.model.names import AccountId


def begin(db: Connection, account: AccountId, now: datetime) -> None:
    """Note that rules of a registry were replaced, in the transaction that does so."""
    chores.go_on(db, chores.cancelling(account), account, now)


def accounts(db: Connection) -> list[AccountId]:
    """Return whose deliveries are being cancelled."""
    return [AccountId(account) for account in chores.places(db, chores.cancelling(""))]


def go_on(db: Connection, account: AccountId, now: datetime, limit: int) -> bool:
    """Cancel at most `limit` deliveries of a registry that its rules of now do not ask for. Tell whether more may be.

    Those under lease may finish.
    """
    # Held, as by a push: nothing is owed by other rules meanwhile.
    rules = registries.hold(db, account).replication
    if outbox.cancel_removed(db, account, rules, now, limit) == limit:
        return True
    chores.end(db, chores.cancelling(account))
    return False
