"""Failed attempts to sign in, by the user or key and the client's network, in the partition's database.

The table holds a bounded number of rows, whatever names a client invents: old rows are deleted, and beyond the limit
also the rows whose last failure is longest ago.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, case, delete, func, not_, select, update

from twinport.catalog.engine import statements
from twinport.catalog.engine.statements import insert, insert_absent
from twinport.catalog.partition.schema import sign_in_failure as _failure

MOST_PAIRS = 10_000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# At most this many pairs around one pair are counted; more make no difference.
MOST_AROUND = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """The subject of an attempt (a digest of the user or key that was typed), and the network that it came from."""

    subject: str
    network: str


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures of a pair, when the last one was, and how many other pairs share its subject or its network."""

    own: int = 0
    last: datetime | None = None
    around: int = 0


def find(db: Connection, pair: Pair, since: datetime) -> Failures:
    """Return the failures after `since`, with three bounded statements."""
    row = db.execute(
        select(_failure.c.failures, _failure.c.failed_at).where(_is(pair), _failure.c.failed_at > since)
    ).one_or_none()
    around = sum(db.execute(each).scalar_one() for each in _around(pair, since))
    return Failures(0, None, around) if row is None else Failures(row.failures, row.failed_at, around)


def record(db: Connection, pair: Pair, now: datetime, since: datetime, most: int = MOST_PAIRS) -> None:
    """Count a failure; those of the pair up to `since` no longer count. Keep at most `most` rows."""
    first = insert(db, _failure).values(subject=pair.subject, network=pair.network, failures=1, failed_at=now)
    failures = case((_failure.c.failed_at > since, _failure.c.failures + 1), else_=1)
    changes = {"failures": failures, "failed_at": now}
    db.execute(first.on_conflict_do_update(index_elements=["subject", "network"], set_=changes))
    beyond = select(_failure.c.failed_at).order_by(_failure.c.failed_at.desc()).offset(most).limit(1)
    newest_too_many = db.execute(beyond).scalar_one_or_none()
    until = since if newest_too_many is None else max(since, newest_too_many)
    db.execute(delete(_failure).where(_failure.c.failed_at <= until))


def lock(db: Connection, pair: Pair) -> None:
    """Let no other transaction count failures of the pair before this one ends."""
    none = {"subject": pair.subject, "network": pair.network, "failures": 0, "failed_at": _LONG_AGO}
    insert_absent(db, _failure, none)
    statements.lock(db, select(_failure.c.failures).where(_is(pair)))


def take_back(db: Connection, pair: Pair, at: datetime, last: datetime | None) -> None:
    """Undo a failure that was counted at a time. `last` is when the one before it was."""
    fewer = update(_failure).where(_is(pair)).values(failures=_failure.c.failures - 1)
    db.execute(fewer)
    if last is not None:
        db.execute(update(_failure).where(_is(pair), _failure.c.failed_at == at).values(failed_at=last))
    db.execute(delete(_failure).where(_is(pair), _failure.c.failures < 1))


def forget(db: Connection, pair: Pair) -> None:
    db.execute(delete(_failure).where(_is(pair)))


def _is(pair: Pair) -> ColumnElement[bool]:
    return and_(_failure.c.subject == pair.subject, _failure.c.network == pair.network)


def _around(pair: Pair, since: datetime) -> Iterator[Select[int]]:
    """Count the pairs that share one half with `pair`, up to a bound."""
    same, other = _failure.c.subject == pair.subject, _failure.c.network == pair.network
    for shares in (and_(same, not_(other)), and_(other, not_(same))):
        some = select(_failure.c.subject).where(shares, _failure.c.failed_at > since).limit(MOST_AROUND)
        yield select(func.count()).select_from(some.subquery())
