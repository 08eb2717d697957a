"""Finds the principal that an access key id currently belongs to."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from twinport.access.generations import ByGeneration, Generations
from twinport.access.sealing import Sealer
from twinport.access.session_callers import caller_of
from twinport.catalog import credentials
from twinport.catalog.ports import Catalog
from twinport.clock import Clock
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.identities import Caller, Origin, PrincipalKind, Reading
from twinport.model.names import AccountId, is_account_id, root_arn, user_arn
from twinport.refusals.callers import CredentialsUnknown, SessionExpired
from twinport.settings.open_accounts import OpenAccounts

OPEN_SECRET = "test"  # noqa: S105 — public on purpose: open accounts are for development
_OPEN_ALIAS = {"test": "000000000000"}
_TELL_AGAIN_AFTER = timedelta(minutes=10)
_SESSION_PREFIX = "ASIA"
# The most keys and sessions that are remembered with their callers.
_MOST_KNOWN = 4096
_CLOSED = (
    "accounts are closed: make one with an administrator ('twinport account create NAME'), or start the server with "
    "'--open' for clients on this machine"
)
_NOT_LOCAL = "accounts are open to clients on this machine alone, and this one came from elsewhere or by a proxy"


@dataclass(slots=True)
class Rarely:
    """Lets one event through in a period, so that no client can fill the log with identical lines."""

    pause: timedelta
    _last: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        is_due = self._last is None or not timedelta() <= now - self._last < self.pause
        self._last = now if is_due else self._last
        return is_due


@dataclass(frozen=True, slots=True)
class _Known:
    """An active key or a session as it was loaded; `expires_at` is that of a session."""

    caller: Caller
    secret: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Principals:
    """Finds callers and their secrets.

    For clients to which accounts are open, twelve digits are the root of that account.
    """

    catalog: Catalog
    sealer: Sealer
    world: Clock
    open_accounts: OpenAccounts
    _telling_of_closed: Rarely = field(default_factory=lambda: Rarely(_TELL_AGAIN_AFTER))
    _known: ByGeneration[str, _Known] = field(default_factory=lambda: ByGeneration(_MOST_KNOWN))

    async def find(self, access_key_id: str, origin: Origin, reading: Reading | None = None) -> tuple[Caller, str]:
        """Return the caller and the secret of an active key. `reading` is a generation that was read just before.

        Raises CredentialsUnknown for a key, user or role that does not exist or is not active, SessionExpired for an
        expired session. A session of an open account is admitted for the same clients as the account itself.
        """
        if (account := open_account(access_key_id)) is not None:
            self._require_open(account, origin)
            return root_caller(account, origin, access_key_id), OPEN_SECRET
        reading = reading or await Generations(self.catalog).read()
        known = await self._current(access_key_id, origin, reading.generation)
        if known.expires_at is not None and known.expires_at <= self.world.now():
            raise SessionExpired
        if is_of_open_account(known.caller):
            self._require_open(known.caller.account, origin)
        return replace(known.caller, origin=origin, reading=reading), known.secret

    def remembered(self, access_key_id: str) -> AccountId | None:
        """Return the account of a key that was found before. The key may be gone since."""
        known = self._known.last(access_key_id)
        return open_account(access_key_id) if known is None else known.caller.account

    def _require_open(self, account: AccountId, origin: Origin) -> None:
        """Raise CredentialsUnknown unless accounts are open for this client. No other key consists of digits."""
        if self.open_accounts.admit(is_local=origin.is_local):
            return
        if self.open_accounts is OpenAccounts.CLOSED:
            self._tell_of_closed(account, origin)
        else:
            telemetry.warning(Event.OPEN_ACCOUNT_REFUSED, account=account, source=origin.source_ip, reason=_NOT_LOCAL)
        raise CredentialsUnknown

    def _tell_of_closed(self, account: AccountId, origin: Origin) -> None:
        """Record the event now and then: any client can cause it, and every occurrence means the same."""
        if self._telling_of_closed.is_due(self.world.now()):
            telemetry.warning(Event.OPEN_ACCOUNT_REFUSED, account=account, source=origin.source_ip, reason=_CLOSED)

    async def _current(self, access_key_id: str, origin: Origin, generation: int) -> _Known:
        """Return a key or session as it is in a generation. One that is unknown is looked up each time."""
        known = self._known.get(generation, access_key_id)
        if known is None:
            is_session = access_key_id.startswith(_SESSION_PREFIX)
            known = await (self._session if is_session else self._key)(access_key_id, origin)
            self._known.keep(generation, access_key_id, known)
        return known

    async def _session(self, access_key_id: str, origin: Origin) -> _Known:
        row = await self.catalog.partition.read(lambda db: credentials.session(db, access_key_id))
        if row is None:
            raise CredentialsUnknown
        if row.expires_at <= self.world.now():
            raise SessionExpired
        secret = self.sealer.open(row.sealed_secret, f"session {access_key_id}").decode()
        return _Known(caller_of(row, origin), secret, row.expires_at)

    async def _key(self, access_key_id: str, origin: Origin) -> _Known:
        row = await self.catalog.partition.read(lambda db: credentials.access_key(db, access_key_id))
        if row is None or row.status != "Active":
            raise CredentialsUnknown
        secret = self.sealer.open(row.sealed_secret, f"access key {access_key_id}").decode()
        if row.owner_id == row.account:
            return _Known(root_caller(row.account, origin, access_key_id), secret)
        if row.user_name is None or row.user_path is None:
            raise CredentialsUnknown
        arn = user_arn(row.account, row.user_path, row.user_name)
        return _Known(user_caller(row.account, arn, row.owner_id, origin, access_key_id), secret)


def open_account(access_key_id: str) -> AccountId | None:
    """Return the account that an access key id names where accounts are open."""
    text = _OPEN_ALIAS.get(access_key_id, access_key_id)
    return AccountId(text) if is_account_id(text) else None


def is_of_open_account(caller: Caller) -> bool:
    """Tell whether a caller is the root of an open account, or a session that goes back to one."""
    if caller.session is not None:
        return caller.session.is_of_open_account
    return open_account(caller.access_key_id) is not None


def user_caller(account: AccountId, arn: str, unique_id: str, origin: Origin, access_key_id: str) -> Caller:
    return Caller(
        account=account,
        kind=PrincipalKind.USER,
        arn=arn,
        user_id=unique_id,
        principal_arn=arn,
        unique_id=unique_id,
        origin=origin,
        access_key_id=access_key_id,
    )


def root_caller(account: AccountId, origin: Origin, access_key_id: str) -> Caller:
    return Caller(
        account=account,
        kind=PrincipalKind.ROOT,
        arn=root_arn(account),
        user_id=account,
        principal_arn=root_arn(account),
        unique_id=account,
        origin=origin,
        access_key_id=access_key_id,
    )
