"""Leases on work that one process at a time should do. Any process may take any lease; those of dead processes lapse.

There is no leader. A loop takes the lease of the work that it found, in the database where the work lies, does a part
of it, and takes the lease again (which prolongs it) before the next part. A process that stands still may lose its
lease without knowing. So a lease only saves double work: the work must be correct even when two processes do it.
"""

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, MetaData, Table, delete, or_

from twinport.catalog.engine.columns import Instant, Text
from twinport.catalog.engine.statements import insert


def table(metadata: MetaData) -> Table:
    """Return the table of leases, which every database has: work for one process, its holder, and its time."""
    return Table(
        "lease",
        metadata,
        Column("name", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("until", Instant, nullable=False),
    )


# The statements name no database: the table is the same in each.
_lease = table(MetaData())


def take(db: Connection, name: str, holder: str, now: datetime, *, lease: timedelta) -> bool:
    """Take a lease that no other holder has, or prolong `holder`'s own. Tell whether it is `holder`'s now.

    `now` is `Catalog.now`, so that every host means the same moment.
    """
    changes = {"holder": holder, "until": now + lease}
    statement = insert(db, _lease).values(name=name, **changes)
    free = or_(_lease.c.until <= now, _lease.c.holder == holder)
    taken = statement.on_conflict_do_update(index_elements=["name"], set_=changes, where=free)
    return db.execute(taken.returning(_lease.c.name)).first() is not None


def give_back(db: Connection, name: str, holder: str) -> None:
    """Free a lease for other processes before it lapses, if it is `holder`'s."""
    db.execute(delete(_lease).where(_lease.c.name == name, _lease.c.holder == holder))


def end(db: Connection, name: str) -> None:
    """Forget a lease whose work is done for good, whichever process holds it."""
    db.execute(delete(_lease).where(_lease.c.name == name))


def lapse(db: Connection, holder: str) -> None:
    """End every lease of a holder that is known to be dead."""
    db.execute(delete(_lease).where(_lease.c.holder == holder))
