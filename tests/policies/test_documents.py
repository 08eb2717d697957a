"""Documents are read, and unknown parts in them are refused."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.policies.aws_managed import AwsPolicies
from twinport.policies.documents import MOST_TEXT, PolicyKind, parse
from twinport.policies.steps import Steps
from twinport.refusals.identities import PolicyMalformed

ALLOW = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}
LET_IN = {"Effect": "Allow", "Action": "ecr:PutImage", "Principal": "*"}
EARLY = "arn:aws:ecr:${aws:RequestedRegion}:1:repository/a"
NOT_ALPHANUMERIC = (
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
)
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}


def document(*statements: object, **members: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **members})


def refusal(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> str:
    with pytest.raises(PolicyMalformed) as caught:
        parse(text, kind)
    return caught.value.detail


@pytest.mark.parametrize("policy", AwsPolicies().by_arn.values(), ids=lambda policy: policy.name)
def test_every_policy_of_aws_can_be_read(policy: object) -> None:
    assert parse(policy.document, PolicyKind.IDENTITY).statements  # type: ignore[attr-defined]  # an AwsPolicy


def test_a_statement_need_not_stand_in_a_list() -> None:
    assert len(parse(json.dumps({"Statement": ALLOW}), PolicyKind.IDENTITY).statements) == 1


def test_statements_keep_their_places_and_names() -> None:
    policy = parse(document(ALLOW, {**ALLOW, "Sid": "Second"}), PolicyKind.IDENTITY)
    assert [(each.index, each.sid) for each in policy.statements] == [(0, None), (1, "Second")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nothing",
        '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}',
        '{"Statement": [{"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}]}',
        '{"Statement": NaN}',
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"Statement": ' + "9" * 10_000 + "}",
    ],
    ids=range(9),
)
def test_what_is_not_plain_json_is_refused(text: str) -> None:
    assert refusal(text) == "This policy contains invalid Json"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        '"*"',
        "{}",
        document(),
        document("*"),
        document(ALLOW, Remark="x"),
        document(ALLOW, Id=7),
        document({**ALLOW, "Remark": "x"}),
        document({**ALLOW, "action": "ecr:PutImage"}),
        document({**ALLOW, "Effect": "allow"}),
        document({**ALLOW, "Effect": "Permit"}),
        document({"Action": "*", "Resource": "*"}),
        document({**ALLOW, "Action": 7}),
        document({**ALLOW, "Action": {"ecr": "PutImage"}}),
        document({**ALLOW, "Resource": [["*"]]}),
        document({**ALLOW, "NotAction": "iam:*"}),
        document({**ALLOW, "NotResource": "*"}),
        document({**ALLOW, "Condition": []}),
        document({**ALLOW, "Condition": {"StringEquals": "aws:username"}}),
        document({**ALLOW, "Condition": {"StringEquals": {"aws:username": {"a": "b"}}}}),
        document({**ALLOW, "Condition": {"StringEquals": {"aws:username": None}}}),
        document({**ALLOW, "Sid": 1}),
        document({**ALLOW, "Sid": None}),
    ],
    ids=range(24),
)
def test_what_is_not_built_like_a_policy_is_refused(text: str) -> None:
    assert refusal(text) == "Syntax errors in policy."


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (document(ALLOW, Version="2012-10-18"), "Policy document must be version 2012-10-17 or greater."),
        (document({**ALLOW, "Principal": "*"}), "Policy document should not specify a principal."),
        (document({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (document({**ALLOW, "Action": []}), "Policy statement must contain actions."),
        (document({"Effect": "Allow", "Action": "*"}), "Policy statement must contain resources."),
        (document({**ALLOW, "Resource": []}), "Policy statement must contain resources."),
        (document({**ALLOW, "Resource": "repository/a"}), 'Resource repository/a must be in ARN format or "*".'),
        (document({**ALLOW, "Resource": "?"}), 'Resource ? must be in ARN format or "*".'),
        (
            document({**ALLOW, "Resource": "arn:aws:*:x"}),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            document({**ALLOW, "Resource": EARLY}),
            f"Resource {EARLY} must not have a variable before the fifth colon.",
        ),
        (
            document({**ALLOW, "Action": "PutImage"}),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            document({**ALLOW, "Action": "e*r:PutImage"}),
            "Vendor e*r is not valid",
        ),
        (
            document({**ALLOW, "Sid": "a"}, {**ALLOW, "Sid": "a"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            document({**ALLOW, "Sid": "two words"}),
            NOT_ALPHANUMERIC,
        ),
        (
            document({**ALLOW, "Condition": {"StringAlmost": {"aws:username": "a"}}}),
            "Invalid Condition type : StringAlmost.",
        ),
    ],
    ids=range(15),
)
def test_an_identity_policy_is_refused_with_the_sentence_of_iam(text: str, detail: str) -> None:
    assert refusal(text) == detail


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ({**TRUST, "Resource": "*"}, "Has prohibited field Resource"),
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Missing required field Principal"),
        ({**TRUST, "Action": "ecr:PutImage"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({**TRUST, "Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (
            {"Effect": "Deny", "Action": "sts:AssumeRole", "NotPrincipal": {"AWS": "*"}},
            "Has prohibited field NotPrincipal",
        ),
        ({**TRUST, "Principal": {"AWS": "alice"}}, 'Invalid principal in policy: "AWS":"alice"'),
        ({**TRUST, "Principal": {"Service": "*"}}, 'Invalid principal in policy: "Service":"*"'),
        ({**TRUST, "Principal": "alice"}, "Syntax errors in policy."),
        ({**TRUST, "Principal": {}}, "Syntax errors in policy."),
        ({**TRUST, "Principal": {"CanonicalUser": "79a5"}}, "Syntax errors in policy."),
        ({**TRUST, "Principal": {"Team": "red"}}, "Syntax errors in policy."),
    ],
    ids=range(11),
)
def test_a_trust_policy_is_refused_with_the_sentence_of_iam(statement: object, detail: str) -> None:
    assert refusal(document(statement), PolicyKind.TRUST) == detail


@pytest.mark.parametrize(
    "principal",
    [
        "111122223333*",
        "arn:aws:iam::111122223333:*",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::111122223333:user/a?ice",
        "arn:aws:iam::111122223333:group/a",
        "arn:aws:iam::11112222333:root",
        "arn:aws-cn:iam::111122223333:root",
        "arn:aws:sts::111122223333:assumed-role/builder",
        "AGPAGROUPGROUPGROUPG",
        "",
        7,
        None,
    ],
)
def test_a_principal_of_no_known_form_is_refused(principal: object) -> None:
    refusal(document({**LET_IN, "Principal": {"AWS": principal}}), PolicyKind.REPOSITORY)


def test_a_repository_policy_may_leave_its_resource_out() -> None:
    assert parse(document(LET_IN), PolicyKind.REPOSITORY).statements[0].resources is None


def test_a_registry_policy_may_not() -> None:
    assert refusal(document(LET_IN), PolicyKind.REGISTRY) == "Policy statement must contain resources."


def test_the_policies_of_registries_may_repeat_an_id_with_blanks() -> None:
    twice = {**LET_IN, "Sid": "new statement"}
    assert len(parse(document(twice, twice), PolicyKind.REPOSITORY).statements) == 2


@pytest.mark.parametrize("members", [{"Action": "s3:GetObject"}, {"Resource": "arn:aws:s3:::bucket"}])
def test_a_repository_policy_speaks_of_ecr_alone(members: dict[str, str]) -> None:
    refusal(document({**LET_IN, **members}), PolicyKind.REPOSITORY)


def test_a_document_beyond_the_bound_is_not_read() -> None:
    assert "longer" in refusal(" " * (MOST_TEXT + 1))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["*", "Allow", "a:b", "${", "arn:aws:ecr:"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ALLOW, "AWS", "StringLike"]), inner),
    max_leaves=8,
)


@given(st.sampled_from([*ALLOW, "Principal", "Condition", "Sid", "NotResource"]), JSON, st.sampled_from(PolicyKind))
def test_whatever_stands_in_an_element_is_read_or_refused(element: str, value: object, kind: PolicyKind) -> None:
    with suppress(PolicyMalformed):
        parse(document({**LET_IN, element: value}), kind)


def test_a_lone_surrogate_does_not_reach_the_log() -> None:
    refusal(document({**LET_IN, "Sid": "\ud800"}), PolicyKind.REPOSITORY)


def test_thousands_of_statements_are_read_within_the_bound() -> None:
    small = {"Effect": "Deny", "Action": "a:b", "Resource": "*"}
    policy = parse(document(*[small] * 4_000), PolicyKind.IDENTITY)
    assert len(policy.about("a:b").denials) == 4_000


def test_ten_thousand_statements_are_beyond_it() -> None:
    assert "longer" in refusal(document(*[ALLOW] * 10_000))


def test_a_hostile_pattern_takes_few_steps() -> None:
    hostile = {**ALLOW, "Resource": "arn:aws:ecr:" + "*a" * 5_000 + "*?b"}
    policy = parse(document(hostile), PolicyKind.IDENTITY)
    steps = Steps()
    assert not policy.statements[0].speaks_of("arn:aws:ecr:" + "a" * 2_000, {}, steps)
    assert steps.left > 0
