"""An explanation agrees with the decision, and names what is true."""

from collections.abc import Iterable

import pytest
from hypothesis import assume, given

from tests.policies import cases
from tests.policies.situations import SITUATIONS, Case
from twinport.policies.documents import PolicyKind
from twinport.policies.evaluate import Allowed, Denied
from twinport.policies.explanation import Explanation, Fate, Heard, explain
from twinport.policies.readings import Effect

CASES = cases.load()
BY_NAME = {case.name: case for case in CASES}


def agrees(explanation: Explanation) -> bool:
    """Tell whether what was heard gives the same answer as the decision, by the same statement or for the same lack."""
    match explanation.decision:
        case Allowed(by=None):
            return not explanation.denials and not explanation.lacking
        case Allowed(by=by):
            return not explanation.denials and not explanation.lacking and _is_among(by, explanation.allowances)
        case Denied(by=None, lacking=lacking):
            return not explanation.denials and lacking in explanation.lacking
        case Denied(by=by):
            return _is_among(by, explanation.denials)


def _is_among(source: object, heard: Iterable[Heard]) -> bool:
    found = [(each.policy, each.statement) for each in heard]
    return (getattr(source, "policy", None), getattr(source, "statement", None)) in found


@pytest.mark.slow
@given(SITUATIONS)
def test_explanation_and_decision_agree(case: Case) -> None:
    explanation = explain(case.request, case.policies)
    assert agrees(explanation)
    assert isinstance(explanation.decision, Allowed) is case.is_allowed


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_explanation_and_decision_agree_in_every_case(case: cases.Case) -> None:
    assert agrees(explain(case.request, case.policies))


@given(SITUATIONS)
def test_where_an_allow_is_lacking_the_answer_is_no(case: Case) -> None:
    explanation = explain(case.request, case.policies)
    assume(explanation.lacking)
    assert isinstance(explanation.decision, Denied)


@given(SITUATIONS)
def test_every_statement_of_every_policy_is_heard(case: Case) -> None:
    explanation = explain(case.request, case.policies)
    assert len(explanation.heard) == sum(len(policy.statements) for policy in case.policies.every)
    assert all(each.failed for each in explanation.heard if each.fate is Fate.CONDITION_FAILED)


def explained(name: str) -> Explanation:
    case = BY_NAME[name]
    return explain(case.request, case.policies)


def test_both_sides_of_a_border_are_named_when_both_are_silent() -> None:
    case = BY_NAME["across: naming another account does not"]
    assert explain(case.request, case.policies).lacking == (PolicyKind.REPOSITORY,)
    silent = cases.silent(case)
    assert explain(silent.request, silent.policies).lacking == (PolicyKind.REPOSITORY, PolicyKind.IDENTITY)


def test_a_condition_that_fails_says_which_key_was_asked_for() -> None:
    explanation = explained("trust: a claim that is missing is not taken for granted")
    (heard,) = explanation.near_misses
    (failed,) = heard.failed
    assert (failed.key, failed.is_missing) == ("token.actions.githubusercontent.com:sub", True)
    assert explanation.missing_keys == ("token.actions.githubusercontent.com:sub",)
    assert failed.wanted == ("repo:team/api:*",)


def test_a_denial_is_named_with_its_policy() -> None:
    (heard,) = explained("organization: a deny of any level wins").denials
    assert (heard.policy.kind, heard.statement.effect) == (PolicyKind.SERVICE_CONTROL, Effect.DENY)
