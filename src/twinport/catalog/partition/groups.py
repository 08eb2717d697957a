"""Groups and their members, in the partition's database."""

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from twinport.catalog.engine import statements
from twinport.catalog.partition import entities, schema
from twinport.errors import LimitReached
from twinport.model.entities import Group, Page, PrincipalType, User
from twinport.model.names import AccountId
from twinport.refusals.identities import EntityNotFound, NotAMember, StillReferenced

_group, _membership, _user = schema.group, schema.membership, schema.user
GROUPS_PER_ACCOUNT = 300
GROUPS_PER_USER = 10


def find(db: Connection, account: AccountId, name: str) -> Group | None:
    row = db.execute(select(_group).where(_group.c.account == account, _group.c.name == name)).one_or_none()
    return _read(row) if row else None


def get(db: Connection, account: AccountId, name: str) -> Group:
    """Return a group. Raises EntityNotFound."""
    found = find(db, account, name)
    if found is None:
        raise EntityNotFound(PrincipalType.GROUP.value, name)
    return found


def add(db: Connection, group: Group) -> None:
    """Store a new group. Raises EntityExists, or LimitReached when the account is full."""
    entities.expect_free(db, _group, group)
    entities.require_quota(db, _group, group.account, "GroupsPerAccount", GROUPS_PER_ACCOUNT)
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


def listed(db: Connection, account: AccountId, prefix: str, page: Page) -> list[Group]:
    """List groups beneath a path in the order of their names: one more than fits, if there is one."""
    return [_read(row) for row in db.execute(entities.listing(_group, account, prefix, page))]


def rename(db: Connection, group: Group) -> None:
    """Store a group's new name and path. Raises EntityExists."""
    entities.expect_free(db, _group, group)
    changes = {"name": group.name, "name_key": group.name.lower(), "path": group.path}
    db.execute(update(_group).where(_group.c.unique_id == group.unique_id).values(changes))


def remove(db: Connection, group: Group) -> None:
    """Delete a group without users and without policies. Raises StillReferenced."""
    if members(db, group, Page(limit=1)):
        raise StillReferenced("Cannot delete entity, must remove users from group first.")
    entities.expect_bare(db, group.unique_id)
    db.execute(delete(_group).where(_group.c.unique_id == group.unique_id))


# --- members ----------------------------------------------------------------------------------------------


def add_member(db: Connection, group: Group, user: User) -> None:
    """Put a user in a group; doing so again changes nothing. Raises LimitReached past ten groups of a user."""
    statements.insert_absent(db, _membership, {"user_id": user.unique_id, "group_id": group.unique_id})
    count = select(func.count()).select_from(_membership).where(_membership.c.user_id == user.unique_id)
    if db.execute(count).scalar_one() > GROUPS_PER_USER:
        raise LimitReached(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER}")


def remove_member(db: Connection, group: Group, user: User) -> None:
    """Take a user out of a group. Raises NotAMember."""
    this = (_membership.c.user_id == user.unique_id, _membership.c.group_id == group.unique_id)
    if not db.execute(delete(_membership).where(*this)).rowcount:
        raise NotAMember(user.name, group.name)


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
    """List all of a user's groups, ten at most, in the order of their names."""
    return of_user(db, user, Page(limit=GROUPS_PER_USER))


def _read(row: Row[Any]) -> Group:
    return Group(row.unique_id, AccountId(row.account), row.name, row.path, row.created_at)
