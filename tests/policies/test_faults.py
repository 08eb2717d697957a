"""Where a policy is refused: the place and the reason, in agreement with the decision to refuse it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.policies.documents import PolicyKind, parse_given
from twinport.policies.faults import first_fault, first_mention
from twinport.refusals.identities import PolicyMalformed

GOOD = {"Sid": "Pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
KINDS = st.sampled_from([PolicyKind.REPOSITORY, PolicyKind.REGISTRY])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["Allow", "ecr:*", "*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=4),
    max_leaves=8,
)
STATEMENTS = st.fixed_dictionaries({}, optional={key: JSON | st.just(value) for key, value in GOOD.items()})
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "Version": st.sampled_from(["2012-10-17", "2008-10-17", "2020-01-01", 1]),
        "Id": st.text(max_size=3) | st.none(),
        "Statement": st.lists(STATEMENTS | st.just(GOOD), max_size=3) | STATEMENTS | JSON,
        "Other": st.none(),
    },
)


def is_accepted(text: str, kind: PolicyKind) -> bool:
    try:
        parse_given(text, kind)
    except PolicyMalformed:
        return False
    return True


@given(DOCUMENTS.map(json.dumps) | JSON.map(json.dumps) | st.text(max_size=20), KINDS)
def test_there_is_a_fault_exactly_where_a_document_is_refused(text: str, kind: PolicyKind) -> None:
    assert (first_fault(text, kind) is None) == is_accepted(text, kind)


def written(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [GOOD, *statements]}, indent=1)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"Actoin": "ecr:*"}, "no member 'Actoin'"),
        ({"Effect": "Permit"}, "Effect must be Allow or Deny"),
        ({"Action": "s3:GetObject"}, "Vendor s3 is not valid"),
        ({"Action": "BatchGetImage"}, "prefaced by a vendor"),
        ({"Condition": {"StringEquals": "x"}}, "Condition must be of the form"),
        ({"Condition": {"StringEquals": {"aws:PrincipalArn": []}}}, "with a value for each key"),
        ({"NotAction": "ecr:*"}, "Action or NotAction, not both"),
        ({"Sid": 3}, "wrong form"),
    ],
)
def test_the_fault_of_a_statement_has_its_number_place_and_reason(wrong: dict[str, object], reason: str) -> None:
    fault = first_fault(written({**GOOD, "Sid": "Second", **wrong}, GOOD), PolicyKind.REPOSITORY)
    assert fault is not None
    assert fault.statement == 2
    assert fault.at is not None
    assert fault.at.line == 10
    assert reason in fault.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "this is not JSON"),
        ("[]", "a policy is a JSON object"),
        ('{"Statement": [], "Version": "2012-10-17"}', "at least one statement"),
        ('{"Version": "2013"}', "Version must be one of 2008-10-17, 2012-10-17"),
        ('{"Statment": []}', "no member 'Statment'"),
        ('{"Statement": 1, "Statement": 2}', "'Statement' is given twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_the_fault_of_a_whole_document_has_a_reason(text: str, reason: str) -> None:
    fault = first_fault(text, PolicyKind.REPOSITORY)
    assert fault is not None
    assert fault.statement is None
    assert reason in fault.reason


def test_what_is_not_json_is_found_by_line_and_column() -> None:
    fault = first_fault('{\n  "Version": "2012-10-17",\n  oops\n}', PolicyKind.REPOSITORY)
    assert fault is not None
    assert fault.at is not None
    assert (fault.at.line, fault.at.column) == (3, 3)


def test_a_mention_is_found_by_line_and_column() -> None:
    found = first_mention("a\n  role/x", "role/x")
    assert found is not None
    assert (found.line, found.column) == (2, 3)
    assert first_mention("a", "role/x") is None
