"""Console sessions, in the partition's database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from twinport.catalog.engine import statements
from twinport.catalog.partition.schema import console_session

_FORGOTTEN_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A console session. `token_hash` is of the cookie's value; `access_key_id` is None after a password sign-in."""

    token_hash: str
    principal_id: str
    access_key_id: str | None
    created_at: datetime
    expires_at: datetime


def add(db: Connection, session: ConsoleSession) -> None:
    """Store a session, and delete several that have expired, so that they do not pile up."""
    expired = console_session.c.expires_at <= session.created_at
    statements.delete_some(db, console_session, [expired], _FORGOTTEN_AT_ONCE)
    db.execute(
        insert(console_session).values(
            token_hash=session.token_hash,
            principal_id=session.principal_id,
            access_key_id=session.access_key_id,
            created_at=session.created_at,
            expires_at=session.expires_at,
        )
    )


def find(db: Connection, token_hash: str) -> ConsoleSession | None:
    columns = console_session.c
    row = db.execute(
        select(
            columns.token_hash, columns.principal_id, columns.access_key_id, columns.created_at, columns.expires_at
        ).where(columns.token_hash == token_hash)
    ).one_or_none()
    return ConsoleSession(*row) if row else None


def remove(db: Connection, token_hash: str) -> None:
    """End a session, if there is one."""
    db.execute(delete(console_session).where(console_session.c.token_hash == token_hash))
