"""Rules of users."""

from twinport.catalog.partition import access_keys, entities, login_profiles
from twinport.catalog.ports import Connection
from twinport.identities.rules.shared import require_bare, require_few_tags, require_free_name, require_quota
from twinport.model.entities import PrincipalType, User
from twinport.model.names import AccountId
from twinport.refusals.identities import EntityNotFound, StillReferenced

USERS_PER_ACCOUNT = 5000


def get(db: Connection, account: AccountId, name: str) -> User:
    """Return a user. Raises EntityNotFound."""
    found = entities.find_user(db, account, name)
    if found is None:
        raise EntityNotFound(PrincipalType.USER.value, name)
    return found


def add(db: Connection, user: User) -> None:
    """Store a new user with its tags. Raises EntityExists, or LimitReached when the account is full."""
    require_free_name(db, user)
    require_quota(entities.count_users(db, user.account), "UsersPerAccount", USERS_PER_ACCOUNT)
    entities.insert_user(db, user)
    require_few_tags(db, user.unique_id)


def rename(db: Connection, user: User) -> None:
    """Store a user's new name and path. Raises EntityExists."""
    require_free_name(db, user)
    entities.rename_user(db, user)


def delete(db: Connection, user: User) -> None:
    """Delete a user that has no keys, no password, no groups and no policies. Raises StillReferenced."""
    if entities.is_in_a_group(db, user):
        raise StillReferenced("Cannot delete entity, must remove user from all groups first.")
    if access_keys.count(db, user.unique_id):
        raise StillReferenced("Cannot delete entity, must delete access keys first.")
    if login_profiles.find(db, user.unique_id) is not None:
        raise StillReferenced("Cannot delete entity, must delete login profile first.")
    require_bare(db, user.unique_id)
    entities.delete_user(db, user)
