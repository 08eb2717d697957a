"""Sessions of roles, once the trust policy has let the caller in: how long they last, and what narrows them."""

from dataclasses import dataclass
from datetime import timedelta

from twinport.access import session_policies
from twinport.access.policy_library import PolicyLibrary
from twinport.access.session_callers import Holder
from twinport.access.session_policies import SessionPolicies
from twinport.access.session_tags import SessionTags
from twinport.access.sessions import Credentials, Sessions
from twinport.clock import Clock
from twinport.model.entities import Role
from twinport.model.identities import Federation, PrincipalKind, Session
from twinport.model.names import session_arn
from twinport.refusals.identities import SessionTooLong

DEFAULT_LENGTH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A session of a role. `id` is `AROA…:SESSION`. The source identity may come from the caller's own session."""

    credentials: Credentials
    arn: str
    id: str
    source_identity: str | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a session begins with. `packed_percent` is the share of the size limit that policies and tags take."""

    name: str
    length: timedelta
    policies: SessionPolicies
    packed_percent: int
    tags: SessionTags
    source_identity: str | None = None
    federation: Federation | None = None
    is_of_open_account: bool = False


@dataclass(frozen=True, slots=True)
class RoleSessions:
    library: PolicyLibrary
    sessions: Sessions
    world: Clock

    async def begin(self, role: Role, beginning: Beginning) -> AssumedRole:
        """Issue a session. Raises SessionTooLong, and what session_policies.check does."""
        if beginning.length > role.max_session:
            raise SessionTooLong("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        policies, tags = beginning.policies, beginning.tags
        await session_policies.check(self.library, role.account, policies, beginning.packed_percent)
        now = self.world.now()
        session = Session(
            name=beginning.name,
            issued_at=now,
            expires_at=now + beginning.length,
            policies=policies.documents,
            policy_arns=policies.arns,
            tags=tags.tags,
            transitive=tags.transitive,
            source_identity=beginning.source_identity,
            federation=beginning.federation,
            is_of_open_account=beginning.is_of_open_account,
        )
        holder = Holder(PrincipalKind.ROLE_SESSION, role.account, role.unique_id)
        credentials = await self.sessions.issue(holder, session)
        arn = session_arn(role.account, role.name, session.name)
        return AssumedRole(credentials, arn, f"{role.unique_id}:{session.name}", beginning.source_identity)
