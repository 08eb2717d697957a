"""Session tags and source identities, by the public door."""

import json
from typing import Any

import pytest

from tests.iam.answers import allowing, refusal
from tests.served import Served

ALL = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
BLUE = [{"Key": "team", "Value": "blue"}]
INVALID = (400, "InvalidParameterValue")


def trusting(account: str, actions: list[str], **members: object) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": actions, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def roles(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    """IAM of an account with the role `one`, which may do anything."""
    iam = server.client("iam", account)
    add(iam, "one", trusting(account, ALL))
    return iam


def add(iam: Any, name: str, trust: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allowing("*", "*"))


def keys_of(answer: Any) -> tuple[str, str, str]:  # noqa: ANN401
    made = answer["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def wish(account: str, name: str = "one", **members: object) -> dict[str, object]:
    return {"RoleArn": f"arn:aws:iam::{account}:role/{name}", "RoleSessionName": "build", **members}


@pytest.mark.usefixtures("roles")
def test_tags_that_contradict_each_other_are_refused_in_the_words_of_sts(server: Served, account: str) -> None:
    assume = server.client("sts", account).assume_role
    twice = [*BLUE, {"Key": "Team", "Value": "red"}]
    words = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    assert refusal(assume, **wish(account, Tags=twice)) == (*INVALID, words)
    words = "The specified transitive tag key must be included in the requested tags."
    assert refusal(assume, **wish(account, Tags=BLUE, TransitiveTagKeys=["floor"])) == (*INVALID, words)


def test_a_session_has_its_tags_as_those_of_the_principal(server: Served, roles: Any, account: str) -> None:  # noqa: ANN401
    condition = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    roles.put_role_policy(RoleName="one", PolicyName="p", PolicyDocument=allowing("*", "*", Condition=condition))
    roles.tag_role(RoleName="one", Tags=[{"Key": "Team", "Value": "red"}])
    assume = server.client("sts", account).assume_role
    blue = assume(**wish(account, Tags=BLUE))
    assert blue["PackedPolicySize"] == 1
    assert server.client("iam", account, keys=keys_of(blue)).list_roles()["Roles"]
    plain = server.client("iam", account, keys=keys_of(assume(**wish(account))))
    assert refusal(plain.list_roles)[1] == "AccessDenied"


def test_only_transitive_tags_are_carried_on_and_none_of_them_is_replaced(
    server: Served,
    roles: Any,  # noqa: ANN401
    account: str,
) -> None:
    tags = {"StringEquals": {"aws:RequestTag/team": "blue"}, "Null": {"aws:RequestTag/floor": "true"}}
    add(roles, "two", trusting(account, ALL, Condition=tags))
    given = [*BLUE, {"Key": "floor", "Value": "2"}]
    first = server.client("sts", account).assume_role(**wish(account, Tags=given, TransitiveTagKeys=["team"]))
    assume = server.client("sts", account, keys=keys_of(first)).assume_role
    assert "Credentials" in assume(**wish(account, "two"))
    words = (
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
        "calling session."
    )
    assert refusal(assume, **wish(account, "two", Tags=BLUE)) == (*INVALID, words)


def test_tags_need_a_permission_of_their_own_in_the_trust(server: Served, roles: Any, account: str) -> None:  # noqa: ANN401
    add(roles, "plain", trusting(account, ["sts:AssumeRole"]))
    assume = server.client("sts", account).assume_role
    assert "Credentials" in assume(**wish(account, "plain"))
    for members, action in (({"Tags": BLUE}, "sts:TagSession"), ({"SourceIdentity": "ann"}, "sts:SetSourceIdentity")):
        answer = refusal(assume, **wish(account, "plain", **members))
        assert answer[1] == "AccessDenied"
        assert f"is not authorized to perform: {action} on resource:" in answer[2]


@pytest.mark.usefixtures("roles")
def test_a_source_identity_stays_along_the_chain(server: Served, account: str) -> None:
    first = server.client("sts", account).assume_role(**wish(account, SourceIdentity="ann"))
    assert first["SourceIdentity"] == "ann"
    assume = server.client("sts", account, keys=keys_of(first)).assume_role
    assert assume(**wish(account))["SourceIdentity"] == "ann"
    assert refusal(assume, **wish(account, SourceIdentity="bob"))[1] == "AccessDenied"


@pytest.mark.usefixtures("roles")
def test_a_chained_session_ends_within_the_hour(server: Served, account: str) -> None:
    first = server.client("sts", account).assume_role(**wish(account))
    assume = server.client("sts", account, keys=keys_of(first)).assume_role
    words = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    assert refusal(assume, **wish(account, DurationSeconds=3601)) == (400, "ValidationError", words)
