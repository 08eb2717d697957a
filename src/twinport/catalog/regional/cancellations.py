"""Deliveries that the rules no longer ask for: after a change of the rules, they are canceled some at a time.

The transaction that stores the rules notes that there may be some, so another process can go on if one dies. Until
they are canceled, they count as owed, so that the role is not deleted too early. A claim cancels them instead of
leasing them (`outbox.claim`), so that none is carried.
"""

from datetime import datetime

from sqlalchemy import Connection

from twinport.catalog.regional import chores, outbox, registries
from twinport.model.names import AccountId


def begin(db: Connection, account: AccountId, now: datetime) -> None:
    """Note that rules of a registry were replaced, in the transaction that does so."""
    chores.go_on(db, chores.canceling(account), "", now)


def accounts(db: Connection) -> list[AccountId]:
    """Return the accounts whose deliveries are being canceled."""
    prefix = chores.canceling("")
    return [AccountId(name.removeprefix(prefix)) for name in chores.names(db, prefix)]


def go_on(db: Connection, account: AccountId, now: datetime, limit: int) -> bool:
    """Look at some waiting deliveries of a registry, and cancel those that its current rules do not ask for.

    Tell whether there are more than these `limit`. Those under lease may finish.
    """
    # Held, as a push holds it: meanwhile no delivery is recorded under other rules.
    rules = registries.hold(db, account).replication
    round_ = chores.canceling(account)
    place = chores.begun_at(db, round_)
    if place is None:
        return False
    following = outbox.cancel_removed(db, account, rules, now, limit, place).place
    if following:
        chores.go_on(db, round_, following, now)
    else:
        chores.end(db, round_)
    return bool(following)
