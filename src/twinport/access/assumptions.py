"""Assuming a role: the trust is asked, and temporary credentials are issued that session policies may narrow."""

from dataclasses import dataclass
from datetime import timedelta

from twinport.access.gate import Context
from twinport.access.policy import PolicyKind
from twinport.access.policy_library import PolicyLibrary
from twinport.access.principals import open_account
from twinport.access.sessions import Credentials, RoleFacts, Sessions
from twinport.access.trust import RoleName, Trust
from twinport.clock import Clock
from twinport.errors import PolicyNotThere, RootMayNotAssume, SessionPoliciesTooLarge, SessionTooLong
from twinport.model.entities import Role
from twinport.model.identities import Caller, PrincipalKind, Session
from twinport.model.names import session_arn

DEFAULT_LENGTH = timedelta(hours=1)
# A role assumed by a session ends within the hour, whatever the role allows.
LONGEST_CHAINED = timedelta(hours=1)
MOST_PACKED = 2048


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asks for. Without `length` the session lasts an hour."""

    role: RoleName
    session: str
    length: timedelta | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    external_id: str | None = None

    @property
    def packed_percent(self) -> int | None:
        """How much of the room for session policies is used, rounded up; None when there are none."""
        size = sum(map(len, (self.policy or "", *self.policy_arns)))
        return -(-100 * size // MOST_PACKED) if size else None


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A session of a role. `id` is `AROA…:SESSION`."""

    credentials: Credentials
    arn: str
    id: str


@dataclass(frozen=True, slots=True)
class Assumptions:
    trust: Trust
    library: PolicyLibrary
    sessions: Sessions
    world: Clock

    async def assume(self, caller: Caller, wish: Wish) -> AssumedRole:
        """Issue a session of a role.

        Raises AccessDenied (also for a role that is not there), RootMayNotAssume, SessionTooLong, PolicyMalformed,
        PolicyNotThere or SessionPoliciesTooLarge.
        """
        role = await self.trust.authorize_assumption(caller, wish.role, _context(wish))
        if caller.kind is PrincipalKind.ROOT and open_account(caller.access_key_id) is None:
            raise RootMayNotAssume
        length = _length(caller, role, wish.length)
        await self._check_policies(role, wish)
        now = self.world.now()
        policies = () if wish.policy is None else (wish.policy,)
        session = Session(wish.session, now, now + length, policies, wish.policy_arns)
        facts = RoleFacts(role.account, role.unique_id, role.name, role.path)
        credentials = await self.sessions.issue(facts, session)
        arn = session_arn(role.account, role.name, session.name)
        return AssumedRole(credentials, arn, f"{role.unique_id}:{session.name}")

    async def _check_policies(self, role: Role, wish: Wish) -> None:
        if (wish.packed_percent or 0) > 100:  # noqa: PLR2004 — per cent
            raise SessionPoliciesTooLarge(wish.packed_percent or 0)
        if wish.policy is not None:
            self.library.read(wish.policy, PolicyKind.SESSION)
        for arn in wish.policy_arns:
            if not await self.library.has_policy(role.account, arn):
                raise PolicyNotThere(arn)


def _context(wish: Wish) -> Context:
    keys: dict[str, tuple[str, ...]] = {"sts:RoleSessionName": (wish.session,)}
    if wish.external_id is not None:
        keys["sts:ExternalId"] = (wish.external_id,)
    if wish.length is not None:
        keys["sts:DurationSeconds"] = (str(int(wish.length.total_seconds())),)
    return keys


def _length(caller: Caller, role: Role, wanted: timedelta | None) -> timedelta:
    length = DEFAULT_LENGTH if wanted is None else wanted
    if caller.session is not None and length > LONGEST_CHAINED:
        raise SessionTooLong(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if length > role.max_session:
        raise SessionTooLong("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return length
