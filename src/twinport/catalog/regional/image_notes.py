"""What was done to images and is not in the log yet, as rows of the transactions that did it.

A process may die after a commit and before its log has the lines, or not hear that a transaction was committed. So the
rows stay until the lines are written, and a line may be written twice.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from twinport.catalog.engine import statements
from twinport.catalog.regional import schema

_note = schema.image_note


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the log: the name of its event, and its fields."""

    event: str
    facts: Mapping[str, str | int | None]


def write(db: Connection, step: str, notes: Sequence[Note], now: datetime) -> None:
    """Note what the transaction did. `step` is a name that no other transaction has."""
    rows = [
        {"step": step, "number": number, "noted_at": now, "event": each.event, "facts": json.dumps(each.facts)}
        for number, each in enumerate(notes)
    ]
    statements.insert_all_absent(db, _note, rows)


def forget(db: Connection, step: str) -> None:
    """Delete the notes of a transaction, whose lines are written."""
    db.execute(delete(_note).where(_note.c.step == step))


def left(db: Connection, before: datetime, limit: int) -> dict[str, list[Note]]:
    """Return notes from before a time, by the transactions that made them, the oldest first.

    The last of the transactions may have more notes than are returned.
    """
    query = select(_note).where(_note.c.noted_at < before)
    found: dict[str, list[Note]] = {}
    for row in db.execute(query.order_by(_note.c.noted_at, _note.c.step, _note.c.number).limit(limit)):
        found.setdefault(row.step, []).append(Note(row.event, json.loads(row.facts)))
    return found


def forget_some(db: Connection, step: str, count: int) -> None:
    """Delete the first notes of a transaction."""
    first = select(_note.c.number).where(_note.c.step == step).order_by(_note.c.number).limit(count)
    db.execute(delete(_note).where(_note.c.step == step, _note.c.number.in_(first)))
