"""Fakes that every part's tests may use: gates that agree, refuse or remember, and callers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests import witness
from twinport.access.authorization_requests import service_caller
from twinport.access.gate import NO_CONTEXT, Context, Decide, RepositoryResource, Resource, allow_any
from twinport.errors import AccessDenied
from twinport.identities.web_identities import outsider
from twinport.model import names
from twinport.model.identities import Caller, Origin, PrincipalKind, Session
from twinport.model.names import AccountId, RegionName, Registry

ACCOUNT = AccountId("111122223333")
OTHER_ACCOUNT = AccountId("444455556666")
REGION = RegionName("eu-west-1")
OTHER_REGION = RegionName("us-east-1")
REGISTRY = Registry(ACCOUNT, REGION)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class AskedOneByOne:
    """The rest of a gate that answers about one action at a time."""

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        raise NotImplementedError

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        for action in actions:
            await self.authorize(caller, action, resource)

    async def decision(self, caller: Caller, actions: tuple[str, ...], resource: RepositoryResource) -> Decide:
        await self.authorize_all(caller, actions, resource)
        return allow_any


class AllowAll(AskedOneByOne):
    """A gate that lets everybody do everything."""

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        del caller
        witness.saw(action, resource.arn, context)


class DenyAll(AskedOneByOne):
    """A gate that denies every request."""

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        witness.saw(action, resource.arn, context)
        raise AccessDenied(caller.arn, action, resource.arn)


@dataclass(slots=True)
class RecordingGate(AskedOneByOne):
    """A gate that remembers what it was asked, in order, and refuses the actions in `denied`."""

    denied: frozenset[str] = frozenset()
    asked: list[tuple[str, str]] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        self.asked.append((action, resource.arn))
        self.contexts.append(context)
        witness.saw(action, resource.arn, context)
        if action in self.denied:
            raise AccessDenied(caller.arn, action, resource.arn)


def caller(
    account: str = ACCOUNT,
    region: str = REGION,
    kind: PrincipalKind = PrincipalKind.ROOT,
    name: str = "alice",
    unique_id: str | None = None,
    session: Session | None = None,
) -> Caller:
    """Make a verified caller. `name` is the user or role; a role's session is named `build` unless one is given."""
    origin = Origin(RegionName(region), "127.0.0.1", secure=False, user_agent="tests", at=NOW)
    owner = AccountId(account)
    match kind:
        case PrincipalKind.ROOT:
            root = names.root_arn(account)
            return Caller(owner, kind, root, account, root, account, origin, session, account)
        case PrincipalKind.USER:
            arn, identity = names.user_arn(account, "/", name), unique_id or f"AIDA{name.upper():X<16}"
            return Caller(owner, kind, arn, identity, arn, identity, origin, session, "AKIAIOSFODNN7EXAMPLE")
        case PrincipalKind.ROLE_SESSION:
            identity = unique_id or f"AROA{name.upper():X<16}"
            session = session or Session("build", NOW, NOW.replace(hour=13))
            arn, role = names.session_arn(account, name, session.name), names.role_arn(account, "/", name)
            user_id = f"{identity}:{session.name}"
            return Caller(owner, kind, arn, user_id, role, identity, origin, session, "ASIAIOSFODNN7EXAMPLE")
        case PrincipalKind.FEDERATED:
            session = session or Session(name, NOW, NOW.replace(hour=13))
            arn = names.federated_arn(account, session.name)
            return Caller(owner, kind, arn, f"{account}:{session.name}", arn, account, origin, session, "ASIAEXAMPLE")
        case PrincipalKind.WEB_IDENTITY:
            return outsider(origin, f"arn:{names.PARTITION}:iam::{account}:oidc-provider/issuer.example", name)
        case PrincipalKind.SERVICE:
            return service_caller(f"{name}.amazonaws.com", origin)
