"""What the evaluator would say, and by which statements: the answer of IAM's policy simulator. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from twinport.access import context_keys
from twinport.access.evaluate import Allowed, Denied, Policies, Question, too_long
from twinport.access.explanation import Explanation, explain
from twinport.access.policy import Policy, PolicyKind
from twinport.access.readings import Effect
from twinport.access.statement_spans import Span, spans
from twinport.letters import lower_ascii
from twinport.refusals.identities import PolicyNotEvaluated

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "allowed", "explicitDeny", "implicitDeny"
_IAM_POLICY, _RESOURCE_POLICY = "IAM Policy", "Resource Policy"
_OF_RESOURCES = (PolicyKind.RESOURCE, PolicyKind.REPOSITORY, PolicyKind.REGISTRY, PolicyKind.TRUST)
# The simulator knows no trust policies: a resource policy has no say about assuming roles (as in AWS).
_ASSUMING = "sts:assume"


@dataclass(frozen=True, slots=True)
class Matched:
    """A statement that decided, of which policy, of which type, and where it stands in its text."""

    policy_id: str
    policy_type: str
    span: Span


@dataclass(frozen=True, slots=True)
class Simulated:
    """What is said about one action and one resource.

    `by_organization` and `by_boundary` are absent where there is neither; `details` tell of each side of a border, are
    empty within one account, and absent where the organization ended the matter or every resource was meant.
    """

    action: str
    resource: str
    decision: str
    matched: tuple[Matched, ...]
    missing: tuple[str, ...]
    by_organization: bool | None
    by_boundary: bool | None
    details: Mapping[str, str] | None


def simulate(question: Question, policies: Policies) -> Simulated:
    """Answer as AWS's simulator does; the decision is the evaluator's own.

    A key whose value is too long to be compared is missing. Raises PolicyNotEvaluated when the evaluator gives up.
    """
    if lower_ascii(question.action).startswith(_ASSUMING):
        policies = replace(policies, resource=())
    explanation = explain(question, policies)
    if isinstance(explanation.decision, Denied) and explanation.decision.is_undecided:
        raise PolicyNotEvaluated(question.action, question.resource, explanation.decision.reason)
    told = (*policies.identity, *policies.resource)
    given = {key for key, values in question.context.items() if values} - {*too_long(question.context)}
    missing = [key for key in context_keys.asked_about(question.action, told) if lower_ascii(key) not in given]
    return Simulated(
        action=question.action,
        resource=question.resource,
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
    """Name the statements that decided, of identity and resource policies alone."""
    is_allowed = isinstance(explanation.decision, Allowed)
    for each in explanation.allowances if is_allowed else explanation.denials:
        if each.policy.kind is PolicyKind.IDENTITY or each.policy.kind in _OF_RESOURCES:
            is_iam = each.policy.kind is PolicyKind.IDENTITY
            source = _IAM_POLICY if is_iam else _RESOURCE_POLICY
            yield Matched(each.policy.name.rpartition("/")[2], source, spans(each.policy.text)[each.statement.index])


def _details(explanation: Explanation) -> Mapping[str, str] | None:
    if explanation.question.resource == "*" and not explanation.question.crosses_border:
        return None
    if not _is_let_by_organization(explanation):
        return None
    if not explanation.question.crosses_border:
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
    """Return what some policies say by themselves."""
    of_them = [each for each in explanation.heard if each.policy in policies]
    if any(each.has(Effect.DENY) for each in of_them):
        return EXPLICIT_DENY
    return ALLOWED if any(each.has(Effect.ALLOW) for each in of_them) else IMPLICIT_DENY
