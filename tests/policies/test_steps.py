"""A decision takes a bounded number of steps, and compares no value that is too long: doubt never grants."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import fakes
from tests.policies import cases
from tests.policies.situations import SITUATIONS, Case
from twinport.policies.documents import PolicyKind, parse
from twinport.policies.evaluate import Allowed, AuthorizationRequest, Denied, Policies, decide
from twinport.policies.explanation import Fate, explain
from twinport.policies.reasons import in_values, in_words
from twinport.policies.steps import LONGEST_VALUE, MOST_STEPS

Statement = dict[str, object]
ALLOW_ALL: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
API = f"arn:aws:ecr:eu-west-1:{fakes.ACCOUNT}:repository/team/api"
LONG = "9" * (LONGEST_VALUE + 1)
# Each operator with a value that it can have.
OPERATORS = {
    **dict.fromkeys(["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"], "9"),
    **dict.fromkeys(["StringLike", "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan"], "9"),
    **dict.fromkeys(["NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"], "9"),
    **dict.fromkeys(["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan"], "2026"),
    **dict.fromkeys(["DateGreaterThanEquals"], "2026"),
    **dict.fromkeys(["IpAddress", "NotIpAddress"], "10.0.0.0/8"),
    **dict.fromkeys(["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"], "arn:aws:s3:::*"),
    "Bool": "true",
    "BinaryEquals": "OTk5",
}
SPELLED = [f"{set_of}{name}{if_exists}" for set_of in ("", "ForAllValues:", "ForAnyValue:")
         for name in OPERATORS for if_exists in ("", "IfExists")]  # fmt: skip
HOSTILE = {
    "question marks": {"StringLike": {"aws:UserAgent": ["*" + "a?" * 200 + "b*"] * 200}},
    "stars": {"StringLike": {"aws:UserAgent": ["*a" * 200 + "*b*"] * 200}},
    "long texts": {"StringNotLike": {"aws:UserAgent": ["*" + "a" * 200 + "b" + "a" * 200 + "*"] * 200}},
    "variables": {"StringLike": {"aws:UserAgent": ["*${aws:UserAgent}?b"] * 2_000}},
    "arns": {"ArnLike": {"aws:UserAgent": ["*a?:*a:a:*:*:*a?b"] * 2_000}},
    "ignored case": {"StringEqualsIgnoreCase": {"aws:UserAgent": ["b"] * 8_000}},
    "networks": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8"] * 8_000}},
    "many values": {"ForAllValues:StringEquals": {"aws:TagKeys": ["b"] * 50 + ["a"]}},
    "many values of a set": {"ForAnyValue:StringLike": {"aws:TagKeys": ["*a?b*"] * 50}},
}


def asked(context: dict[str, tuple[str, ...]], resource: str = API) -> AuthorizationRequest:
    return AuthorizationRequest(cases.WHO["alice"], "ecr:PutImage", resource, fakes.ACCOUNT, context)


def holding(*statements: Statement) -> Policies:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return Policies(identity=(parse(text, PolicyKind.IDENTITY),))


def condition(spelled: str, key: str) -> Statement:
    name = spelled.rpartition(":")[2].removesuffix("IfExists")
    return {"Condition": {spelled: {key: OPERATORS[name]}}}


@pytest.mark.parametrize("spelled", SPELLED)
@pytest.mark.parametrize("values", [(LONG,), ("9", LONG), (LONG, "10.0.0.1")], ids=["alone", "second", "first"])
def test_no_allow_applies_whose_condition_would_have_to_read_a_longer_value(
    spelled: str, values: tuple[str, ...]
) -> None:
    policies = holding({**ALLOW_ALL, **condition(spelled, "aws:UserAgent")})
    assert isinstance(decide(asked({"aws:useragent": values}), policies), Denied)


@pytest.mark.parametrize("spelled", SPELLED)
@pytest.mark.parametrize("values", [(LONG,), ("9", LONG), (LONG, "10.0.0.1")], ids=["alone", "second", "first"])
def test_every_deny_applies_whose_condition_would_have_to_read_a_longer_value(
    spelled: str, values: tuple[str, ...]
) -> None:
    policies = holding(ALLOW_ALL, {**ALLOW_ALL, "Effect": "Deny", **condition(spelled, "aws:UserAgent")})
    decision = decide(asked({"aws:useragent": values}), policies)
    assert isinstance(decision, Denied)
    assert decision.by is not None


@given(st.text("ab*?", max_size=5), st.integers(LONGEST_VALUE - 2, LONGEST_VALUE + 2))
def test_a_longer_value_is_never_taken_for_its_beginning(begin: str, length: int) -> None:
    value = begin.ljust(length, "a")
    allowing: Statement = {**ALLOW_ALL, "Condition": {"StringEquals": {"aws:UserAgent": value[:LONGEST_VALUE]}}}
    is_allowed = isinstance(decide(asked({"aws:useragent": (value,)}), holding(allowing)), Allowed)
    assert is_allowed is (length <= LONGEST_VALUE)


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_decision_that_takes_too_many_steps_is_a_denial_that_says_so(name: str, effect: str) -> None:
    context = {"aws:useragent": ("a" * LONGEST_VALUE,), "aws:sourceip": ("192.0.2.1",), "aws:tagkeys": ("a",) * 5_000}
    hostile = {**ALLOW_ALL, "Effect": effect, "Condition": HOSTILE[name]}
    # An Allow that is met first spares the rest its steps, so the hostile one stands alone there.
    decision = decide(asked(context), holding(ALLOW_ALL, hostile) if effect == "Deny" else holding(hostile))
    assert decision == Denied(
        f"because the policies take more than {MOST_STEPS} steps to compare with the request", is_undecided=True
    )


def test_statements_without_number_are_a_denial_that_says_so() -> None:
    narrow: Statement = {**ALLOW_ALL, "Resource": "arn:aws:ecr:*:111122223333:repository/team0/*"}
    decision = decide(asked({}), Policies(identity=holding(*[narrow] * 500).identity * 40))
    assert isinstance(decision, Denied)
    assert decision.is_undecided


def test_two_thousand_statements_of_one_resource_each_are_decided() -> None:
    narrow: Statement = {**ALLOW_ALL, "Resource": "arn:aws:ecr:*:111122223333:repository/team0/*"}
    policies = Policies(identity=holding(*[narrow] * 500).identity * 4 + holding(ALLOW_ALL).identity)
    assert isinstance(decide(asked({}), policies), Allowed)


def test_two_hundred_networks_in_each_of_ten_statements_are_decided() -> None:
    networks = [f"198.51.{number}.0/24" for number in range(200)]
    office: Statement = {**ALLOW_ALL, "Condition": {"IpAddress": {"aws:SourceIp": networks}}}
    decision = decide(asked({"aws:sourceip": ("192.0.2.1",)}), holding(*[office] * 10, ALLOW_ALL))
    assert isinstance(decision, Allowed)


def test_what_was_worked_out_before_takes_its_steps_again() -> None:
    hostile = [f"ecr:*{'a?' * 50}{number}*" for number in range(300)]
    policies = holding({**ALLOW_ALL, "Action": hostile}, ALLOW_ALL)
    request = replace(asked({}), action=f"ecr:{'a' * 124}")
    first = [decide(request, policies, most) for most in (100, 1_000, 10_000)]
    assert first == [decide(request, policies, most) for most in (100, 1_000, 10_000)]
    assert isinstance(first[0], Denied)


@given(SITUATIONS, st.integers(0, 60))
def test_fewer_steps_never_grant(case: Case, most_steps: int) -> None:
    if isinstance(decide(case.request, case.policies, most_steps), Allowed):
        assert case.is_allowed


def test_an_explanation_says_that_nothing_was_decided() -> None:
    policies = holding({**ALLOW_ALL, "Condition": HOSTILE["question marks"]})
    explanation = explain(asked({"aws:useragent": ("a" * LONGEST_VALUE,)}), policies)
    assert [each.fate for each in explanation.heard] == [Fate.NOT_LOOKED_AT]
    assert f"more than {MOST_STEPS} steps" in in_words(explanation)
    assert in_values(explanation)["lacking"] == []


def test_an_explanation_ends_where_its_steps_do_and_says_so() -> None:
    explanation = explain(asked({}), holding(*[ALLOW_ALL] * 20), most_steps=100)
    assert isinstance(explanation.decision, Allowed)
    assert 0 < len(explanation.allowances) < len(explanation.heard) == 20
    assert "more statements than are looked at" in in_words(explanation)


def test_an_explanation_says_which_value_of_an_allow_is_too_long() -> None:
    policies = holding({**ALLOW_ALL, "Condition": {"StringLike": {"aws:UserAgent": "9*"}}})
    words = in_words(explain(asked({"aws:useragent": (LONG,)}), policies))
    assert "aws:UserAgent has 1025 characters and conditions read at most 1024" in words


def test_an_explanation_says_which_value_of_a_deny_is_too_long() -> None:
    denying: Statement = {**ALLOW_ALL, "Effect": "Deny", "Condition": {"StringNotLike": {"aws:UserAgent": "9*"}}}
    words = in_words(explain(asked({"aws:useragent": (LONG,)}), holding(ALLOW_ALL, denying)))
    assert "(aws:UserAgent has 1025 characters and conditions read at most 1024)" in words


def test_an_explanation_says_which_variable_is_too_long() -> None:
    policies = holding({**ALLOW_ALL, "Resource": "arn:aws:ecr:*:*:repository/${aws:UserAgent}"})
    words = in_words(explain(asked({"aws:useragent": (LONG,)}), policies))
    assert "(the variable ${aws:useragent} is too long)" in words


def test_an_explanation_says_which_variable_has_no_value() -> None:
    policies = holding({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:ecr:*:*:repository/${aws:username}"})
    assert "(the variable ${aws:username} has no value)" in in_words(explain(asked({}), policies))
