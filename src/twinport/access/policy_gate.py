"""The gate that decides by policies: it loads the policies that apply, and denies with AWS's reason."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from twinport.access import lasting
from twinport.access.gate import NO_CONTEXT, Context, Decide, IdentityResource, RepositoryResource, Resource
from twinport.access.policy_library import Held, PolicyLibrary
from twinport.access.request_context import LateContext, request_context
from twinport.access.targets import Target, Targets
from twinport.access.trust import ASSUME_ROLE, RoleName
from twinport.catalog.ports import Catalog
from twinport.errors import AccessDenied
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.entities import Role
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.letters import lower_ascii
from twinport.model.regions import GLOBAL_REGION
from twinport.model.repository_facts import RepositoryFacts
from twinport.policies.documents import Policy, PolicyKind
from twinport.policies.evaluate import Allowed, AuthorizationRequest, Denied, Policies, decide, nothing_allows
from twinport.policies.explanation import Explanation, explain
from twinport.policies.grants import FederatedPrincipal, Identity, Principal, ServicePrincipal
from twinport.policies.organization import NO_ORGANIZATION, Organization
from twinport.policies.wildcards import RequestContext
from twinport.refusals.identities import PolicyMalformed

_UNREADABLE = "because a policy that is stored cannot be read"
# The keys whose values would tell the unique id of a principal.
_OF_UNIQUE_IDS = frozenset({"aws:userid"})
Encode = Callable[[Caller, Explanation], str]


@dataclass(frozen=True, slots=True)
class Case:
    """A question with every policy that applies to it."""

    request: AuthorizationRequest
    policies: Policies
    context: LateContext


@dataclass(frozen=True, slots=True)
class _CallersSide:
    """What a caller holds, and the session policies that limit it."""

    caller: Caller
    held: Held
    limits: tuple[Policy, ...] | None


@dataclass(frozen=True, slots=True)
class PolicyGate:
    """Decides by the current policies. A policy that cannot be parsed denies the request."""

    catalog: Catalog
    library: PolicyLibrary
    organization: Organization = NO_ORGANIZATION
    # Seals the reason for a denial, for callers allowed to decode it (identities/authorization_messages.py).
    encode: Encode | None = None

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        """As the port says: return, or raise AccessDenied."""
        self._require_binding(caller, action, resource)
        try:
            target = await self._targets.find(action, resource)
            case = self._case(await self._side(caller), action, target, context)
        except PolicyMalformed:
            self._refuse(Denied(_UNREADABLE), caller, action, resource, None)
        self._enforce(case, caller, action, resource)
        # What it read of the resource has no version that is noted.
        lasting.decided(is_timeless=False)

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        if isinstance(resource, RepositoryResource) and resource.is_one:
            decide = await self.decision(caller, actions, resource)
            await decide(await self._targets.facts(resource.repository))
            return
        for action in actions:
            await self.authorize(caller, action, resource)

    async def decision(self, caller: Caller, actions: tuple[str, ...], resource: RepositoryResource) -> Decide:
        """As the port says. What belongs to the caller is loaded now."""
        for action in actions:
            self._require_binding(caller, action, resource)
        try:
            side = await self._side(caller)
        except PolicyMalformed:
            self._refuse(Denied(_UNREADABLE), caller, actions[0], resource, None)

        async def decide(facts: RepositoryFacts) -> None:
            for action in actions:
                self._decide(side, caller, action, resource, facts)

        return decide

    async def would_allow(
        self, caller: Caller, action: str, resource: RepositoryResource, repository_policy: str
    ) -> bool:
        """Tell whether `caller` might do `action` if the repository had this policy instead of its own."""
        target = await self._targets.repository(resource.repository, action)
        own = self.library.read(repository_policy, PolicyKind.REPOSITORY)
        others = tuple(policy for policy in target.policies if policy.kind is not PolicyKind.REPOSITORY)
        changed = replace(target, policies=(own, *others))
        case = self._case(await self._side(caller), action, changed, NO_CONTEXT)
        return case is not None and isinstance(decide(case.request, case.policies), Allowed)

    async def authorize_assumption(
        self, caller: Caller, name: RoleName, actions: tuple[str, ...], context: Context
    ) -> Role:
        """As the port of trust says: return the role, or raise AccessDenied."""
        role: Role | None = None
        for action in actions:
            try:
                target, role = await self._targets.role(name)
                case = self._case(await self._side(caller), action, target, context)
            except PolicyMalformed:
                self._refuse(Denied(_UNREADABLE), caller, action, name, None)
            self._enforce(case, caller, action, name)
        if role is None:
            raise AccessDenied(caller.arn, ASSUME_ROLE, name.arn)
        return role

    async def explain(
        self, caller: Caller, action: str, resource: Resource | RoleName, context: Context = NO_CONTEXT
    ) -> Explanation | None:
        """Explain the gate's current decision; None for a deleted principal, which may do nothing.

        Raises PolicyMalformed when a stored document cannot be parsed.
        """
        if isinstance(resource, RoleName):
            target, _ = await self._targets.role(resource)
        else:
            target = await self._targets.find(action, resource)
        case = self._case(await self._side(caller), action, target, context)
        return None if case is None else explain(case.request, case.policies)

    async def explain_on_resource(
        self, caller: Caller, action: str, resource: RepositoryResource, context: Context = NO_CONTEXT
    ) -> Explanation:
        """As `explain`, by the policies on the resource's side alone: nothing that belongs to the caller is loaded.

        Raises PolicyMalformed when a stored document cannot be parsed.
        """
        target = await self._targets.find(action, resource)
        given = {**context, **self.organization.keys(target.account, "Resource")}
        keys = request_context(caller, {}, target.account, target.tags, given)
        known = {key: values for key, values in keys.items() if key not in _OF_UNIQUE_IDS}
        request = AuthorizationRequest(_principal(caller), action, target.arn, target.account, known)
        limits = self.organization.resource_control(caller, target.account, action)
        return explain(request, Policies(resource=target.policies, resource_control=limits))

    @property
    def _targets(self) -> Targets:
        return Targets(self.catalog, self.library)

    async def _side(self, caller: Caller) -> _CallersSide | None:
        """Load what belongs to a caller; None when its unique id no longer exists."""
        held = await self.library.held_by(caller)
        return None if held is None else _CallersSide(caller, held, await self.library.limits_of(caller))

    def _decide(
        self,
        side: _CallersSide | None,
        caller: Caller,
        action: str,
        resource: RepositoryResource,
        facts: RepositoryFacts,
    ) -> None:
        try:
            case = self._case(side, action, self._targets.of_facts(resource, facts, action), NO_CONTEXT)
        except PolicyMalformed:
            self._refuse(Denied(_UNREADABLE), caller, action, resource, None)
        self._enforce(case, caller, action, resource)
        # A condition may ask about the time.
        lasting.decided(is_timeless=case is not None and not case.context.was_asked)

    def _case(self, side: _CallersSide | None, action: str, target: Target, given: Context) -> Case | None:
        """Combine question and policies; None for a caller that no longer exists."""
        if side is None:
            return None
        caller, held = side.caller, side.held

        def context() -> RequestContext:
            keys = {**_of(action), **given, **self._keys(caller, target)}
            return request_context(caller, held.tags, target.account, target.tags, keys)

        late = LateContext(context)
        request = AuthorizationRequest(
            principal=_principal(caller),
            action=action,
            resource=target.arn,
            account=target.account,
            context=late,
        )
        policies = Policies(
            identity=held.policies,
            boundary=held.boundary,
            session=side.limits,
            resource=target.policies,
            trust=target.trust,
            service_control=self.organization.service_control(caller),
            resource_control=self.organization.resource_control(caller, target.account, action),
        )
        return Case(request, policies, late)

    def _require_binding(self, caller: Caller, action: str, resource: Resource) -> None:
        if denial := _outside_binding(caller, action, resource):
            self._refuse(denial, caller, action, resource, None)

    def _enforce(self, case: Case | None, caller: Caller, action: str, resource: Resource | RoleName) -> None:
        if case is None:
            self._refuse(nothing_allows(action, PolicyKind.IDENTITY), caller, action, resource, None)
        decision = decide(case.request, case.policies)
        if isinstance(decision, Denied):
            self._refuse(decision, caller, action, resource, case)
        telemetry.debug(Event.ACCESS_ALLOWED, caller=caller.arn, action=action, resource=resource.arn)

    def _refuse(
        self, denial: Denied, caller: Caller, action: str, resource: Resource | RoleName, case: Case | None
    ) -> NoReturn:
        """Log the denial with the resource's ARN, and raise it with what the request named the resource by."""
        telemetry.event(
            Event.ACCESS_DENIED,
            caller=caller.arn,
            action=action,
            resource=resource.arn,
            reason=denial.reason,
            statement=denial.by.name if denial.by else None,
        )
        named = resource.named if isinstance(resource, IdentityResource) else None
        raise AccessDenied(caller.arn, action, named or resource.arn, denial.reason, self._encoded(caller, case))

    def _encoded(self, caller: Caller, case: Case | None) -> str | None:
        if case is None or self.encode is None:
            return None
        return self.encode(caller, explain(case.request, case.policies))

    def _keys(self, caller: Caller, target: Target) -> Context:
        return {**self.organization.keys_of(caller), **self.organization.keys(target.account, "Resource")}


def _of(action: str) -> Context:
    """Return the keys that follow from the action. IAM is in one Region, whichever endpoint got the request."""
    return {"aws:RequestedRegion": (GLOBAL_REGION,)} if lower_ascii(action).startswith("iam:") else NO_CONTEXT


def _principal(caller: Caller) -> Principal:
    match caller.kind:
        case PrincipalKind.WEB_IDENTITY:
            return FederatedPrincipal(caller.principal_arn)
        case PrincipalKind.SERVICE:
            return ServicePrincipal(caller.principal_arn)
        case kind:
            return Identity(kind, caller.account, caller.principal_arn, caller.arn, caller.unique_id)


def _outside_binding(caller: Caller, action: str, resource: Resource) -> Denied | None:
    """Deny a session that is bound to one destination registry every resource outside that registry."""
    binding = caller.session.binding if caller.session else None
    if binding is None or (isinstance(resource, RepositoryResource) and resource.registry == binding[1]):
        return None
    return Denied(f"because no session policy allows the {action} action")
