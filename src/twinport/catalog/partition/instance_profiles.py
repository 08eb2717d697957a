"""Instance profiles and the role that each may hold, in the partition's database."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from twinport.catalog.partition import entities, schema
from twinport.model.entities import InstanceProfile, Page, Role
from twinport.model.names import AccountId

_profile = schema.instance_profile


def find(db: Connection, account: AccountId, name: str) -> InstanceProfile | None:
    """Return a profile with its tags, and with its role without tags."""
    row = db.execute(select(_profile).where(_profile.c.account == account, _profile.c.name == name)).one_or_none()
    if row is None:
        return None
    (found,) = _with_roles(db, [row])
    return replace(found, tags=entities.tags(db, row.unique_id))


def is_name_taken(db: Connection, account: AccountId, name: str) -> bool:
    """Tell whether a profile of the account has this name, without regard to case."""
    same_name = (_profile.c.account == account, _profile.c.name_key == name.lower())
    return db.execute(select(_profile.c.unique_id).where(*same_name)).first() is not None


def count(db: Connection, account: AccountId) -> int:
    return entities.count(db, _profile, account)


def insert_profile(db: Connection, profile: InstanceProfile) -> None:
    """Store a new, empty profile with its tags."""
    db.execute(
        insert(_profile).values(
            unique_id=profile.unique_id,
            account=profile.account,
            name=profile.name,
            name_key=profile.name.lower(),
            path=profile.path,
            created_at=profile.created_at,
        )
    )
    entities.put_tags(db, profile.unique_id, profile.tags)


def listed(db: Connection, account: AccountId, prefix: str, page: Page) -> list[InstanceProfile]:
    """List profiles beneath a path in the order of their names, without tags: one more than fits, if there is one."""
    return _with_roles(db, db.execute(entities.listing(_profile, account, prefix, page)))


def of_role(db: Connection, role: Role, page: Page) -> list[InstanceProfile]:
    """List the profiles that hold a role, as `listed` does."""
    query = entities.listing(_profile, role.account, "/", page).where(_profile.c.role_id == role.unique_id)
    return _with_roles(db, db.execute(query))


def remove(db: Connection, profile: InstanceProfile) -> None:
    """Delete a profile with its tags."""
    entities.remove_tags(db, profile.unique_id, [tag.key for tag in profile.tags])
    db.execute(delete(_profile).where(_profile.c.unique_id == profile.unique_id))


def set_role(db: Connection, profile: InstanceProfile, role: Role | None) -> None:
    """Put a role into a profile instead of what it holds, or leave the profile without one."""
    held = None if role is None else role.unique_id
    db.execute(update(_profile).where(_profile.c.unique_id == profile.unique_id).values(role_id=held))


def _with_roles(db: Connection, rows: Iterable[Row[Any]]) -> list[InstanceProfile]:
    found = list(rows)
    roles = entities.roles_of_ids(db, {row.role_id for row in found if row.role_id is not None})
    return [
        InstanceProfile(
            row.unique_id, AccountId(row.account), row.name, row.path, row.created_at, roles.get(row.role_id)
        )
        for row in found
    ]
