"""Rules of groups and their members."""

from twinport.catalog.partition import groups
from twinport.catalog.ports import Connection
from twinport.errors import LimitReached
from twinport.identities.rules.shared import require_bare, require_free_name, require_quota
from twinport.model.entities import Group, Page, PrincipalType, User
from twinport.model.names import AccountId
from twinport.refusals.identities import EntityNotFound, NotAMember, StillReferenced

GROUPS_PER_ACCOUNT = 300
GROUPS_PER_USER = 10


def get(db: Connection, account: AccountId, name: str) -> Group:
    """Return a group. Raises EntityNotFound."""
    found = groups.find(db, account, name)
    if found is None:
        raise EntityNotFound(PrincipalType.GROUP.value, name)
    return found


def add(db: Connection, group: Group) -> None:
    """Store a new group. Raises EntityExists, or LimitReached when the account is full."""
    require_free_name(db, group)
    require_quota(groups.count(db, group.account), "GroupsPerAccount", GROUPS_PER_ACCOUNT)
    groups.insert_group(db, group)


def rename(db: Connection, group: Group) -> None:
    """Store a group's new name and path. Raises EntityExists."""
    require_free_name(db, group)
    groups.rename(db, group)


def delete(db: Connection, group: Group) -> None:
    """Delete a group without users and without policies. Raises StillReferenced."""
    if groups.members(db, group, Page(limit=1)):
        raise StillReferenced("Cannot delete entity, must remove users from group first.")
    require_bare(db, group.unique_id)
    groups.remove(db, group)


def add_member(db: Connection, group: Group, user: User) -> None:
    """Put a user in a group; doing so again changes nothing. Raises LimitReached past ten groups of a user."""
    groups.add_member(db, group, user)
    if groups.count_of_user(db, user) > GROUPS_PER_USER:
        raise LimitReached(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER}")


def remove_member(db: Connection, group: Group, user: User) -> None:
    """Take a user out of a group. Raises NotAMember."""
    if not groups.remove_member(db, group, user):
        raise NotAMember(user.name, group.name)
