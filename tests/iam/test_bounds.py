"""The bounds of names, sizes and numbers, each met at its edge."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, allowing, refusal, trusting
from tests.served import Served

SERVICE_POLICY = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def named(iam: Any, account: str) -> dict[str, str]:  # noqa: ANN401
    """A user, a group and a role of one name."""
    iam.create_user(UserName="it")
    iam.create_group(GroupName="it")
    iam.create_role(RoleName="it", AssumeRolePolicyDocument=trusting(account))
    return {"user": "UserName", "group": "GroupName", "role": "RoleName"}


def of_size(characters: int) -> str:
    """A policy of so many characters that count, and of many blanks that do not."""
    empty = allowing("*", "*", Sid="")
    text = allowing("*", "*", Sid="a" * (characters - len("".join(empty.split()))))
    return json.dumps(json.loads(text), indent=30)


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_ten_policies_are_attached_and_an_eleventh_is_not(iam: Any, named: dict[str, str], kind: str) -> None:  # noqa: ANN401
    attach = getattr(iam, f"attach_{kind}_policy")
    arns = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"] for number in range(11)
    ]
    for arn in arns[:10]:
        attach(**{named[kind]: "it"}, PolicyArn=arn)
    words = f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: 10"
    assert refusal(attach, **{named[kind]: "it"}, PolicyArn=arns[10]) == (409, "LimitExceeded", words)
    attach(**{named[kind]: "it"}, PolicyArn=arns[0])


@pytest.mark.parametrize(("kind", "most"), [("user", 2048), ("group", 5120), ("role", 10240)])
def test_inline_policies_are_as_long_as_their_owner_may_have(
    iam: Any,  # noqa: ANN401
    named: dict[str, str],
    kind: str,
    most: int,
) -> None:
    put = getattr(iam, f"put_{kind}_policy")
    put(**{named[kind]: "it"}, PolicyName="a", PolicyDocument=of_size(most))
    words = f"Maximum policy size of {most} bytes exceeded for {kind} it"
    answer = refusal(put, **{named[kind]: "it"}, PolicyName="a", PolicyDocument=of_size(most + 1))
    assert answer == (409, "LimitExceeded", words)


def test_a_managed_policy_has_6144_characters_that_count(iam: Any) -> None:  # noqa: ANN401
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=of_size(6144))["Policy"]["Arn"]
    words = "Cannot exceed quota for PolicySize: 6144"
    assert refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=of_size(6145)) == (
        *(409, "LimitExceeded"),
        words,
    )


def test_a_managed_policy_has_five_versions(iam: Any) -> None:  # noqa: ANN401
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    words = (
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
        "existing version."
    )
    answer = refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=True)
    assert answer == (409, "LimitExceeded", words)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)["PolicyVersion"]["VersionId"] == "v6"


def test_a_trust_document_has_2048_characters_that_count(iam: Any, named: dict[str, str], account: str) -> None:  # noqa: ANN401
    assert named
    statement = {**json.loads(trusting(account))["Statement"][0], "Sid": ""}
    frame = len(json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":")))

    def sized(characters: int) -> str:
        long = {**statement, "Sid": "a" * (characters - frame)}
        return json.dumps({"Version": "2012-10-17", "Statement": [long]}, indent=20)

    iam.update_assume_role_policy(RoleName="it", PolicyDocument=sized(2048))
    answer = refusal(iam.update_assume_role_policy, RoleName="it", PolicyDocument=sized(2049))
    assert answer == (409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")


@pytest.mark.parametrize("kind", ["user", "role"])
def test_fifty_tags_are_kept_and_one_more_is_not(iam: Any, named: dict[str, str], kind: str) -> None:  # noqa: ANN401
    tag = getattr(iam, f"tag_{kind}")
    tag(**{named[kind]: "it"}, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    answer = refusal(tag, **{named[kind]: "it"}, Tags=[{"Key": "one-more", "Value": ""}])
    assert answer[:2] == (409, "LimitExceeded")
    tag(**{named[kind]: "it"}, Tags=[{"Key": "K0", "Value": "in its place"}])


@pytest.mark.parametrize(
    "request_",
    [
        lambda iam: {"call": iam.create_user, "UserName": "a" * 65},
        lambda iam: {"call": iam.create_user, "UserName": "a b"},
        lambda iam: {"call": iam.create_group, "GroupName": "a" * 129},
        lambda iam: {"call": iam.create_group, "GroupName": "a/b"},
        lambda iam: {"call": iam.create_user, "UserName": "a", "Path": "staff/"},
        lambda iam: {"call": iam.create_user, "UserName": "a", "Path": "/staff"},
        lambda iam: {"call": iam.create_user, "UserName": "a", "Path": f"/{'a' * 511}/"},
        lambda iam: {"call": iam.create_policy, "PolicyName": "a b", "PolicyDocument": ALLOW_ALL},
        lambda iam: {"call": iam.create_policy, "PolicyName": "a", "Path": "/a b/", "PolicyDocument": ALLOW_ALL},
        lambda iam: {"call": iam.update_role, "RoleName": "it", "MaxSessionDuration": 43202},
        lambda iam: {"call": iam.update_role, "RoleName": "it", "MaxSessionDuration": 43201},
        lambda iam: {"call": iam.update_role, "RoleName": "it", "Description": "a" * 1001},
        lambda iam: {"call": iam.tag_role, "RoleName": "it", "Tags": [{"Key": "k" * 129, "Value": ""}]},
        lambda iam: {"call": iam.tag_role, "RoleName": "it", "Tags": [{"Key": "k", "Value": "v" * 257}]},
        lambda iam: {"call": iam.list_roles, "MaxItems": 1001},
        lambda iam: {"call": iam.list_roles, "Marker": "%%%"},
        lambda iam: {"call": iam.list_roles, "PathPrefix": "staff/"},
    ],
    ids=range(17),
)
def test_what_is_outside_the_models_bounds_is_refused_in_iams_frame(
    iam: Any,  # noqa: ANN401
    request_: Callable[[Any], dict[str, Any]],
) -> None:
    arguments = request_(iam)
    status, code, words = refusal(arguments.pop("call"), **arguments)
    assert (status, code) == (400, "ValidationError")
    assert words.startswith("1 validation error detected: Value ")
    assert " failed to satisfy constraint: Member must " in words
    assert not words.endswith(".")


@pytest.mark.parametrize("tags", [[("a", "1"), ("A", "2")], [("aws:team", "x")]])
def test_tags_that_are_the_same_or_only_aws_may_give_are_refused(iam: Any, tags: list[tuple[str, str]]) -> None:  # noqa: ANN401
    given = [{"Key": key, "Value": value} for key, value in tags]
    assert refusal(iam.create_user, UserName="ann", Tags=given)[:2] == (400, "InvalidInput")


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_a_policy_of_a_service_is_attached_to_no_entity(iam: Any, named: dict[str, str], kind: str) -> None:  # noqa: ANN401
    words = f"Cannot attach a Service Role Policy to a Customer {kind.capitalize()}."
    answer = refusal(getattr(iam, f"attach_{kind}_policy"), **{named[kind]: "it"}, PolicyArn=SERVICE_POLICY)
    assert answer == (400, "PolicyNotAttachable", words)
    if kind != "group":
        boundary = getattr(iam, f"put_{kind}_permissions_boundary")
        assert refusal(boundary, **{named[kind]: "it"}, PermissionsBoundary=SERVICE_POLICY)[1] == "PolicyNotAttachable"


def test_the_text_of_a_policy_of_aws_is_the_recorded_one(iam: Any) -> None:  # noqa: ANN401
    read = iam.get_policy_version(PolicyArn=SERVICE_POLICY, VersionId="v1")["PolicyVersion"]
    statement = {"Effect": "Allow", "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"], "Resource": "*"}
    assert read["Document"] == {"Version": "2012-10-17", "Statement": [statement]}
    assert read["CreateDate"].isoformat() == "2020-12-04T22:11:28+00:00"
