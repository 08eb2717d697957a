"""Temporary credentials that a user or root gets in its own name, or for a federated user."""

from dataclasses import dataclass, replace
from datetime import timedelta

from twinport.access import session_policies, session_tags
from twinport.access.gate import Gate, IdentityResource
from twinport.access.policy_library import PolicyLibrary
from twinport.access.principals import is_of_open_account
from twinport.access.session_callers import Holder
from twinport.access.session_policies import NO_POLICIES, SessionPolicies
from twinport.access.sessions import Credentials, Sessions
from twinport.access.trust import TAG_SESSION
from twinport.clock import Clock
from twinport.identities.entities import tag_context
from twinport.model.entities import Tag
from twinport.model.identities import Caller, PrincipalKind, Session
from twinport.model.names import federated_arn

FEDERATE = "sts:GetFederationToken"
DEFAULT_LENGTH = timedelta(hours=12)
# A root's sessions are shortened to this without an error, as in AWS.
LONGEST_OF_ROOT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FederationWish:
    """The parameters of GetFederationToken. Without `length` the session lasts twelve hours."""

    name: str
    length: timedelta | None = None
    policies: SessionPolicies = NO_POLICIES
    tags: tuple[Tag, ...] = ()

    @property
    def packed_percent(self) -> int:
        return session_policies.packed_percent(self.policies, self.tags)


@dataclass(frozen=True, slots=True)
class FederatedUser:
    """`id` is `ACCOUNT:NAME`."""

    credentials: Credentials
    arn: str
    id: str


@dataclass(frozen=True, slots=True)
class OwnSessions:
    gate: Gate
    library: PolicyLibrary
    sessions: Sessions
    world: Clock

    async def begin(self, caller: Caller, length: timedelta | None) -> Credentials:
        """Issue a session of the caller itself. It needs no permission, and no policy can forbid it."""
        return await self._issue(caller, caller.kind, self._session(caller, "", length))

    async def federate(self, caller: Caller, wish: FederationWish) -> FederatedUser:
        """Issue a session for a federated user. It may do what both the caller and the given policies allow.

        Raises AccessDenied, SessionTagsInvalid, and what session_policies.check does.
        """
        tags = session_tags.combined(None, wish.tags, ())
        arn = federated_arn(caller.account, wish.name)
        for action in (FEDERATE, *((TAG_SESSION,) if wish.tags else ())):
            await self.gate.authorize(caller, action, IdentityResource(caller.account, arn), tag_context(wish.tags))
        await session_policies.check(self.library, caller.account, wish.policies, wish.packed_percent)
        plain = self._session(caller, wish.name, wish.length)
        policies = wish.policies
        session = replace(plain, policies=policies.documents, policy_arns=policies.arns, tags=tags.tags)
        credentials = await self._issue(caller, PrincipalKind.FEDERATED, session)
        return FederatedUser(credentials, arn, f"{caller.account}:{wish.name}")

    def _session(
        self,
        caller: Caller,
        name: str,
        wanted: timedelta | None,
    ) -> Session:
        length = DEFAULT_LENGTH if wanted is None else wanted
        if caller.kind is PrincipalKind.ROOT:
            length = min(length, LONGEST_OF_ROOT)
        now = self.world.now()
        return Session(
            name=name,
            issued_at=now,
            expires_at=now + length,
            is_of_open_account=is_of_open_account(caller),
        )

    async def _issue(self, caller: Caller, kind: PrincipalKind, session: Session) -> Credentials:
        return await self.sessions.issue(Holder(kind, caller.account, caller.unique_id), session)
