"""Why a decision was what it was: every statement with what became of it, and everything that was missing. Pure.

Nothing of this is worked out when requests are decided. An explanation is made from the same question and the same
policies, and agrees with the decision (tests/access/test_explanation.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from twinport.access.conditions import Condition
from twinport.access.evaluate import Decision, Policies, Question, decide
from twinport.access.grants import Grant, Identity
from twinport.access.policy import Effect, Policy, PolicyKind, Statement
from twinport.access.wildcards import RequestContext
from twinport.model.identities import PrincipalKind


class Fate(Enum):
    """Why a statement did not speak of the request, or that it did."""

    MATCHED = "matched"
    OTHER_ACTION = "other action"
    OTHER_PRINCIPAL = "other principal"
    OTHER_RESOURCE = "other resource"
    CONDITION_FAILED = "condition failed"


@dataclass(frozen=True, slots=True)
class FailedCondition:
    """A condition that did not hold. Without values in `given` the request had no such key."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    given: tuple[str, ...]

    @property
    def is_missing(self) -> bool:
        return not self.given


@dataclass(frozen=True, slots=True)
class Heard:
    """One statement and what became of it. `grant` is how it names the caller, if it stands on the resource's side."""

    policy: Policy
    statement: Statement
    fate: Fate
    grant: Grant | None = None
    failed: tuple[FailedCondition, ...] = ()

    def has(self, effect: Effect) -> bool:
        return self.fate is Fate.MATCHED and self.statement.effect is effect


@dataclass(frozen=True, slots=True)
class Explanation:
    """`lacking` are the kinds of policies that would have had to allow and did not: of each side, and of each limit."""

    question: Question
    policies: Policies
    decision: Decision
    heard: tuple[Heard, ...]
    lacking: tuple[PolicyKind, ...]

    @property
    def denials(self) -> tuple[Heard, ...]:
        return tuple(each for each in self.heard if each.has(Effect.DENY))

    @property
    def allowances(self) -> tuple[Heard, ...]:
        return tuple(each for each in self.heard if each.has(Effect.ALLOW))

    @property
    def near_misses(self) -> tuple[Heard, ...]:
        """Statements of the action that allow, but for somebody else, something else, or on a condition."""
        nothing_missed = (Fate.MATCHED, Fate.OTHER_ACTION)
        return tuple(
            each for each in self.heard if each.statement.effect is Effect.ALLOW and each.fate not in nothing_missed
        )

    @property
    def missing_keys(self) -> tuple[str, ...]:
        """The condition keys that some statement about the action asks for and the request does not have."""
        keys = {each.key for heard in self.heard for each in heard.failed if each.is_missing}
        return tuple(sorted(keys))


def explain(question: Question, policies: Policies) -> Explanation:
    """Decide, and hear every statement of every policy."""
    heard = tuple(_hear(question, policy, each) for policy in policies.every for each in policy.statements)
    lacking = tuple(_lacking(question, policies, heard))
    return Explanation(question, policies, decide(question, policies), heard, lacking)


def _hear(question: Question, policy: Policy, statement: Statement) -> Heard:
    context = question.context
    grant = statement.audience.allows(question.principal) if statement.audience else None
    if not statement.actions.covers(question.action.lower(), {}):
        return Heard(policy, statement, Fate.OTHER_ACTION)
    failed = tuple(_failed(each, context) for each in statement.conditions if not each.holds(context))
    if not _addresses(statement, question):
        return Heard(policy, statement, Fate.OTHER_PRINCIPAL, failed=failed)
    if not statement.covers(question.resource, context):
        return Heard(policy, statement, Fate.OTHER_RESOURCE, grant, failed)
    return Heard(policy, statement, Fate.CONDITION_FAILED if failed else Fate.MATCHED, grant, failed)


def _addresses(statement: Statement, question: Question) -> bool:
    audience = statement.audience
    if audience is None:
        return True
    if statement.effect is Effect.DENY:
        return audience.denies(question.principal)
    return audience.allows(question.principal) is not None


def _failed(condition: Condition, context: RequestContext) -> FailedCondition:
    return FailedCondition(condition.operator, condition.spelt, condition.wanted, context.get(condition.key, ()))


def _lacking(question: Question, policies: Policies, heard: tuple[Heard, ...]) -> Iterator[PolicyKind]:
    """Say who did not allow and had to: worked out from the statements, not from the decision."""
    allowing = [each for each in heard if each.has(Effect.ALLOW)]
    if not all(_is_among(allowing, level) for level in policies.service_control):
        yield PolicyKind.SERVICE_CONTROL
    kind = PolicyKind.REPOSITORY if policies.trust is None else PolicyKind.TRUST
    grant = max((each.grant for each in allowing if each.grant and each.policy in policies.on_resource), default=None)
    principal = question.principal
    if not isinstance(principal, Identity):
        if grant is None:
            yield kind
        return
    if grant is None and (question.crosses_border or policies.trust is not None):
        yield kind
        if not question.crosses_border:
            return
    yield from _own_lacking(principal, question, policies, allowing, grant)


def _own_lacking(
    principal: Identity, question: Question, policies: Policies, allowing: list[Heard], grant: Grant | None
) -> Iterator[PolicyKind]:
    own_side = question.crosses_border or grant in (None, Grant.ACCOUNT)
    if not own_side and grant is Grant.CALLER:
        return
    if own_side and principal.kind is not PrincipalKind.ROOT and not _is_among(allowing, policies.identity):
        yield PolicyKind.IDENTITY
    if policies.boundary is not None and not _is_among(allowing, (policies.boundary,)):
        yield PolicyKind.BOUNDARY
    if policies.session is not None and not _is_among(allowing, policies.session):
        yield PolicyKind.SESSION


def _is_among(allowing: list[Heard], policies: Iterable[Policy]) -> bool:
    chosen = tuple(policies)
    return any(each.policy in chosen for each in allowing)
