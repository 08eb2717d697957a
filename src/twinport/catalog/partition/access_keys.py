"""Users' long-term access keys. catalog/credentials.py finds the principal that a key stands for."""

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from twinport.catalog.partition import schema
from twinport.model.entities import AccessKey, KeyStatus, Use
from twinport.model.names import AccountId

_key = schema.access_key


def count(db: Connection, owner: str) -> int:
    return db.execute(select(func.count()).select_from(_key).where(_key.c.owner_id == owner)).scalar_one()


def insert_key(db: Connection, key: AccessKey, sealed_secret: str) -> None:
    db.execute(
        insert(_key).values(
            id=key.id,
            account=key.account,
            owner_id=key.owner_id,
            sealed_secret=sealed_secret,
            status=key.status.value,
            created_at=key.created_at,
        )
    )


def find(db: Connection, account: AccountId, key_id: str) -> AccessKey | None:
    row = db.execute(select(_key).where(_key.c.account == account, _key.c.id == key_id)).one_or_none()
    return _read(row) if row else None


def listed(db: Connection, owner: str) -> list[AccessKey]:
    """List a user's keys in the order of their ids; there are two at most."""
    return [_read(row) for row in db.execute(select(_key).where(_key.c.owner_id == owner).order_by(_key.c.id))]


def set_status(db: Connection, owner: str, key_id: str, status: KeyStatus) -> bool:
    """Switch a key on or off. Tell whether the owner has the key."""
    mine = (_key.c.owner_id == owner, _key.c.id == key_id)
    return db.execute(update(_key).where(*mine).values(status=status.value)).rowcount > 0


def remove(db: Connection, owner: str, key_id: str) -> bool:
    """Delete a key. Tell whether the owner had it."""
    return db.execute(delete(_key).where(_key.c.owner_id == owner, _key.c.id == key_id)).rowcount > 0


def _read(row: Row[Any]) -> AccessKey:
    return AccessKey(
        id=row.id,
        account=AccountId(row.account),
        owner_id=row.owner_id,
        status=KeyStatus(row.status),
        created_at=row.created_at,
        last_use=_use(row),
    )


def _use(row: Row[Any]) -> Use | None:
    return row.last_used_at and Use(row.last_used_at, row.last_used_region, row.last_used_service)
