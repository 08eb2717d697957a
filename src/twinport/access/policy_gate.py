"""The gate that decides by policies: it loads what speaks about a request, and says no with AWS's reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from twinport import telemetry
from twinport.access.circumstances import request_context, resource_tag_keys
from twinport.access.evaluate import Decision, Denied, Policies, Question, decide
from twinport.access.gate import NO_CONTEXT, AnyResource, Context, IdentityResource, RepositoryResource, Resource
from twinport.access.grants import Identity
from twinport.access.organization import NO_ORGANIZATION, Organization
from twinport.access.policy import Policy, PolicyKind
from twinport.access.policy_library import PolicyLibrary
from twinport.access.trust import ASSUME_ROLE, RoleName
from twinport.catalog import identities, permissions
from twinport.catalog.database import Connection
from twinport.catalog.embedded import Catalog
from twinport.errors import AccessDenied
from twinport.model.entities import Role
from twinport.model.identities import Caller
from twinport.model.names import AccountId, Registry
from twinport.refusals.identities import PolicyMalformed
from twinport.telemetry import Event

_UNREADABLE = "because a policy that is stored cannot be read"
_EVERY_NAME = "*"


@dataclass(frozen=True, slots=True)
class _Target:
    """The resource's side of a question. `tags` are condition keys with their values."""

    arn: str
    account: AccountId
    policies: tuple[Policy, ...] = ()
    trust: Policy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyGate:
    """Decides by the policies of now. Whatever cannot be read is a reason to say no."""

    catalog: Catalog
    library: PolicyLibrary
    organization: Organization = NO_ORGANIZATION

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        """As the port says: return, or raise AccessDenied."""
        try:
            decision = _outside_binding(caller, action, resource) or await self._decide(
                caller, action, await self._target(action, resource), context
            )
        except PolicyMalformed:
            decision = Denied(_UNREADABLE)
        _enforce(decision, caller, action, resource.arn)

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        for action in actions:
            await self.authorize(caller, action, resource)

    async def would_allow(
        self, caller: Caller, action: str, resource: RepositoryResource, repository_policy: str
    ) -> bool:
        """Tell whether `caller` might do `action` if the repository had this policy instead of its own."""
        target = await self._repository(resource.registry, resource.name)
        own = self.library.read(repository_policy, PolicyKind.REPOSITORY)
        others = tuple(policy for policy in target.policies if policy.kind is not PolicyKind.REPOSITORY)
        decision = await self._decide(caller, action, replace(target, policies=(own, *others)), NO_CONTEXT)
        return not isinstance(decision, Denied)

    async def authorize_assumption(
        self, caller: Caller, name: RoleName, actions: tuple[str, ...], context: Context
    ) -> Role:
        """As the port of trust says: return the role, or raise AccessDenied."""
        role, trust = await self.catalog.partition.read(lambda db: _role_and_trust(db, name))
        for action in actions:
            try:
                decision = await self._decide(caller, action, self._trusting(name, role, trust), context)
            except PolicyMalformed:
                decision = Denied(_UNREADABLE)
            _enforce(decision, caller, action, name.arn)
        if role is None:
            raise AccessDenied(caller.arn, ASSUME_ROLE, name.arn)
        return role

    async def _decide(self, caller: Caller, action: str, target: _Target, given: Context) -> Decision:
        held = await self.library.held_by(caller)
        if held is None:
            return Denied(f"because no identity-based policy allows the {action} action")
        question = Question(
            principal=Identity(caller.kind, caller.account, caller.principal_arn, caller.arn, caller.unique_id),
            action=action,
            resource=target.arn,
            account=target.account,
            context=request_context(
                caller, held.tags, target.account, target.tags, {**given, **self._keys(caller, target)}
            ),
        )
        policies = Policies(
            identity=held.policies,
            boundary=held.boundary,
            session=await self.library.limits_of(caller),
            resource=target.policies,
            trust=target.trust,
            service_control=self.organization.service_control(caller),
            resource_control=self.organization.resource_control(caller, target.account, action),
        )
        return decide(question, policies)

    def _keys(self, caller: Caller, target: _Target) -> Context:
        of_principal = self.organization.keys(caller.account, "Principal")
        return {**of_principal, **self.organization.keys(target.account, "Resource")}

    async def _target(self, action: str, resource: Resource) -> _Target:
        match resource:
            case RepositoryResource(registry=registry, name=name):
                return await self._repository(registry, name)
            case AnyResource(account=account, region=region):
                is_registrys = action.startswith("ecr:")
                policies = await self._registry_policies(Registry(account, region)) if is_registrys else ()
                return _Target(resource.arn, account, policies)
            case IdentityResource(account=account, arn=arn, unique_id=unique_id):
                owner = unique_id or arn
                tags = await self.catalog.partition.read(lambda db: permissions.identity_tags(db, owner))
                return _Target(arn, account, tags=resource_tag_keys("iam", tags))

    async def _repository(self, registry: Registry, name: str) -> _Target:
        arn = registry.repository_arn(name)
        registrys = await self._registry_policies(registry)
        if name == _EVERY_NAME:
            return _Target(arn, registry.account, registrys)
        region = self.catalog.region(registry.region)
        facts = await region.read(lambda db: permissions.repository(db, registry, name))
        own = () if facts.policy is None else (self.library.read(facts.policy, PolicyKind.REPOSITORY),)
        return _Target(arn, registry.account, own + registrys, tags=resource_tag_keys("ecr", facts.tags))

    async def _registry_policies(self, registry: Registry) -> tuple[Policy, ...]:
        """Return the registry's policy, which speaks about every request to the registry (its scope is V2)."""
        region = self.catalog.region(registry.region)
        text = await region.read(lambda db: permissions.registry_policy(db, registry))
        return () if text is None else (self.library.read(text, PolicyKind.REGISTRY),)

    def _trusting(self, name: RoleName, role: Role | None, document: str | None) -> _Target:
        """Describe the role that is to be assumed. One that is missing trusts nobody, and is denied in those words."""
        if role is None or document is None or role.path != name.path:
            return _Target(name.arn, name.account, trust=Policy(PolicyKind.TRUST, ()))
        tags = {tag.key: tag.value for tag in role.tags}
        trust = self.library.read(document, PolicyKind.TRUST)
        return _Target(name.arn, role.account, trust=trust, tags=resource_tag_keys("iam", tags))


def _role_and_trust(db: Connection, name: RoleName) -> tuple[Role | None, str | None]:
    role = identities.find_role(db, name.account, name.name)
    return role, None if role is None else identities.stored_trust(db, role.unique_id)


def _outside_binding(caller: Caller, action: str, resource: Resource) -> Denied | None:
    """Deny a session that is bound to one destination registry whatever is not in that registry."""
    binding = caller.session.binding if caller.session else None
    if binding is None or (isinstance(resource, RepositoryResource) and resource.registry == binding[1]):
        return None
    return Denied(f"because no session policy allows the {action} action")


def _enforce(decision: Decision, caller: Caller, action: str, arn: str) -> None:
    if not isinstance(decision, Denied):
        return
    telemetry.event(
        Event.ACCESS_DENIED,
        caller=caller.arn,
        action=action,
        resource=arn,
        reason=decision.reason,
        statement=decision.by.name if decision.by else None,
    )
    raise AccessDenied(caller.arn, action, arn, decision.reason)
