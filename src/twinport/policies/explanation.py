"""Explains a decision: the fate of every statement, and everything that was missing. Pure.

The gate does none of this work for a request. An explanation uses the same question and the same policies, and agrees
with the decision (tests/policies/test_explanation.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from twinport.model.identities import PrincipalKind
from twinport.model.letters import lower_ascii
from twinport.policies.conditions import Comparison, Condition, is_of_tag
from twinport.policies.documents import Policy, PolicyKind, Statement
from twinport.policies.evaluate import AuthorizationRequest, Decision, Denied, Policies, decide
from twinport.policies.grants import Grant, Identity
from twinport.policies.readings import Effect
from twinport.policies.steps import LONGEST_VALUE, MOST_STEPS, Steps, StepsSpent, rate
from twinport.policies.wildcards import RequestContext, Unbound, Variable

# The cost of explaining a statement about the action, in steps, in addition to comparing it.
_HEARING = 8


class Fate(Enum):
    """Whether a statement applied to the request, and if not, why."""

    MATCHED = "matched"
    OTHER_ACTION = "other action"
    OTHER_PRINCIPAL = "other principal"
    OTHER_RESOURCE = "other resource"
    CONDITION_FAILED = "condition failed"
    NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True, slots=True)
class FailedCondition:
    """A condition that did not hold. Without values in `given`, the request had no such key.

    `doubts` say why no comparison was made: values that are too long, variables without a value.
    """

    operator: str
    key: str
    wanted: tuple[str, ...]
    given: tuple[str, ...]
    doubts: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        return not self.given


@dataclass(frozen=True, slots=True)
class Heard:
    """One statement and its fate. `grant` is how it names the caller, if it is on the resource's side.

    `doubts` say what could not be compared in its resources and in the conditions that hold.
    """

    policy: Policy
    statement: Statement
    fate: Fate
    grant: Grant | None = None
    failed: tuple[FailedCondition, ...] = ()
    doubts: tuple[str, ...] = ()

    def has(self, effect: Effect) -> bool:
        return self.fate is Fate.MATCHED and self.statement.effect is effect


@dataclass(frozen=True, slots=True)
class Explanation:
    """`lacking` are the kinds of policies that had to allow and did not, on each side and among the limits."""

    request: AuthorizationRequest
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
        """Allow statements of the action that name another principal or resource, or whose conditions do not hold."""
        nothing_missed = (Fate.MATCHED, Fate.OTHER_ACTION, Fate.NOT_LOOKED_AT)
        return tuple(
            each for each in self.heard if each.statement.effect is Effect.ALLOW and each.fate not in nothing_missed
        )

    @property
    def is_partial(self) -> bool:
        """Tell whether the explanation stopped before it reached every statement."""
        return any(each.fate is Fate.NOT_LOOKED_AT for each in self.heard)

    @property
    def missing_keys(self) -> tuple[str, ...]:
        """The condition keys that a statement about the action uses and the request does not have."""
        keys = {each.key for heard in self.heard for each in heard.failed if each.is_missing}
        return tuple(sorted(keys))


def explain(request: AuthorizationRequest, policies: Policies, most_steps: int = MOST_STEPS) -> Explanation:
    """Decide, and examine every statement of every policy, within the steps of one more decision.

    If the question stays undecided, no statement is examined.
    """
    decision = decide(request, policies, most_steps)
    is_undecided = isinstance(decision, Denied) and decision.is_undecided
    hearing = _Hearing(request, Steps(-1 if is_undecided else most_steps))
    heard = tuple(hearing.hear(policy, each) for policy in policies.every for each in policy.statements)
    lacking = () if is_undecided else tuple(_lacking(request, policies, heard))
    return Explanation(request, policies, decision, heard, lacking)


@dataclass(frozen=True, slots=True)
class _Hearing:
    """Examines statements until the steps are spent."""

    request: AuthorizationRequest
    steps: Steps

    def hear(self, policy: Policy, statement: Statement) -> Heard:
        if self.steps.left < 0:
            return Heard(policy, statement, Fate.NOT_LOOKED_AT)
        try:
            self.steps.spend(1)
            return self._heard(policy, statement)
        except StepsSpent:
            return Heard(policy, statement, Fate.NOT_LOOKED_AT)

    def _heard(self, policy: Policy, statement: Statement) -> Heard:
        request, context = self.request, self.request.context
        if not statement.actions.covers(lower_ascii(request.action), {}, self.steps):
            return Heard(policy, statement, Fate.OTHER_ACTION)
        self.steps.spend(_HEARING + statement.patterns * rate(len(request.resource)))
        grant = statement.audience.allows(request.principal) if statement.audience else None
        failed, held = self._tried(statement)
        failures = tuple(_failed(each, context) for each in failed)
        if not _addresses(statement, request):
            return Heard(policy, statement, Fate.OTHER_PRINCIPAL, failed=failures)
        doubts = tuple(_doubts_of_statement(statement, held, context))
        if not statement.covers(request.resource, context, self.steps):
            return Heard(policy, statement, Fate.OTHER_RESOURCE, grant, failures, doubts)
        fate = Fate.CONDITION_FAILED if failures else Fate.MATCHED
        return Heard(policy, statement, fate, grant, failures, doubts)

    def _tried(self, statement: Statement) -> tuple[list[Condition], list[Condition]]:
        """Return the conditions that do not hold, and the conditions that do."""
        failed: list[Condition] = []
        held: list[Condition] = []
        for each in statement.conditions:
            (held if each.holds(self.request.context, self.steps) else failed).append(each)
        return failed, held


def _addresses(statement: Statement, request: AuthorizationRequest) -> bool:
    audience = statement.audience
    if audience is None:
        return True
    if statement.effect is Effect.DENY:
        return audience.denies(request.principal)
    return audience.allows(request.principal) is not None


def _failed(condition: Condition, context: RequestContext) -> FailedCondition:
    given = context.get(condition.key, ())
    doubts = tuple(_doubts(condition, context))
    return FailedCondition(condition.operator, condition.spelled, condition.wanted, given, doubts)


def _doubts_of_statement(statement: Statement, held: Iterable[Condition], context: RequestContext) -> Iterator[str]:
    patterns = () if statement.resources is None else statement.resources.patterns
    yield from _doubts_of_variables((variable for each in patterns for variable in each.variables), context)
    for condition in held:
        yield from _doubts(condition, context)


def _doubts(condition: Condition, context: RequestContext) -> Iterator[str]:
    """Yield what could not be compared. The operator Null reads no value."""
    if isinstance(condition, Comparison):
        values = context.get(condition.key, ())
        if len(values) > 1 and is_of_tag(condition.key):
            yield f"{condition.spelled} is the key of {len(values)} tags that differ in case alone"
        for value in values:
            if len(value) > LONGEST_VALUE:
                yield f"{condition.spelled} has {len(value)} characters and conditions read at most {LONGEST_VALUE}"
        yield from _doubts_of_variables(condition.variables, context)


def _doubts_of_variables(variables: Iterable[Variable], context: RequestContext) -> Iterator[str]:
    for variable in variables:
        if isinstance(why := variable.value(context), Unbound):
            yield f"the variable ${{{variable.key}}} {why.value}"


def _lacking(request: AuthorizationRequest, policies: Policies, heard: tuple[Heard, ...]) -> Iterator[PolicyKind]:
    """Yield the kinds of policies that had to allow and did not, from the statements and not from the decision."""
    allowing = [each for each in heard if each.has(Effect.ALLOW)]
    if not all(_is_among(allowing, level) for level in policies.service_control):
        yield PolicyKind.SERVICE_CONTROL
    kind = PolicyKind.REPOSITORY if policies.trust is None else PolicyKind.TRUST
    grant = max((each.grant for each in allowing if each.grant and each.policy in policies.on_resource), default=None)
    principal = request.principal
    if not isinstance(principal, Identity):
        if grant is None:
            yield kind
        return
    if grant is None and (request.crosses_border or policies.trust is not None):
        yield kind
        if not request.crosses_border:
            return
    yield from _own_lacking(principal, request, policies, allowing, grant)


def _own_lacking(
    principal: Identity, request: AuthorizationRequest, policies: Policies, allowing: list[Heard], grant: Grant | None
) -> Iterator[PolicyKind]:
    own_side = request.crosses_border or grant in (None, Grant.ACCOUNT)
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
