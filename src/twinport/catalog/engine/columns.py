"""Column types that both databases store alike, and the rules for rows.

Only the catalog writes rows. Documents that are kept as sent (policies, manifests) are text or bytes; small structures
that are read as a whole are JSON text.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect
from sqlalchemy import Text as AnyText
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Compared byte by byte, as SQLite does, whatever the order of the database's own language.
Text = AnyText().with_variant(AnyText(collation="C"), "postgresql")


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, stored as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)
