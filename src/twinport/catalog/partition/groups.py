"""Groups and their members, in the partition's database."""

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from twinport.catalog.engine import statements
from twinport.catalog.partition import entities, schema
from twinport.model.entities import Group, Page, User
from twinport.model.names import AccountId

_group, _membership, _user = schema.group, schema.membership, schema.user
_ALL = 1000


def find(db: Connection, account: AccountId, name: str) -> Group | None:
    row = db.execute(select(_group).where(_group.c.account == account, _group.c.name == name)).one_or_none()
    return _read(row) if row else None


def insert_group(db: Connection, group: Group) -> None:
    db.execute(
        insert(_group).values(
            unique_id=group.unique_id,
            account=group.account,
            name=group.name,
            name_key=group.name.lower(),
            path=group.path,
            created_at=group.created_at,
        )
    )


def count(db: Connection, account: AccountId) -> int:
    return entities.count(db, _group, account)


def listed(db: Connection, account: AccountId, prefix: str, page: Page) -> list[Group]:
    """List groups beneath a path in the order of their names: one more than fits, if there is one."""
    return [_read(row) for row in db.execute(entities.listing(_group, account, prefix, page))]


def rename(db: Connection, group: Group) -> None:
    """Store a group's new name and path."""
    changes = {"name": group.name, "name_key": group.name.lower(), "path": group.path}
    db.execute(update(_group).where(_group.c.unique_id == group.unique_id).values(changes))


def remove(db: Connection, group: Group) -> None:
    db.execute(delete(_group).where(_group.c.unique_id == group.unique_id))


# --- members ----------------------------------------------------------------------------------------------


def add_member(db: Connection, group: Group, user: User) -> None:
    """Put a user in a group; doing so again changes nothing."""
    statements.insert_absent(db, _membership, {"user_id": user.unique_id, "group_id": group.unique_id})


def count_of_user(db: Connection, user: User) -> int:
    query = select(func.count()).select_from(_membership).where(_membership.c.user_id == user.unique_id)
    return db.execute(query).scalar_one()


def remove_member(db: Connection, group: Group, user: User) -> bool:
    """Take a user out of a group. Tell whether it was a member."""
    this = (_membership.c.user_id == user.unique_id, _membership.c.group_id == group.unique_id)
    return db.execute(delete(_membership).where(*this)).rowcount > 0


def members(db: Connection, group: Group, page: Page) -> list[User]:
    """List a group's users in the order of their names, without tags: one more than fits, if there is one."""
    here = entities.listing(_user, group.account, "/", page)
    chosen = here.join(_membership, _membership.c.user_id == _user.c.unique_id)
    return [entities.read_user(row) for row in db.execute(chosen.where(_membership.c.group_id == group.unique_id))]


def of_user(db: Connection, user: User, page: Page) -> list[Group]:
    """List a user's groups in the order of their names: one more than fits, if there is one."""
    here = entities.listing(_group, user.account, "/", page)
    chosen = here.join(_membership, _membership.c.group_id == _group.c.unique_id)
    return [_read(row) for row in db.execute(chosen.where(_membership.c.user_id == user.unique_id))]


def all_of_user(db: Connection, user: User) -> list[Group]:
    """List all of a user's groups in the order of their names. A user is in a few groups at most."""
    return of_user(db, user, Page(limit=_ALL))


def _read(row: Row[Any]) -> Group:
    return Group(row.unique_id, AccountId(row.account), row.name, row.path, row.created_at)
