"""The decision: may this principal do this, given these policies, of trust too? Pure and total."""

from dataclasses import dataclass, replace

from twinport.model.names import AccountId
from twinport.policies.documents import Policy, PolicyKind, Statement, first_of
from twinport.policies.grants import FederatedPrincipal, Grant, Identity, Principal, ServicePrincipal
from twinport.policies.steps import LONGEST_VALUE, MOST_STEPS, Steps, StepsSpent, rate
from twinport.policies.wildcards import RequestContext

# A denial names at most this many keys whose values are too long, and this much of each key.
_MOST_NAMED, _SHOWN = 3, 128


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A principal, its action, and the resource with its account. `context` has its keys in lower case."""

    principal: Principal
    action: str
    resource: str
    account: AccountId
    context: RequestContext

    @property
    def crosses_border(self) -> bool:
        """Tell whether the caller and the resource belong to different accounts."""
        return isinstance(self.principal, Identity) and self.principal.account != self.account


@dataclass(frozen=True, slots=True)
class Policies:
    """Every policy that applies to a question.

    Without `boundary` or `session` there is no such limit; an empty `session` denies everything. `resource` holds the
    policies of the resource and of its registry. When a role is to be assumed, `trust` takes their place and must allow
    by itself. `service_control` are the levels of the caller's organization, root first, and each level must allow.
    `resource_control` are the policies of the resource's organization, which can only deny.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: tuple[Policy, ...] = ()
    trust: Policy | None = None
    service_control: tuple[tuple[Policy, ...], ...] = ()
    resource_control: tuple[Policy, ...] = ()

    @property
    def on_resource(self) -> tuple[Policy, ...]:
        """The policies on the resource's side: its own policies, or the trust policy of a role."""
        return self.resource if self.trust is None else (self.trust,)

    @property
    def every(self) -> tuple[Policy, ...]:
        """Every policy, in the order in which the evaluator looks for a denial."""
        every = self.identity + (self.resource if self.trust is None else (self.trust,))
        if self.boundary is not None:
            every += (self.boundary,)
        if self.session:
            every += self.session
        for level in self.service_control:
            every += level
        return every + self.resource_control if self.resource_control else every


@dataclass(frozen=True, slots=True)
class Source:
    """The statement that decided."""

    policy: Policy
    statement: Statement

    @property
    def name(self) -> str:
        """The statement's name for operators: kind and name of its policy, then Sid or position from 1."""
        policy = f"{self.policy.kind.value}/{self.policy.name}" if self.policy.name else self.policy.kind.value
        return f"{policy}#{self.statement.sid or self.statement.index + 1}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """`by` is absent for an account's root, which needs no policy in its own account."""

    by: Source | None


@dataclass(frozen=True, slots=True)
class Denied:
    """`reason` is AWS's clause. `by` is the denying statement, or `lacking` the kind of policy that did not allow.

    `is_undecided` when the policies take more steps than a decision may.
    """

    reason: str
    by: Source | None = None
    lacking: PolicyKind | None = None
    is_undecided: bool = False


Decision = Allowed | Denied


def decide(request: AuthorizationRequest, policies: Policies, most_steps: int = MOST_STEPS) -> Decision:
    """Decide by AWS's rules: a matching Deny wins, and what no policy allows is denied.

    A decision that needs more steps than its limit is a denial. When the request has a value that is too long for a
    condition to read, a denial also says so.
    """
    try:
        decision = _decide(request, policies, Steps(most_steps))
    except StepsSpent:
        reason = f"because the policies take more than {most_steps} steps to compare with the request"
        decision = Denied(reason, is_undecided=True)
    return decision if isinstance(decision, Allowed) else _with_long_values(decision, request.context)


def _decide(request: AuthorizationRequest, policies: Policies, steps: Steps) -> Decision:
    if denial := _explicit_denial(request, policies, steps):
        return denial
    for level in policies.service_control:
        if _allowance(request, level, steps) is None:
            return nothing_allows(request.action, PolicyKind.SERVICE_CONTROL)
    granted = _strongest_grant(request, policies.on_resource, steps)
    match request.principal:
        case ServicePrincipal() | FederatedPrincipal():
            return granted.decision if granted else nothing_allows(request.action, _resource_kind(policies))
        case Identity() as principal:
            return _decide_for(principal, request, policies, granted, steps)


def too_long(context: RequestContext) -> list[str]:
    """Return the keys whose values are too long for a condition to read."""
    return sorted(key for key, values in context.items() if any(len(value) > LONGEST_VALUE for value in values))


def _with_long_values(denial: Denied, context: RequestContext) -> Denied:
    """Name each value that is too long, whether or not a policy reads it, since the policy may be another account's."""
    keys = too_long(context)
    if not keys:
        return denial
    named = ", ".join(key[:_SHOWN] for key in keys[:_MOST_NAMED])
    return replace(
        denial, reason=f"{denial.reason} (conditions read at most {LONGEST_VALUE} characters, not all of {named})"
    )


