"""Signing in to the console: starts a session from an access key or a password; finds the caller of its cookie."""

import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256

from twinport.access import passwords
from twinport.access.principals import OPEN_SECRET, Principals, user_caller
from twinport.access.sign_in_throttle import SignInThrottle
from twinport.access.uses import Uses
from twinport.catalog.partition import accounts, console_sessions, entities, login_profiles, uses
from twinport.catalog.partition.console_sessions import ConsoleSession
from twinport.catalog.partition.login_profiles import LoginProfile
from twinport.catalog.ports import Catalog, Connection
from twinport.errors import NotAuthenticated
from twinport.http import access_log
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.model.entities import User
from twinport.model.identities import Caller, Origin
from twinport.model.letters import lower_ascii
from twinport.model.names import AccountId, is_account_id
from twinport.processes import pools
from twinport.refusals.callers import SignedOut, SignInRefused, TooManyAttempts

SESSION = timedelta(hours=12)
_LONGEST_PASSWORD = 128
# The service that is recorded as a key's last use when it opens the console.
_SIGN_IN = "signin"


@dataclass(frozen=True, slots=True)
class SigningIn:
    """Sessions end after twelve hours, on sign-out, and when the key, user or password behind them goes away."""

    catalog: Catalog
    principals: Principals
    throttle: SignInThrottle
    uses: Uses

    async def by_key(self, access_key_id: str, secret: str, origin: Origin) -> str:
        """Return a new session's token. Raises SignInRefused, TooManyAttempts."""
        with _counted("key"):
            async with self.throttle.attempt(f"key {access_key_id}", origin.source_ip):
                caller = await self._holder(access_key_id, secret, origin)
                return await self._begin(caller, access_key_id, origin)

    async def by_open_account(self, account: AccountId, origin: Origin) -> str:
        """Return a new session of an open account's root. Raises SignInRefused where accounts are not open."""
        return await self.by_key(account, OPEN_SECRET, origin)

    async def by_password(self, account: str, user_name: str, password: str, origin: Origin) -> str:
        """Return a new session's token. `account` is an id or an alias. Raises SignInRefused, TooManyAttempts."""
        with _counted("password"):
            # The account as typed. If the alias shared the wait of the id, the wait would reveal the alias's account.
            async with self.throttle.attempt(f"user {account}/{lower_ascii(user_name)}", origin.source_ip):
                user = await self._user(await self._account(account), user_name, password)
                caller = None if user is None else user_caller(user.account, user.arn, user.unique_id, origin, "")
                return await self._begin(caller, None, origin)

    async def open(self, token: str, origin: Origin) -> Caller:
        """Return the caller of this session in its current state. Raises SignedOut."""
        caller = await self._visitor(token, origin)
        access_log.note_caller(caller.arn)
        pools.PARTY.set(caller.account)
        return caller

    async def _visitor(self, token: str, origin: Origin) -> Caller:
        session, now = await self.catalog.partition.read(
            lambda db: (console_sessions.find(db, _hash(token)), self.catalog.now(db))
        )
        if session is None or session.expires_at <= now:
            raise SignedOut
        if session.access_key_id is None:
            return await self._person(session, origin)
        try:
            caller, _ = await self.principals.find(session.access_key_id, origin)
        except NotAuthenticated as refusal:
            raise SignedOut from refusal
        return caller

    async def end(self, token: str) -> None:
        """End a session, if there is one."""
        await self.catalog.partition.record(lambda db: console_sessions.remove(db, _hash(token)))

    async def _holder(self, access_key_id: str, secret: str, origin: Origin) -> Caller | None:
        try:
            caller, expected = await self.principals.find(access_key_id, origin)
        except NotAuthenticated:
            return None
        # Temporary credentials are for programs, and would need their token at every request.
        if caller.session is not None or not hmac.compare_digest(secret.encode(), expected.encode()):
            return None
        return caller

    async def _account(self, text: str) -> AccountId | None:
        if is_account_id(text):
            return AccountId(text)
        return await self.catalog.partition.read(lambda db: accounts.of_alias(db, text))

    async def _user(self, account: AccountId | None, name: str, password: str) -> User | None:
        """Find the user if the password is theirs. A check for a name that does not exist takes as long."""
        found = await self.catalog.partition.read(lambda db: _profile_of(db, account, name))
        if len(password) > _LONGEST_PASSWORD:
            return None
        if found is None:
            await pools.SIGN_IN.attend(lambda _: passwords.hashed(password), passwords.WITHIN)
            return None
        user, profile = found
        job = partial(passwords.matches, password, profile.password)
        return user if await pools.SIGN_IN.attend(lambda _: job(), passwords.WITHIN) else None

    async def _begin(self, caller: Caller | None, access_key_id: str | None, origin: Origin) -> str:
        if caller is None:
            # The log does not get the text as typed: people put secrets into the wrong field.
            telemetry.warning(Event.SIGN_IN_REFUSED, by="key" if access_key_id else "password", source=origin.source_ip)
            raise SignInRefused
        access_log.note_caller(caller.arn)
        pools.PARTY.set(caller.account)
        self.uses.note(caller, _SIGN_IN)
        token, principal_id = secrets.token_urlsafe(32), caller.unique_id

        def store(db: Connection) -> None:
            # Changes of the password, and requests to other hosts, are compared with these times.
            now = self.catalog.now(db)
            _store(db, ConsoleSession(_hash(token), principal_id, access_key_id, now, now + SESSION))

        await self.catalog.partition.record(store)
        telemetry.event(Event.SIGN_IN_DONE, caller=caller.arn, source=origin.source_ip)
        return token

    async def _person(self, session: ConsoleSession, origin: Origin) -> Caller:
        found = await self.catalog.partition.read(lambda db: _user_of(db, session.principal_id))
        if found is None or found[1].changed_at > session.created_at:
            raise SignedOut
        user, _ = found
        return user_caller(user.account, user.arn, user.unique_id, origin, "")


@contextmanager
def _counted(by: str) -> Iterator[None]:
    """Count an attempt by its outcome. An attempt that the database or a full queue prevents is not counted."""
    try:
        yield
    except TooManyAttempts:
        names.SIGN_INS.add(by, "throttled")
        raise
    except SignInRefused:
        names.SIGN_INS.add(by, "refused")
        raise
    names.SIGN_INS.add(by, "done")


def _store(db: Connection, session: ConsoleSession) -> None:
    console_sessions.add(db, session)
    if session.access_key_id is None:
        uses.of_password(db, session.principal_id, session.created_at)


def _profile_of(db: Connection, account: AccountId | None, name: str) -> tuple[User, LoginProfile] | None:
    user = None if account is None else entities.find_user(db, account, name)
    return None if user is None else _with_profile(db, user)


def _user_of(db: Connection, unique_id: str) -> tuple[User, LoginProfile] | None:
    user = entities.user_of_id(db, unique_id)
    return None if user is None else _with_profile(db, user)


def _with_profile(db: Connection, user: User) -> tuple[User, LoginProfile] | None:
    profile = None if accounts.is_disabled_now(db, user.account) else login_profiles.find(db, user.unique_id)
    return None if profile is None else (user, profile)


def _hash(token: str) -> str:
    """Hash the token, so that the stored table alone does not let a reader sign in."""
    return sha256(token.encode()).hexdigest()
