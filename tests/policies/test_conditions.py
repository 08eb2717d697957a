"""Condition operators, one sentence of conditions.toml at a time, and the operators that are refused."""

import json
import tomllib
from pathlib import Path

import pytest

from twinport.model.letters import lower_ascii
from twinport.policies.conditions import condition
from twinport.policies.documents import PolicyKind, parse, parse_given
from twinport.policies.readings import Effect
from twinport.policies.steps import Steps
from twinport.policies.wildcards import Version
from twinport.refusals.identities import PolicyMalformed

TABLE = tomllib.loads(Path(__file__).with_suffix("").with_name("conditions.toml").read_text())
ROWS = [(operator, *row) for operator, rows in TABLE.items() for row in rows.values()]
NAMES = [f"{operator}: {name}" for operator, rows in TABLE.items() for name in rows]
NEW = Version.WITH_VARIABLES


def listed(values: object) -> list[str]:
    texts = values if isinstance(values, list) else [values]
    return [str(text).lower() if isinstance(text, bool) else str(text) for text in texts]


@pytest.mark.parametrize(("operator", "says", "has", "holds"), ROWS, ids=NAMES)
def test_the_condition_holds_as_written(
    operator: str, says: dict[str, object], has: dict[str, object], holds: object
) -> None:
    context = {lower_ascii(key): tuple(listed(values)) for key, values in has.items()}
    made = [condition(operator, key, listed(values), NEW, Effect.ALLOW) for key, values in says.items()]
    assert all(each.holds(context, Steps()) for each in made) is holds


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        ("StringAlmost", ["a"]),
        ("IfExists", ["a"]),
        ("NullIfExists", ["true"]),
        ("ForAllValues:Null", ["true"]),
        ("ForAllValues:ForAnyValue:StringEquals", ["a"]),
        ("ForSomeValues:StringEquals", ["a"]),
        ("Null", ["maybe"]),
        ("Bool", ["yes"]),
        ("NumericEquals", ["1e9"]),
        ("NumericEquals", ["NaN"]),
        ("DateEquals", ["yesterday"]),
        ("DateEquals", ["2026-13-01"]),
        ("IpAddress", ["10.0.0.0/33"]),
        ("IpAddress", ["localhost"]),
        ("BinaryEquals", ["***"]),
        ("StringEquals", ["${aws:username"]),
        ("StringEquals", ["${}"]),
        ("StringEquals", ["${aws:username, unquoted}"]),
    ],
)
def test_an_unknown_operator_or_value_is_refused(operator: str, values: list[str]) -> None:
    with pytest.raises(PolicyMalformed):
        condition(operator, "aws:username", values, NEW, Effect.ALLOW)


@pytest.mark.parametrize("operator", ["IpAddress", "NotIpAddress"])
def test_a_deny_by_address_applies_to_an_address_that_cannot_be_read(operator: str) -> None:
    made = condition(operator, "aws:SourceIp", ["10.0.0.0/8"], NEW, Effect.DENY)
    assert made.holds({"aws:sourceip": ("unknown",)}, Steps())


EMPTY = ["StringEquals", "StringNotEquals", "BoolIfExists", "NotIpAddress", "ForAllValues:StringLike", "Null"]


@pytest.mark.parametrize("operator", EMPTY)
@pytest.mark.parametrize("has", [{}, {"aws:sourceip": ("192.0.2.1",)}])
def test_no_allow_applies_by_a_condition_without_values(operator: str, has: dict[str, tuple[str, ...]]) -> None:
    assert not condition(operator, "aws:SourceIp", [], NEW, Effect.ALLOW).holds(has, Steps())


def test_a_deny_with_a_condition_without_values_applies_as_before() -> None:
    assert condition("StringNotEquals", "aws:SourceIp", [], NEW, Effect.DENY).holds({}, Steps())


@pytest.mark.parametrize("operator", EMPTY)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_condition_without_values_is_read_and_not_kept(operator: str, effect: str) -> None:
    statement = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": {operator: {"aws:SourceIp": []}}}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert parse(text, PolicyKind.IDENTITY).statements
    with pytest.raises(PolicyMalformed, match=r"Syntax errors in policy\."):
        parse_given(text, PolicyKind.IDENTITY)


def test_a_key_without_a_vendor_is_refused() -> None:
    with pytest.raises(PolicyMalformed):
        condition("StringEquals", "username", ["alice"], NEW, Effect.ALLOW)


def test_operators_are_named_without_regard_to_case() -> None:
    assert condition("stringEQUALSifexists", "aws:username", ["alice"], NEW, Effect.ALLOW).holds({}, Steps())


def test_the_older_language_has_no_variables() -> None:
    made = condition("StringEquals", "aws:userid", ["${aws:username}"], Version.WITHOUT_VARIABLES, Effect.ALLOW)
    assert made.holds({"aws:userid": ("${aws:username}",), "aws:username": ("alice",)}, Steps())


def test_json_numbers_and_truth_values_are_read_as_text() -> None:
    text = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", '
        '"Condition": {"Bool": {"aws:SecureTransport": true}, "NumericEquals": {"sts:DurationSeconds": 900}}}}'
    )
    (statement,) = parse(text, PolicyKind.IDENTITY).statements
    context = {"aws:securetransport": ("true",), "sts:durationseconds": ("900",)}
    assert all(each.holds(context, Steps()) for each in statement.conditions)
