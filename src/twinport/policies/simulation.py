"""The answer of IAM's policy simulator: the evaluator's decision, and the statements behind it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from twinport.model.letters import lower_ascii
from twinport.policies import context_keys
from twinport.policies.documents import Policy, PolicyKind
from twinport.policies.evaluate import Allowed, AuthorizationRequest, Denied, Policies, too_long
from twinport.policies.explanation import Explanation, explain
from twinport.policies.readings import Effect
from twinport.policies.statement_spans import Span, spans
from twinport.refusals.identities import PolicyNotEvaluated

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "allowed", "explicitDeny", "implicitDeny"
_IAM_POLICY, _RESOURCE_POLICY = "IAM Policy", "Resource Policy"
_OF_RESOURCES = (PolicyKind.RESOURCE, PolicyKind.REPOSITORY, PolicyKind.REGISTRY, PolicyKind.TRUST)
# The simulator knows no trust policies: a resource policy does not apply to assuming roles (as in AWS).
_ASSUMING = "sts:assume"


@dataclass(frozen=True, slots=True)
class Matched:
    """A statement that decided: its policy, the policy's type, and its position in the text."""

    policy_id: str
    policy_type: str
    span: Span


@dataclass(frozen=True, slots=True)
class Simulated:
    """The result for one action and one resource.

    `by_organization` and `by_boundary` are absent without an organization or a boundary. `details` has the result of
    each side of an account border. It is empty within one account. It is absent if the organization denied the request
    or if the simulation was for all resources.
    """

    action: str
    resource: str
    decision: str
    matched: tuple[Matched, ...]
    missing: tuple[str, ...]
    by_organization: bool | None
    by_boundary: bool | None
    details: Mapping[str, str] | None


def simulate(request: AuthorizationRequest, policies: Policies) -> Simulated:
    """Answer as AWS's simulator does. The decision is the evaluator's own.

    A key whose value is too long to compare counts as missing. Raises PolicyNotEvaluated when the evaluator gives up.
    """
    if lower_ascii(request.action).startswith(_ASSUMING):
        policies = replace(policies, resource=())
    explanation = explain(request, policies)
    if isinstance(explanation.decision, Denied) and explanation.decision.is_undecided:
        raise PolicyNotEvaluated(request.action, request.resource, explanation.decision.reason)
    told = (*policies.identity, *policies.resource)
    given = {key for key, values in request.context.items() if values} - {*too_long(request.context)}
    missing = [key for key in context_keys.asked_about(request.action, told) if lower_ascii(key) not in given]
    return Simulated(
        action=request.action,
        resource=request.resource,
        decision=_decision(explanation),
        matched=tuple(_matched(explanation)),
        missing=tuple(missing),
        by_organization=_is_let_by_organization(explanation) if policies.service_control else None,
        by_boundary=None if policies.boundary is None else _verdict(explanation, (policies.boundary,)) == ALLOWED,
        details=_details(explanation),
    )


def _decision(explanation: Explanation) -> str:
    match explanation.decision:
        case Allowed():
            return ALLOWED
        case Denied(by=None):
            return IMPLICIT_DENY
        case Denied():
            return EXPLICIT_DENY


def _matched(explanation: Explanation) -> Iterable[Matched]:
    """Return the statements that decided, from identity and resource policies alone."""
    is_allowed = isinstance(explanation.decision, Allowed)
    for each in explanation.allowances if is_allowed else explanation.denials:
        if each.policy.kind is PolicyKind.IDENTITY or each.policy.kind in _OF_RESOURCES:
            is_iam = each.policy.kind is PolicyKind.IDENTITY
            source = _IAM_POLICY if is_iam else _RESOURCE_POLICY
            yield Matched(each.policy.name.rpartition("/")[2], source, spans(each.policy.text)[each.statement.index])


def _details(explanation: Explanation) -> Mapping[str, str] | None:
    if explanation.request.resource == "*" and not explanation.request.crosses_border:
        return None
    if not _is_let_by_organization(explanation):
        return None
    if not explanation.request.crosses_border:
        return {}
    policies = explanation.policies
    return {
        _IAM_POLICY: _verdict(explanation, policies.identity),
        _RESOURCE_POLICY: _verdict(explanation, policies.on_resource),
    }


def _is_let_by_organization(explanation: Explanation) -> bool:
    denies = any(each.policy.kind is PolicyKind.SERVICE_CONTROL for each in explanation.denials)
    return not denies and PolicyKind.SERVICE_CONTROL not in explanation.lacking


def _verdict(explanation: Explanation, policies: tuple[Policy, ...]) -> str:
    """Return the decision of some policies by themselves."""
    of_them = [each for each in explanation.heard if each.policy in policies]
    if any(each.has(Effect.DENY) for each in of_them):
        return EXPLICIT_DENY
    return ALLOWED if any(each.has(Effect.ALLOW) for each in of_them) else IMPLICIT_DENY