@dataclass(frozen=True, slots=True)
class Granted:
    """What the policies on the resource's side grant: the strongest naming of the caller in a matching Allow."""

    grant: Grant
    by: Source

    @property
    def decision(self) -> Decision:
        return Allowed(self.by)


def _strongest_grant(request: AuthorizationRequest, policies: tuple[Policy, ...], steps: Steps) -> Granted | None:
    """Return the Allow on the resource's side that names the caller most strongly, of those that match."""
    strongest: Granted | None = None
    for policy in policies:
        for statement in policy.about(request.action).allowances:
            grant = statement.audience.allows(request.principal) if statement.audience else None
            if grant is None or (strongest is not None and grant <= strongest.grant):
                continue
            if statement.speaks_of(request.resource, request.context, steps):
                strongest = Granted(grant, Source(policy, statement))
    return strongest


def nothing_allows(action: str, kind: PolicyKind) -> Denied:
    """Return AWS's denial for a missing Allow in policies of this kind."""
    return Denied(f"because no {_ALLOWING[kind]} allows the {action} action", lacking=kind)


def _decide_for(
    principal: Identity, request: AuthorizationRequest, policies: Policies, granted: Granted | None, steps: Steps
) -> Decision:
    across = principal.account != request.account
    if granted is None and (across or policies.trust is not None):
        return nothing_allows(request.action, _resource_kind(policies))
    if granted is None or across:
        return _own_side(principal, request, policies, steps)
    match granted.grant:
        case Grant.CALLER:
            return Allowed(granted.by)
        case Grant.PRINCIPAL:
            return _limits(request, policies, steps) or Allowed(granted.by)
        case Grant.ACCOUNT:
            return _own_side(principal, request, policies, steps)


def _own_side(principal: Identity, request: AuthorizationRequest, policies: Policies, steps: Steps) -> Decision:
    """Decide what the caller's own account says: identity policies, within boundary and session."""
    by = None
    # A root needs no policy in its own account. A root's federated session needs none either; its session policies
    # alone limit it.
    if principal.unique_id != principal.account:
        by = _allowance(request, policies.identity, steps)
        if by is None:
            return nothing_allows(request.action, PolicyKind.IDENTITY)
    return _limits(request, policies, steps) or Allowed(by)


def _limits(request: AuthorizationRequest, policies: Policies, steps: Steps) -> Denied | None:
    """Return the denial of a boundary or session policy that does not allow the action; None if each allows it."""
    if policies.boundary is not None and _allowance(request, (policies.boundary,), steps) is None:
        return nothing_allows(request.action, PolicyKind.BOUNDARY)
    if policies.session is not None and _allowance(request, policies.session, steps) is None:
        return nothing_allows(request.action, PolicyKind.SESSION)
    return None


def _explicit_denial(request: AuthorizationRequest, policies: Policies, steps: Steps) -> Denied | None:
    """Return the first denial. This reads every policy first, so it spends the steps of the statements."""
    action, each_pattern = request.action, rate(len(request.resource))
    for policy in policies.every:
        opinions = policy.about(action)
        # The same as `steps.spend`, inline because every decision runs this code.
        steps.left -= opinions.found_in + opinions.patterns * each_pattern
        if steps.left < 0:
            raise StepsSpent
        for statement in opinions.denials:
            audience = statement.audience
            named = audience is None or audience.denies(request.principal)
            if named and statement.speaks_of(request.resource, request.context, steps):
                return Denied(f"with an explicit deny in {_DENYING[policy.kind]}", Source(policy, statement))
    return None


def _allowance(request: AuthorizationRequest, policies: tuple[Policy, ...], steps: Steps) -> Source | None:
    for policy in policies:
        allowances = policy.about(request.action).allowances
        statement = first_of(allowances, request.resource, request.context, steps) if allowances else None
        if statement is not None:
            return Source(policy, statement)
    return None


def _resource_kind(policies: Policies) -> PolicyKind:
    return PolicyKind.REPOSITORY if policies.trust is None else PolicyKind.TRUST


_ALLOWING = {
    PolicyKind.IDENTITY: "identity-based policy",
    PolicyKind.BOUNDARY: "permissions boundary",
    PolicyKind.SESSION: "session policy",
    PolicyKind.TRUST: "role trust policy",
    PolicyKind.REPOSITORY: "resource-based policy",
    PolicyKind.REGISTRY: "resource-based policy",
    PolicyKind.RESOURCE: "resource-based policy",
    PolicyKind.SERVICE_CONTROL: "service control policy",
    PolicyKind.RESOURCE_CONTROL: "resource control policy",
}
_DENYING = {
    PolicyKind.IDENTITY: "an identity-based policy",
    PolicyKind.BOUNDARY: "a permissions boundary",
    PolicyKind.SESSION: "a session policy",
    PolicyKind.TRUST: "the role trust policy",
    PolicyKind.REPOSITORY: "a resource-based policy",
    PolicyKind.REGISTRY: "a resource-based policy",
    PolicyKind.RESOURCE: "a resource-based policy",
    PolicyKind.SERVICE_CONTROL: "a service control policy",
    PolicyKind.RESOURCE_CONTROL: "a resource control policy",
}
