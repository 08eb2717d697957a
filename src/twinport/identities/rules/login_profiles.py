"""Rules of passwords."""

from twinport.catalog.partition import login_profiles
from twinport.catalog.partition.login_profiles import LoginProfile
from twinport.catalog.ports import Connection
from twinport.model.entities import User
from twinport.refusals.identities import EntityExists, LoginProfileNotFound


def add(db: Connection, profile: LoginProfile, user: User) -> None:
    """Store a profile. Raises EntityExists when the user has one."""
    if login_profiles.find(db, profile.user_id) is not None:
        raise EntityExists("login profile for user", user.name)
    login_profiles.insert_profile(db, profile)


def get(db: Connection, user: User) -> LoginProfile:
    """Return a user's profile. Raises LoginProfileNotFound."""
    found = login_profiles.find(db, user.unique_id)
    if found is None:
        raise LoginProfileNotFound(user.name)
    return found
