"""An explanation in plain words, and as plain values for programs. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from twinport.model.letters import lower_ascii
from twinport.model.printable import printable
from twinport.policies.documents import PolicyKind
from twinport.policies.evaluate import Allowed, Denied
from twinport.policies.explanation import Explanation, FailedCondition, Fate, Heard
from twinport.policies.grants import Identity, Principal, ServicePrincipal
from twinport.policies.readings import Effect
from twinport.policies.statement_spans import spans

_MOST_NEAR_MISSES = 5
_UNSEEN = "a value that you may not see"
_ELSEWHERE = ", which --json lists"
_KINDS = {
    PolicyKind.IDENTITY: "identity-based policy",
    PolicyKind.BOUNDARY: "permissions boundary",
    PolicyKind.SESSION: "session policy",
    PolicyKind.TRUST: "trust policy of the role",
    PolicyKind.REPOSITORY: "policy of the repository",
    PolicyKind.REGISTRY: "policy of the registry",
    PolicyKind.RESOURCE: "resource-based policy",
    PolicyKind.SERVICE_CONTROL: "service control policy",
    PolicyKind.RESOURCE_CONTROL: "resource control policy",
}
_ON_RESOURCE = (PolicyKind.REPOSITORY, PolicyKind.REGISTRY, PolicyKind.TRUST, PolicyKind.RESOURCE)
_LACKING = {**_KINDS, PolicyKind.REPOSITORY: "policy of the repository or the registry"}
Naming = Callable[[Heard], str]
_MISSED = {
    Fate.OTHER_PRINCIPAL: "allows it to others",
    Fate.OTHER_RESOURCE: "allows it on other resources",
    Fate.CONDITION_FAILED: "would allow it",
}


def in_words(explanation: Explanation) -> str:
    """Say in a few lines whether the principal may do the action, and which statement decides or is missing."""
    request = explanation.request
    may = "may" if isinstance(explanation.decision, Allowed) else "may not"
    head = f"{_who(request.principal)} {may} {request.action} on {request.resource}"
    # Tenants write policies, and operators read the text on a terminal.
    return "\n".join(map(printable, [head, *(f"  {line}" for line in _lines(explanation, _placed))]))


def for_users(explanation: Explanation) -> list[str]:
    """Return the reasons for users of the account, without its organization's statements, which only operators read.

    No lines are named: an account's pages and APIs do not show policies with the lines that they are stored with.
    """
    told = without_organization(explanation)
    hidden = dict.fromkeys(each.policy.kind for each in explanation.denials if _is_of_organization(each))
    lines = [*(f"denied by a {_KINDS[kind]} of the organization" for kind in hidden), *_lines(told, _named)]
    return [printable(line.removesuffix(_ELSEWHERE)) for line in lines]


def on_resource(explanation: Explanation) -> tuple[bool, list[str]]:
    """Tell whether the resource's side lets the principal, and why, when no other side was looked at."""
    lacking = tuple(kind for kind in explanation.lacking if kind in _ON_RESOURCE)
    undecided = isinstance(explanation.decision, Denied) and explanation.decision.is_undecided
    if explanation.denials or undecided:
        return False, for_users(explanation)
    if lacking:
        return False, for_users(replace(explanation, lacking=lacking))
    return True, [printable(f"allowed by {_named(each)}") for each in explanation.allowances]


def without_organization(explanation: Explanation) -> Explanation:
    """Leave out the statements of an organization's policies."""
    return replace(explanation, heard=tuple(each for each in explanation.heard if not _is_of_organization(each)))


def compared(explanation: Explanation, prefixes: Sequence[str]) -> bool:
    """Tell whether the reasons may name the request's value of a condition key that begins with one of these."""
    return any(each.given and _begins(each, prefixes) for heard in explanation.heard for each in heard.failed)


def without_values(explanation: Explanation, prefixes: Sequence[str]) -> Explanation:
    """Leave out the request's values of the condition keys that begin with one of `prefixes`."""
    heard = tuple(
        replace(each, failed=tuple(_without_value(failed, prefixes) for failed in each.failed))
        for each in explanation.heard
    )
    return replace(explanation, heard=heard)


def _without_value(failed: FailedCondition, prefixes: Sequence[str]) -> FailedCondition:
    return replace(failed, given=(_UNSEEN,)) if failed.given and _begins(failed, prefixes) else failed


def _begins(failed: FailedCondition, prefixes: Sequence[str]) -> bool:
    return lower_ascii(failed.key).startswith(tuple(prefixes))


def _is_of_organization(heard: Heard) -> bool:
    return heard.policy.kind in (PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL)


def in_values(explanation: Explanation) -> dict[str, object]:
    """Return the same for programs. docs/how-to/why.md describes the members."""
    request, decision = explanation.request, explanation.decision
    return {
        "allowed": isinstance(decision, Allowed),
        "reason": decision.reason if isinstance(decision, Denied) else None,
        "principal": _who(request.principal),
        "action": request.action,
        "resource": request.resource,
        "crossesBorder": request.crosses_border,
        "decidedBy": _decisive(explanation),
        "lacking": [{"kind": kind.value, "side": _side(kind, explanation)} for kind in explanation.lacking],
        "statements": [_values(each, explanation) for each in explanation.heard if each.fate is not Fate.OTHER_ACTION],
        "missingContextKeys": list(explanation.missing_keys),
        "context": {key: list(values) for key, values in sorted(request.context.items())},
    }


