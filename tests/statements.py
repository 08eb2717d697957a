"""Counts what a process sends to its databases, at the driver: whichever way a statement takes, it is counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import Engine


@dataclass
class Sent:
    """The statements since the last look, in their order. On SQLite the values stand in them."""

    statements: list[str] = field(default_factory=list)

    def taken(self) -> list[str]:
        """Return the statements since the last look, and forget them."""
        taken, self.statements[:] = list(self.statements), []
        return taken


@contextmanager
def sent_by_new_connections() -> Iterator[Sent]:
    """Note what is sent over connections that are opened meanwhile."""
    sent = Sent()

    class NotingCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **options: Any) -> "NotingCursor":  # noqa: ANN401 — the driver's
            sent.statements.append(str(query))
            super().execute(query, *args, **options)
            return self

        def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:  # noqa: ANN401 — the driver's
            rows = list(params_seq)
            sent.statements.extend([str(query)] * len(rows))
            super().executemany(query, rows, **options)

    def note_sent(text: str) -> None:
        # SQLite marks what a statement runs within itself as a comment.
        if not text.startswith("--"):
            sent.statements.append(text)

    def note(connection: Any, _entry: object) -> None:  # noqa: ANN401 — of either driver
        if isinstance(connection, psycopg.Connection):
            connection.cursor_factory = NotingCursor
        else:
            connection.set_trace_callback(note_sent)

    event.listen(Engine, "connect", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "connect", note)


def commits(statements: list[str]) -> int:
    """Count the commits of SQLite, which are statements."""
    return sum(each.startswith("COMMIT") for each in statements)
