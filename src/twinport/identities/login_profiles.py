"""The passwords with which users sign in to the console."""

from dataclasses import dataclass
from datetime import datetime

from twinport.access import passwords
from twinport.catalog.partition import login_profiles
from twinport.catalog.partition.login_profiles import LoginProfile
from twinport.catalog.ports import Catalog, Connection
from twinport.identities.entities import Entities
from twinport.identities.rules import login_profiles as rules
from twinport.identities.rules import users
from twinport.model.entities import PrincipalType, User
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.names import AccountId
from twinport.processes import pools
from twinport.refusals.identities import NameNeeded, PasswordTooWeak

# The password rules of an account that has set none of its own.
_SHORTEST, _KINDS = 8, 3


@dataclass(frozen=True, slots=True)
class Profile:
    """The public facts of a login profile."""

    user_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LoginProfiles:
    """The verbs of login profiles. A user may leave out the name for its own profile."""

    catalog: Catalog
    entities: Entities

    async def create(self, caller: Caller, name: str | None, password: str) -> Profile:
        """Give a user a password. Raises EntityNotFound, EntityExists, PasswordTooWeak."""
        name = await self._authorized(caller, "iam:CreateLoginProfile", name)
        check(password)
        stored = await _hashed(password)

        def create(db: Connection) -> datetime:
            now = self.catalog.now(db)
            _create(db, caller.account, name, stored, now)
            return now

        return Profile(name, await self.catalog.partition.write(create))

    async def get(self, caller: Caller, name: str | None) -> Profile:
        """Raises EntityNotFound, LoginProfileNotFound."""
        name = await self._authorized(caller, "iam:GetLoginProfile", name)
        _, profile = await self.catalog.partition.read(lambda db: _get(db, caller.account, name))
        return Profile(name, profile.created_at)

    async def update(self, caller: Caller, name: str, password: str | None) -> None:
        """Replace the password, if one is given, which ends the user's sessions. Raises as `create` and `get` do."""
        name = await self._authorized(caller, "iam:UpdateLoginProfile", name)
        if password is None:
            await self.catalog.partition.read(lambda db: _get(db, caller.account, name))
            return
        check(password)
        stored = await _hashed(password)
        # Sessions that began before are compared with this time, on any host.
        await self.catalog.partition.write(lambda db: _replace(db, caller.account, name, stored, self.catalog.now(db)))

    async def delete(self, caller: Caller, name: str | None) -> None:
        """Remove a user's password, which ends the user's sessions. Raises EntityNotFound, LoginProfileNotFound."""
        name = await self._authorized(caller, "iam:DeleteLoginProfile", name)
        await self.catalog.partition.write(lambda db: _remove(db, caller.account, name))

    async def _authorized(self, caller: Caller, action: str, name: str | None) -> str:
        name = _own_name(caller) if name is None else name
        await self.entities.ask(caller, action, PrincipalType.USER, name)
        return name


async def _hashed(password: str) -> str:
    return await pools.PASSWORDS.attend(lambda _: passwords.hashed(password), passwords.WITHIN)


def check(password: str) -> None:
    """Raises PasswordTooWeak."""
    kinds = (str.isupper, str.islower, str.isdigit, lambda character: not character.isalnum())
    if len(password) < _SHORTEST or sum(any(map(kind, password)) for kind in kinds) < _KINDS:
        raise PasswordTooWeak(_SHORTEST, _KINDS)


def _own_name(caller: Caller) -> str:
    if caller.kind is not PrincipalKind.USER:
        raise NameNeeded
    return caller.arn.rpartition("/")[2]


def _create(db: Connection, account: AccountId, name: str, password: str, now: datetime) -> None:
    user = users.get(db, account, name)
    rules.add(db, LoginProfile(user.unique_id, password, now, now), user)


def _get(db: Connection, account: AccountId, name: str) -> tuple[User, LoginProfile]:
    user = users.get(db, account, name)
    return user, rules.get(db, user)


def _replace(db: Connection, account: AccountId, name: str, password: str, now: datetime) -> None:
    user, profile = _get(db, account, name)
    login_profiles.replace(db, LoginProfile(user.unique_id, password, profile.created_at, now))


def _remove(db: Connection, account: AccountId, name: str) -> None:
    user, _ = _get(db, account, name)
    login_profiles.remove(db, user.unique_id)
