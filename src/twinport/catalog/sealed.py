"""Every column that holds sealed secrets, and the statements that read and replace them in batches."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Table, select, update

from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed secrets. `purpose` begins the purpose of each; the name of its row ends it."""

    table: Table
    name: Column[str]
    secret: Column[str]
    purpose: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed secret with the name of its row."""

    name: str
    secret: str


_SITE_KEY, _ACCESS_KEY, _SESSION = partition_schema.site_key, partition_schema.access_key, partition_schema.session
_TOKEN_KEY = regional_schema.token_key
OF_PARTITION = (
    SealedColumn(_SITE_KEY, _SITE_KEY.c.id, _SITE_KEY.c.sealed_private_key, "site key"),
    SealedColumn(_ACCESS_KEY, _ACCESS_KEY.c.id, _ACCESS_KEY.c.sealed_secret, "access key"),
    SealedColumn(_SESSION, _SESSION.c.access_key_id, _SESSION.c.sealed_secret, "session"),
)
# The name of the Region stands between purpose and name.
OF_REGION = SealedColumn(_TOKEN_KEY, _TOKEN_KEY.c.id, _TOKEN_KEY.c.sealed_key, "token key")


def after(db: Connection, column: SealedColumn, name: str, most: int) -> list[Sealed]:
    """List at most so many secrets whose rows come after a name, in the order of the names."""
    asked = select(column.name, column.secret).where(column.name > name).order_by(column.name).limit(most)
    return [Sealed(*row) for row in db.execute(asked)]


def replace(db: Connection, column: SealedColumn, changes: Sequence[tuple[Sealed, str]]) -> int:
    """Replace secrets that are as they were read. Return how many were."""
    replaced = 0
    for old, new in changes:
        is_as_read = (column.name == old.name) & (column.secret == old.secret)
        replaced += db.execute(update(column.table).where(is_as_read).values({column.secret: new})).rowcount
    return replaced
