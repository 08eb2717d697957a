"""Rules of instance profiles, and of the role that each may hold."""

from twinport.catalog.partition import instance_profiles
from twinport.catalog.ports import Connection
from twinport.errors import LimitReached
from twinport.identities.rules.shared import require_few_tags, require_quota
from twinport.model.entities import InstanceProfile, Role
from twinport.model.names import AccountId
from twinport.refusals.identities import (
    InstanceProfileExists,
    InstanceProfileNotFound,
    RoleNotInProfile,
    StillReferenced,
)

PROFILES_PER_ACCOUNT = 1000
_ROLES_PER_PROFILE = 1


def get(db: Connection, account: AccountId, name: str) -> InstanceProfile:
    """Return a profile with its tags, and with its role without tags. Raises InstanceProfileNotFound."""
    found = instance_profiles.find(db, account, name)
    if found is None:
        raise InstanceProfileNotFound(name)
    return found


def add(db: Connection, profile: InstanceProfile) -> None:
    """Store a new, empty profile with its tags. Raises InstanceProfileExists, or LimitReached when there are too many.

    Names are unique without regard to case.
    """
    if instance_profiles.is_name_taken(db, profile.account, profile.name):
        raise InstanceProfileExists(profile.name)
    present = instance_profiles.count(db, profile.account)
    require_quota(present, "InstanceProfilesPerAccount", PROFILES_PER_ACCOUNT)
    instance_profiles.insert_profile(db, profile)
    require_few_tags(db, profile.unique_id)


def remove(db: Connection, profile: InstanceProfile) -> None:
    """Delete a profile that holds no role. Raises StillReferenced."""
    if profile.role is not None:
        raise StillReferenced("Cannot delete entity, must remove roles from instance profile first.")
    instance_profiles.remove(db, profile)


def put_role(db: Connection, profile: InstanceProfile, role: Role) -> None:
    """Put a role into a profile. Raises LimitReached if it holds one already."""
    if profile.role is not None:
        raise LimitReached(f"Cannot exceed quota for InstanceSessionsPerInstanceProfile: {_ROLES_PER_PROFILE}")
    instance_profiles.set_role(db, profile, role)


def take_role(db: Connection, profile: InstanceProfile, role: Role) -> None:
    """Take a role out of a profile. Raises RoleNotInProfile."""
    if profile.role is None or profile.role.unique_id != role.unique_id:
        raise RoleNotInProfile(role.name, profile.name)
    instance_profiles.set_role(db, profile, None)