def _lines(explanation: Explanation, named: Naming) -> Iterator[str]:
    match explanation.decision:
        case Allowed(by=None):
            yield "the root of an account may do everything in it that nothing denies"
        case Allowed():
            yield from (f"allowed by {named(each)}" for each in _deciding(explanation, Effect.ALLOW))
        case Denied(is_undecided=True, reason=reason):
            yield reason
        case Denied(by=None):
            yield from _wanting(explanation, named)
        case Denied():
            yield from (f"denied by {named(each)}{_doubts(each.doubts)}" for each in explanation.denials)
    if explanation.is_partial:
        yield "there are more statements than are looked at, and the rest is not explained"


def _deciding(explanation: Explanation, effect: Effect) -> list[Heard]:
    return [each for each in explanation.heard if each.has(effect)]


def _wanting(explanation: Explanation, named: Naming) -> Iterator[str]:
    for kind in explanation.lacking:
        yield f"no {_LACKING[kind]} allows it, in {_side(kind, explanation)}"
    yield from (f"but there is an allowance: {named(each)}" for each in _deciding(explanation, Effect.ALLOW))
    for each in explanation.near_misses[:_MOST_NEAR_MISSES]:
        yield f"{named(each)} {_MISSED[each.fate]}{_doubts(each.doubts)}{_conditions(each)}"
    left = len(explanation.near_misses) - _MOST_NEAR_MISSES
    if left > 0:
        yield f"and {left} more{_ELSEWHERE}"


def _conditions(heard: Heard) -> str:
    if not heard.failed:
        return ""
    return (", but " if heard.fate is Fate.CONDITION_FAILED else "; besides, ") + "; ".join(map(_failed, heard.failed))


def _failed(failed: FailedCondition) -> str:
    wanted = f"{failed.operator} {failed.key} {' or '.join(failed.wanted)}"
    if failed.doubts:
        return f"{' and '.join(failed.doubts)} ({wanted})"
    if failed.is_missing:
        return f"the request has no {failed.key} ({wanted})"
    return f"{failed.key} is {' and '.join(failed.given)} ({wanted})"


def _doubts(doubts: tuple[str, ...]) -> str:
    return f" ({'; '.join(doubts)})" if doubts else ""


def _named(heard: Heard) -> str:
    statement = heard.statement
    name = f"statement '{statement.sid}'" if statement.sid else f"statement {statement.index + 1}"
    policy = f"{_KINDS[heard.policy.kind]} '{heard.policy.name}'" if heard.policy.name else _KINDS[heard.policy.kind]
    return f"{name} of the {policy}"


def _placed(heard: Heard) -> str:
    """Name a statement with its place in the stored text, which operators read."""
    at = spans(heard.policy.text)[heard.statement.index].begin
    return f"{_named(heard)}, line {at.line} column {at.column}"


def _side(kind: PolicyKind, explanation: Explanation) -> str:
    """Say to which side of the account border a kind of policy belongs, with the account."""
    principal, owner = explanation.request.principal, explanation.request.account
    if kind is PolicyKind.SERVICE_CONTROL:
        return "the organization of the caller's account"
    if kind is PolicyKind.RESOURCE_CONTROL:
        return f"the organization of the resource's account {owner}"
    if not isinstance(principal, Identity) or (kind in _ON_RESOURCE and explanation.request.crosses_border):
        return f"the resource's account {owner}"
    side = "the caller's account" if explanation.request.crosses_border else "the account"
    return f"{side} {principal.account}"


def _values(heard: Heard, explanation: Explanation) -> dict[str, object]:
    at = spans(heard.policy.text)[heard.statement.index].begin
    return {
        "policy": heard.policy.name or None,
        "kind": heard.policy.kind.value,
        "side": _side(heard.policy.kind, explanation),
        "sid": heard.statement.sid,
        "statement": heard.statement.index + 1,
        "line": at.line,
        "column": at.column,
        "effect": heard.statement.effect.value,
        "fate": heard.fate.value,
        "failed": [_failed_values(each) for each in heard.failed],
        "doubts": list(heard.doubts),
    }


def _failed_values(failed: FailedCondition) -> dict[str, object]:
    return {
        "operator": failed.operator,
        "key": failed.key,
        "wanted": list(failed.wanted),
        "given": list(failed.given),
        "doubts": list(failed.doubts),
    }


def _decisive(explanation: Explanation) -> dict[str, object] | None:
    by = explanation.decision.by
    for each in explanation.heard:
        if by is not None and each.policy is by.policy and each.statement is by.statement:
            return _values(each, explanation)
    return None


def _who(principal: Principal) -> str:
    match principal:
        case Identity(caller_arn=arn):
            return arn
        case ServicePrincipal(name):
            return name
        case _:
            return principal.provider
