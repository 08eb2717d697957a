"""How much a database reads for a query: counted by the database itself, so that a busy machine changes nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, event

from twinport.catalog.engine import prepared

Query = Callable[[Connection], object]


def work(db: Connection, query: Query) -> int:
    """Count the rows that PostgreSQL's scans meet, or the steps of SQLite's machine: compare it with itself alone."""
    return _rows(db, query) if db.dialect.name == "postgresql" else _steps(db, query)


def plans(db: Connection, query: Query) -> str:
    """Return how the database goes about the statements of a query."""
    if db.dialect.name == "postgresql":
        return json.dumps(list(_explained(db, query, "EXPLAIN (FORMAT JSON)")))
    rows = _explained(db, query, "EXPLAIN QUERY PLAN")
    return "\n".join(str(row) for row in rows)


def settle_statistics(db: Connection) -> None:
    """Let PostgreSQL look at its tables, as its vacuum does in time; SQLite plans without."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("ANALYZE")


def rebuild_indexes(db: Connection, *tables: Table) -> None:
    """Let PostgreSQL plan as on new tables: the indexes of these have grown by the rows of earlier tests."""
    if db.dialect.name == "postgresql":
        for table in tables:
            db.exec_driver_sql(f"REINDEX TABLE {table.name}")


def _steps(db: Connection, query: Query) -> int:
    connection: Any = db.connection.dbapi_connection
    steps = count()

    def step() -> int:
        next(steps)
        return 0

    connection.set_progress_handler(step, 1)
    try:
        query(db)
    finally:
        connection.set_progress_handler(None, 1)
    return next(steps)


def _rows(db: Connection, query: Query) -> int:
    return sum(_scanned(plan[0]["Plan"]) for plan in _explained(db, query, "EXPLAIN (ANALYZE, FORMAT JSON)"))


def _scanned(node: Mapping[str, Any]) -> int:
    below = sum(_scanned(each) for each in node.get("Plans", []))
    if "Scan" not in node["Node Type"]:
        return below
    passed = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return below + int(passed * node["Actual Loops"])


def _explained(db: Connection, query: Query, how: str) -> Iterator[Any]:
    """Rehearse a query, and then run each of its statements behind `how`."""
    with db.begin_nested() as rehearsal:
        with noted(db) as statements:
            query(db)
        rehearsal.rollback()
    for statement, parameters in list(statements):
        rows = db.exec_driver_sql(f"{how} {statement}", parameters).all()
        yield from (row[-1] for row in rows)


@contextmanager
def noted(db: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Note the statements that run over a connection, with their values, whichever way they take."""
    statements: list[tuple[str, Any]] = []
    # It calls the driver without the toolkit.
    form: Any = prepared._Form
    run = form.run

    def run_and_note(self: Any, own: Connection, values: Mapping[str, object], take: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        if own is db:
            sent = self._sent(values)
            statements.append((self.text, tuple(sent) if self.order else sent))
        return run(self, own, values, take)

    def note(_db: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:  # noqa: ANN401
        statements.append((statement, parameters))

    event.listen(db, "before_cursor_execute", note)
    form.run = run_and_note
    try:
        yield statements
    finally:
        form.run = run
        event.remove(db, "before_cursor_execute", note)
