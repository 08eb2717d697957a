"""The orders of an operator for the whole deployment: one row, which every process reads."""

from datetime import datetime

from sqlalchemy import Connection, select

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.partition.schema import maintenance
from twinport.model.maintenance import Maintenance

_COLUMNS = (maintenance.c.read_only_since, maintenance.c.garbage_paused_since, maintenance.c.garbage_paused_until)
_ORDERS = Prepared(lambda _: select(*_COLUMNS))


def read(db: Connection) -> Maintenance:
    row = _ORDERS.first(db)
    return Maintenance() if row is None else Maintenance(*row)


def begin_read_only(db: Connection, now: datetime) -> datetime:
    """Begin read-only mode. Return since when it lasts, which is earlier than now if it had begun before."""
    since = read(db).read_only_since or now
    _put(db, read_only_since=since)
    return since


def end_read_only(db: Connection) -> bool:
    """End read-only mode. Tell whether it was on."""
    was_on = read(db).is_read_only
    _put(db, read_only_since=None)
    return was_on


def pause_garbage(db: Connection, now: datetime, until: datetime | None) -> None:
    """Pause the collection of garbage from now on. An earlier pause is replaced."""
    _put(db, garbage_paused_since=now, garbage_paused_until=until)


def resume_garbage(db: Connection) -> None:
    _put(db, garbage_paused_since=None, garbage_paused_until=None)


def _put(db: Connection, **values: datetime | None) -> None:
    statements.upsert(db, maintenance, {"id": 1}, values)
