"""Assuming a role: checks the trust policy and issues temporary credentials. Session policies may narrow them."""

from dataclasses import dataclass
from datetime import timedelta

from twinport.access import session_policies, session_tags
from twinport.access.gate import Context
from twinport.access.principals import is_of_open_account, open_account
from twinport.access.role_sessions import DEFAULT_LENGTH, AssumedRole, Beginning, RoleSessions
from twinport.access.session_policies import NO_POLICIES, SessionPolicies
from twinport.access.session_tags import SessionTags
from twinport.access.trust import ASSUME_ROLE, SET_SOURCE_IDENTITY, TAG_SESSION, RoleName, Trust
from twinport.errors import AccessDenied
from twinport.model.entities import Tag
from twinport.model.identities import Caller, PrincipalKind
from twinport.refusals.identities import RootMayNotAssume, SessionTooLong

# A session that another role's session starts ends within the hour, whatever the role allows.
LONGEST_CHAINED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """The parameters of AssumeRole. Without `length` the session lasts an hour."""

    role: RoleName
    session: str
    length: timedelta | None = None
    policies: SessionPolicies = NO_POLICIES
    external_id: str | None = None
    tags: tuple[Tag, ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str | None = None

    @property
    def packed_percent(self) -> int:
        return session_policies.packed_percent(self.policies, self.tags, self.transitive)


@dataclass(frozen=True, slots=True)
class Assumptions:
    trust: Trust
    sessions: RoleSessions

    async def assume(self, caller: Caller, wish: Wish) -> AssumedRole:
        """Issue a session of a role.

        Raises AccessDenied (also for a role that does not exist), RootMayNotAssume, SessionTooLong, SessionTagsInvalid,
        and what session_policies.check does.
        """
        tags = session_tags.combined(caller.session, wish.tags, wish.transitive)
        identity = _source_identity(caller, wish)
        actions = (ASSUME_ROLE, *((TAG_SESSION,) if tags.tags else ()), *((SET_SOURCE_IDENTITY,) if identity else ()))
        role = await self.trust.authorize_assumption(caller, wish.role, actions, _context(wish, tags, identity))
        if caller.kind is PrincipalKind.ROOT and open_account(caller.access_key_id) is None:
            raise RootMayNotAssume
        beginning = Beginning(
            name=wish.session,
            length=_length(caller, wish.length),
            policies=wish.policies,
            packed_percent=wish.packed_percent,
            tags=tags,
            source_identity=identity,
            is_of_open_account=is_of_open_account(caller),
        )
        return await self.sessions.begin(role, beginning)


def _source_identity(caller: Caller, wish: Wish) -> str | None:
    """Return the source identity of the new session. A chain keeps its first one: raises AccessDenied for another."""
    begun = caller.session.source_identity if caller.session else None
    if begun is not None and wish.source_identity not in (None, begun):
        raise AccessDenied(caller.arn, SET_SOURCE_IDENTITY, wish.role.arn)
    return begun or wish.source_identity


def _context(wish: Wish, tags: SessionTags, source_identity: str | None) -> Context:
    keys: dict[str, tuple[str, ...]] = {"sts:RoleSessionName": (wish.session,)}
    if wish.external_id is not None:
        keys["sts:ExternalId"] = (wish.external_id,)
    if wish.length is not None:
        keys["sts:DurationSeconds"] = (str(int(wish.length.total_seconds())),)
    if source_identity is not None:
        keys["sts:SourceIdentity"] = (source_identity,)
    return {**keys, **session_tags.context(tags)}


def _length(caller: Caller, wanted: timedelta | None) -> timedelta:
    length = DEFAULT_LENGTH if wanted is None else wanted
    if caller.kind is PrincipalKind.ROLE_SESSION and length > LONGEST_CHAINED:
        raise SessionTooLong(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    return length
