"""Rounds: work that visits everything in turn, some at a time. Each row says how far one has come and when it goes on.

There are two kinds of rounds. One has parts: a process takes a part in one transaction, so each of several processes
takes another one, and a part whose process dies is left out until the next round. The other has a place (`place`,
`go_on`): a process notes the place after its work, so two processes may do the same work, and a process that dies
leaves its last work to be done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from twinport.catalog.engine import statements
from twinport.catalog.regional.schema import chore as _chore

_IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Chore:
    """The parts of a round in their order, and how much time there is for each.

    After a pause, the parts of at most the last `catch_up` are made up for at once.
    """

    name: str
    parts: Sequence[str]
    interval: timedelta
    catch_up: timedelta


def is_due(db: Connection, chore: Chore, now: datetime) -> bool:
    due_at = db.execute(select(_chore.c.due_at).where(_chore.c.name == chore.name)).scalar()
    return due_at is None or due_at <= now


def take(db: Connection, chore: Chore, now: datetime) -> str | None:
    """Return the part whose turn it is, or None if none is due."""
    first = {"name": chore.name, "position": chore.parts[-1], "due_at": now}
    statements.insert_absent(db, _chore, first)
    row = db.execute(select(_chore).where(_chore.c.name == chore.name).with_for_update()).one()
    if row.due_at > now:
        return None
    part = chore.parts[(chore.parts.index(row.position) + 1) % len(chore.parts)]
    due_at = max(row.due_at, now - chore.catch_up) + chore.interval
    db.execute(update(_chore).where(_chore.c.name == chore.name).values(position=part, due_at=due_at))
    return part


def place(db: Connection, name: str, ended_before: datetime) -> str | None:
    """Return where a round without parts goes on: '' at its beginning, None if it need not begin yet.

    It begins if the last one ended before `ended_before`.
    """
    row = db.execute(select(_chore.c.position, _chore.c.due_at).where(_chore.c.name == name)).one_or_none()
    if row is None or row.position:
        return row.position if row else ""
    return "" if row.due_at <= ended_before else None


def go_on(db: Connection, name: str, place: str, now: datetime) -> None:
    """Note how far a round without parts has come by now; '' is its end."""
    statements.upsert(db, _chore, {"name": name}, {"position": place, "due_at": now})


def canceling(account: str) -> str:
    """Name the round through a registry's waiting deliveries that follows a change of its rules."""
    return f"cancelling {account}"  # stored, so it stays as earlier releases spelled it


def is_begun(db: Connection, name: str) -> bool:
    return db.execute(select(_chore.c.name).where(_chore.c.name == name)).first() is not None


def begun_at(db: Connection, name: str) -> str | None:
    """Return how far a one-time round has come: '' at its beginning, None if there is none."""
    found: str | None = db.execute(select(_chore.c.position).where(_chore.c.name == name)).scalar()
    return found


def names(db: Connection, prefix: str) -> list[str]:
    """Return the names of rounds that begin with a prefix."""
    query = select(_chore.c.name).where(_chore.c.name.startswith(prefix, autoescape=True))
    return list(db.execute(query.order_by(_chore.c.name)).scalars())


def end(db: Connection, name: str) -> None:
    db.execute(delete(_chore).where(_chore.c.name == name))


def identity(db: Connection, new: str, now: datetime) -> str:
    """Return the name by which the blob store knows this database: `new`, if it had none before."""
    statements.insert_absent(db, _chore, {"name": _IDENTITY, "position": new, "due_at": now})
    return known_identity(db) or new


def known_identity(db: Connection) -> str | None:
    found: str | None = db.execute(select(_chore.c.position).where(_chore.c.name == _IDENTITY)).scalar()
    return found


def forget_all_but_identity(db: Connection) -> None:
    """Forget the progress of every round, so that it starts again."""
    db.execute(delete(_chore).where(_chore.c.name != _IDENTITY))
