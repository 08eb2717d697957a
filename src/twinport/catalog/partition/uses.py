"""When and where access keys, roles and passwords were last used. No decision depends on it: write it with `record`."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, or_, update

from twinport.catalog.partition import schema, service_uses
from twinport.model.entities import Use

_key, _role, _user = schema.access_key, schema.role, schema.user


def of_key(db: Connection, key_id: str, use: Use) -> None:
    """Record the use of a long-term key, unless a later one is recorded."""
    values = {"last_used_at": use.at, "last_used_region": use.region, "last_used_service": use.service}
    db.execute(update(_key).where(_key.c.id == key_id, _is_later(_key, use.at)).values(values))


def of_role(db: Connection, unique_id: str, use: Use) -> None:
    """Record the use of a role, unless a later one is recorded, and of the service by it."""
    service_uses.note(db, unique_id, use)
    values = {"last_used_at": use.at, "last_used_region": use.region}
    db.execute(update(_role).where(_role.c.unique_id == unique_id, _is_later(_role, use.at)).values(values))


def of_password(db: Connection, unique_id: str, now: datetime) -> None:
    """Record that a user signed in by password."""
    db.execute(update(_user).where(_user.c.unique_id == unique_id).values(password_last_used_at=now))


def _is_later(table: Table, at: datetime) -> ColumnElement[bool]:
    before = table.c.last_used_at
    return or_(before.is_(None), before < at)
