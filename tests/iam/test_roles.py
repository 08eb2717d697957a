"""Roles as clients see them."""

import json
from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, refusal, trusting
from tests.served import Served


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


def test_creation_echoes_what_was_given_and_leaves_out_what_time_adds(iam: Any, account: str) -> None:  # noqa: ANN401
    made = iam.create_role(
        RoleName="build",
        Path="/ci/",
        AssumeRolePolicyDocument=trusting(account),
        Description="builds",
        MaxSessionDuration=7200,
        Tags=[{"Key": "team", "Value": "blue"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{account}:role/ci/build"
    assert (made["Description"], made["Tags"]) == ("builds", [{"Key": "team", "Value": "blue"}])
    assert not {"MaxSessionDuration", "RoleLastUsed"} & set(made)
    read = iam.get_role(RoleName="build")["Role"]
    assert (read["MaxSessionDuration"], read["RoleLastUsed"]) == (7200, {})


def test_lists_leave_out_tags_and_last_use(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(
        RoleName="build", AssumeRolePolicyDocument=trusting(account), Tags=[{"Key": "team", "Value": "blue"}]
    )
    (listed,) = iam.list_roles()["Roles"]
    assert listed["MaxSessionDuration"] == 3600
    assert not {"Tags", "RoleLastUsed", "PermissionsBoundary"} & set(listed)


def test_the_trust_document_is_read_compact_and_in_order(server: Served, account: str) -> None:
    iam = server.client("iam", account)
    raw: list[bytes] = []
    iam.meta.events.register("after-call.iam", lambda http_response, **_: raw.append(http_response.content))
    statement = {
        "Condition": {"StringEquals": {"aws:RequestTag/x": ["*"]}},
        "Action": ["sts:AssumeRole"],
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root"]},
        "Effect": "Allow",
        "Sid": "One",
    }
    iam.create_role(
        RoleName="build",
        AssumeRolePolicyDocument=json.dumps({"Statement": [statement], "Version": "2012-10-17"}, indent=1),
    )
    iam.get_role(RoleName="build")
    created, read = raw
    assert b"%7B%0A%20%22Statement%22%3A" in created
    assert b"%22%2A%22" in created
    assert (
        b"%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Sid%22%3A%22One%22%2C%22Effect%22%3A"
        b"%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22arn%3Aaws%3Aiam"
    ) in read


def test_names_are_unique_without_regard_to_case_and_found_as_spelled(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="Build", AssumeRolePolicyDocument=trusting(account))
    answer = refusal(iam.create_role, RoleName="BUILD", AssumeRolePolicyDocument=trusting(account))
    assert answer == (409, "EntityAlreadyExists", "Role with name BUILD already exists.")
    assert refusal(iam.get_role, RoleName="build")[1] == "NoSuchEntity"


def test_a_trust_document_that_is_not_json_is_refused(iam: Any) -> None:  # noqa: ANN401
    answer = refusal(iam.create_role, RoleName="build", AssumeRolePolicyDocument="{")
    assert answer == (400, "MalformedPolicyDocument", "This policy contains invalid Json")


def test_no_caller_makes_roles_where_services_keep_theirs(iam: Any, account: str) -> None:  # noqa: ANN401
    path = "/aws-service-role/replication.ecr.amazonaws.com/"
    answer = refusal(iam.create_role, RoleName="mine", Path=path, AssumeRolePolicyDocument=trusting(account))
    assert answer[:2] == (400, "InvalidInput")


def test_the_trust_document_the_description_and_the_session_may_change(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    iam.update_role(RoleName="build", MaxSessionDuration=4000)
    iam.update_role_description(RoleName="build", Description="")
    iam.update_assume_role_policy(RoleName="build", PolicyDocument=trusting("999988887777"))
    read = iam.get_role(RoleName="build")["Role"]
    assert (read["MaxSessionDuration"], read.get("Description", "")) == (4000, "")
    assert "999988887777" in str(read["AssumeRolePolicyDocument"])


def test_a_role_with_policies_is_not_deleted(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.attach_role_policy(RoleName="build", PolicyArn=read_only)
    words = "Cannot delete entity, must detach all policies first."
    assert refusal(iam.delete_role, RoleName="build") == (409, "DeleteConflict", words)
    iam.detach_role_policy(RoleName="build", PolicyArn=read_only)
    iam.put_role_policy(RoleName="build", PolicyName="inline", PolicyDocument=ALLOW_ALL)
    words = "Cannot delete entity, must delete policies first."
    assert refusal(iam.delete_role, RoleName="build") == (409, "DeleteConflict", words)
    iam.delete_role_policy(RoleName="build", PolicyName="inline")
    iam.delete_role(RoleName="build")
    words = "The role with name build cannot be found."
    assert refusal(iam.delete_role, RoleName="build") == (404, "NoSuchEntity", words)


def test_a_list_goes_on_where_the_last_page_ended(iam: Any, account: str) -> None:  # noqa: ANN401
    for name in ("a", "B", "c"):
        iam.create_role(RoleName=name, Path="/x/", AssumeRolePolicyDocument=trusting(account))
    iam.create_role(RoleName="elsewhere", AssumeRolePolicyDocument=trusting(account))
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix="/x/", PaginationConfig={"PageSize": 2}))
    assert [[role["RoleName"] for role in page["Roles"]] for page in pages] == [["a", "B"], ["c"]]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    assert refusal(iam.list_roles, Marker="!")[:2] == (400, "ValidationError")


def test_tag_keys_are_unique_without_regard_to_case(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    twice = [{"Key": "Team", "Value": "1"}, {"Key": "team", "Value": "2"}]
    words = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    assert refusal(iam.tag_role, RoleName="build", Tags=twice) == (400, "InvalidInput", words)
    iam.tag_role(RoleName="build", Tags=twice[:1])
    iam.tag_role(RoleName="build", Tags=twice[1:])
    assert iam.list_role_tags(RoleName="build")["Tags"] == [{"Key": "team", "Value": "2"}]


def test_the_fifty_first_tag_is_refused(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    iam.tag_role(RoleName="build", Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    answer = refusal(iam.tag_role, RoleName="build", Tags=[{"Key": "one-more", "Value": ""}])
    assert answer[:2] == (409, "LimitExceeded")
    assert len(iam.list_role_tags(RoleName="build")["Tags"]) == 50
