"""Leases on work that one process at a time should do. Anybody may take any of them; those of the dead lapse.

There is no leader: a loop takes the lease of what it found to do, in the database where the work lies, does a part of
it, and takes it again (which prolongs it) before the next part. A process that stands still may lose its lease without
knowing, so a lease saves double work and makes nothing true: what is done under it must be right when two do it.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_

from twinport.catalog.regional_schema import lease as _lease
from twinport.catalog.statements import insert


def take(db: Connection, name: str, holder: str, now: datetime, *, lease: timedelta) -> bool:
    """Take a lease that nobody else holds, or prolong one's own. Tell whether it is `holder`'s now.

    `now` is `Catalog.now`, so that every host means the same moment.
    """
    changes = {"holder": holder, "until": now + lease}
    statement = insert(db, _lease).values(name=name, **changes)
    free = or_(_lease.c.until <= now, _lease.c.holder == holder)
    taken = statement.on_conflict_do_update(index_elements=["name"], set_=changes, where=free)
    return db.execute(taken.returning(_lease.c.name)).first() is not None


def give_back(db: Connection, name: str, holder: str) -> None:
    """Let others have a lease before it lapses, if it is `holder`'s."""
    db.execute(delete(_lease).where(_lease.c.name == name, _lease.c.holder == holder))


def end(db: Connection, name: str) -> None:
    """Forget a lease whose work is done for good, whoever holds it."""
    db.execute(delete(_lease).where(_lease.c.name == name))


def lapse(db: Connection, holder: str) -> None:
    """End every lease of a holder that is known to be dead."""
    db.execute(delete(_lease).where(_lease.c.holder == holder))
