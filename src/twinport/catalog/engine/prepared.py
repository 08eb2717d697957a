"""Statements of the hot paths: compiled once for each engine, and run on the driver's own connection.

The toolkit takes about 17 µs to run a statement that it has built before, the driver 2: docs/performance.md.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

Row = tuple[Any, ...]
_Convert = Callable[[Any], Any]


class Prepared:
    """A statement of a fixed form, whose parameters are named. `build` makes it for `sqlite` or `postgresql`.

    Rows are tuples that have the columns as attributes, too. Errors of the driver are raised as the toolkit raises
    them. A parameter of any number of values (`IN`) has no fixed form.
    """

    def __init__(self, build: Callable[[str], Any]) -> None:
        self._build = build
        self._forms: dict[str, _Form] = {}

    def first(self, db: Connection, **values: object) -> Any | None:
        """Return the first row, or None."""
        form = self._form(db)
        row = form.run(db, values, _first)
        return None if row is None else form.read(row)

    def all(self, db: Connection, **values: object) -> list[Any]:
        """Return every row."""
        form = self._form(db)
        return [form.read(row) for row in form.run(db, values, _all)]

    def change(self, db: Connection, **values: object) -> int:
        """Run an INSERT, UPDATE or DELETE. Return how many rows it changed."""
        return int(self._form(db).run(db, values, _changed))

    def change_all(self, db: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        """Run an INSERT, UPDATE or DELETE for each of several rows of values."""
        self._form(db).run_all(db, rows)

    def _form(self, db: Connection) -> "_Form":
        engine = db.dialect.name
        form = self._forms.get(engine)
        if form is None:
            form = self._forms[engine] = _form_of(self._build(engine), db.dialect)
        return form


def plain(db: Connection, text: str) -> None:
    """Run a statement that has neither parameters nor rows, as BEGIN."""
    driver: Any = db.connection.driver_connection
    try:
        driver.execute(text)
    except db.dialect.loaded_dbapi.Error as error:
        raise _as_the_toolkit(db, text, error) from error


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement in an engine's language.

    `names` are the parameters, in `order` where the driver takes them by position. `fixed` are those with a value in
    the statement itself. `binds` and `results` convert the values that the driver knows in another form.
    """

    text: str
    names: tuple[str, ...]
    order: tuple[str, ...] | None
    fixed: dict[str, object]
    binds: tuple[tuple[str, _Convert], ...]
    results: tuple[tuple[int, _Convert], ...]
    shape: Callable[[Iterable[Any]], Any]

    def run(self, db: Connection, values: Mapping[str, object], take: Callable[[Any], Any]) -> Any:
        """Run the statement, and take what is wanted from the driver's cursor. A missing value is a KeyError."""
        driver: Any = db.connection.driver_connection
        sent = self._sent(values)
        try:
            return take(driver.execute(self.text, sent))
        except db.dialect.loaded_dbapi.Error as error:
            raise _as_the_toolkit(db, self.text, error) from error

    def run_all(self, db: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        driver: Any = db.connection.driver_connection
        sent = [self._sent(row) for row in rows]
        try:
            driver.cursor().executemany(self.text, sent)
        except db.dialect.loaded_dbapi.Error as error:
            raise _as_the_toolkit(db, self.text, error) from error

    def _sent(self, values: Mapping[str, object]) -> Any:
        """Return the values in the driver's form."""
        sent = {**self.fixed, **values}
        for name, convert in self.binds:
            sent[name] = convert(sent[name])
        return {name: sent[name] for name in self.names} if self.order is None else [sent[name] for name in self.order]

    def read(self, row: Row) -> Any:
        """Convert a row of the driver."""
        if not self.results:
            return self.shape(row)
        converted = list(row)
        for place, convert in self.results:
            converted[place] = convert(converted[place])
        return self.shape(converted)


def _first(cursor: Any) -> Any:
    return cursor.fetchone()


def _all(cursor: Any) -> Any:
    return cursor.fetchall()


def _changed(cursor: Any) -> Any:
    return cursor.rowcount


def _form_of(statement: Any, dialect: Dialect) -> _Form:
    compiled = statement.compile(dialect=dialect)
    columns = list(getattr(statement, "selected_columns", None) or statement.exported_columns)
    return _Form(
        text=str(compiled),
        order=None if compiled.positiontup is None else tuple(compiled.positiontup),
        names=tuple(compiled.binds),
        fixed={name: each.value for name, each in compiled.binds.items() if not each.required},
        binds=tuple(_converting((name, _to(each.type, dialect)) for name, each in compiled.binds.items())),
        results=tuple(_converting((place, _from(column.type, dialect)) for place, column in enumerate(columns))),
        shape=_shape(columns),
    )


def _shape(columns: Iterable[Any]) -> Callable[[Iterable[Any]], Any]:
    """Return what makes a row with attributes. A column whose name is taken, or none of Python, has its place alone."""
    row: Any = namedtuple("Row", [column.key for column in columns], rename=True)  # type: ignore[misc]  # noqa: PYI024 — made at run time
    make: Callable[[Iterable[Any]], Any] = row._make
    return make


def _converting(each: Iterable[tuple[Any, _Convert | None]]) -> list[tuple[Any, _Convert]]:
    return [(name, convert) for name, convert in each if convert is not None]


def _to(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _from(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _as_the_toolkit(db: Connection, text: str, error: Exception) -> BaseException:
    """Return the toolkit's form of a driver's error. A lost connection is not used again."""
    dialect: Any = db.dialect
    is_lost = dialect.is_disconnect(error, db.connection.dbapi_connection, None)
    if is_lost:
        db.invalidate(error)
    hidden = True  # a statement's parameters may include a sealed secret
    base = dialect.loaded_dbapi.Error
    return DBAPIError.instance(text, None, error, base, hidden, is_lost, dialect)
