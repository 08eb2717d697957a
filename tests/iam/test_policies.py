"""Managed, inline and attached policies as clients see them."""

import json
from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, allowing, refusal, trusting
from tests.served import Served

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def arn(iam: Any) -> str:  # noqa: ANN401
    made: str = iam.create_policy(PolicyName="mine", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    return made


# --- managed ----------------------------------------------------------------------------------------------


def test_creation_returns_no_description_and_reading_does(iam: Any, account: str) -> None:  # noqa: ANN401
    made = iam.create_policy(PolicyName="mine", Path="/x/", PolicyDocument=ALLOW_ALL, Description="words")["Policy"]
    assert made["Arn"] == f"arn:aws:iam::{account}:policy/x/mine"
    assert set(made) == {
        *("PolicyName", "PolicyId", "Arn", "Path", "DefaultVersionId", "AttachmentCount"),
        *("PermissionsBoundaryUsageCount", "IsAttachable", "CreateDate", "UpdateDate"),
    }
    read = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert (read["Description"], read["Tags"]) == ("words", [])
    (listed,) = iam.list_policies(Scope="Local")["Policies"]
    assert not {"Description", "Tags"} & set(listed)


def test_a_document_comes_back_as_it_was_sent(server: Served, account: str) -> None:
    iam = server.client("iam", account)
    raw: list[bytes] = []
    iam.meta.events.register("after-call.iam", lambda http_response, **_: raw.append(http_response.content))
    sent = json.dumps(json.loads(ALLOW_ALL), indent=2)
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=sent)["Policy"]["Arn"]
    iam.get_policy_version(PolicyArn=arn, VersionId="v1")
    assert b"%7B%0A%20%20%22Version%22%3A%20%222012-10-17%22" in raw[-1]


def test_a_name_that_is_taken_is_refused(iam: Any, arn: str) -> None:  # noqa: ANN401
    assert arn
    words = "A policy called MINE already exists. Duplicate names are not allowed."
    answer = refusal(iam.create_policy, PolicyName="MINE", Path="/other/", PolicyDocument=ALLOW_ALL)
    assert answer == (409, "EntityAlreadyExists", words)


def test_a_malformed_document_is_refused(iam: Any) -> None:  # noqa: ANN401
    answer = refusal(iam.create_policy, PolicyName="mine", PolicyDocument='{"Statement": [{}]}')
    assert answer[:2] == (400, "MalformedPolicyDocument")


@pytest.mark.parametrize(("operator", "key"), [("StringNotEquals", "aws:username"), ("NotIpAddress", "aws:SourceIp")])
def test_no_document_is_kept_that_has_a_condition_without_values(
    server: Served, account: str, operator: str, key: str
) -> None:
    iam, ecr, sts = (server.client(service, account) for service in ("iam", "ecr", "sts"))
    iam.create_user(UserName="ann")
    ecr.create_repository(repositoryName="team/api")
    condition: dict[str, Any] = {"Condition": {operator: {key: []}}}
    document = allowing("ecr:*", "*", **condition)
    trust = json.loads(trusting(account))
    trust["Statement"][0] |= condition
    spoken = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*", **condition}
    answers = [
        refusal(iam.put_user_policy, UserName="ann", PolicyName="p", PolicyDocument=document),
        refusal(iam.create_policy, PolicyName="p", PolicyDocument=document),
        refusal(iam.create_role, RoleName="r", AssumeRolePolicyDocument=json.dumps(trust)),
        refusal(sts.get_federation_token, Name="ann", Policy=document),
        refusal(
            ecr.set_repository_policy,
            repositoryName="team/api",
            policyText=json.dumps({"Version": "2012-10-17", "Statement": [spoken]}),
        ),
    ]
    assert [code for _, code, _ in answers] == [*["MalformedPolicyDocument"] * 4, "InvalidParameterException"]
    assert answers[0][2] == "Syntax errors in policy."


def test_a_document_past_the_quota_is_refused(iam: Any) -> None:  # noqa: ANN401
    long = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(ALLOW_ALL)["Statement"][0]] * 150})
    answer = refusal(iam.create_policy, PolicyName="mine", PolicyDocument=long)
    assert answer == (409, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")


def test_what_is_no_arn_is_refused(iam: Any) -> None:  # noqa: ANN401
    words = "Invalid ARN:  Could not be parsed!"
    answer = refusal(iam.get_policy, PolicyArn="a-name-that-is-no-arn-at-all")
    assert answer == (400, "ValidationError", words)


def test_a_policy_that_is_missing_is_said_in_the_words_of_each_call(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    gone = f"arn:aws:iam::{account}:policy/gone"
    assert refusal(iam.get_policy, PolicyArn=gone) == (404, "NoSuchEntity", f"Policy {gone} was not found.")
    assert refusal(iam.delete_policy, PolicyArn=gone) == (404, "NoSuchEntity", f"Policy {gone} was not found.")
    attach = refusal(iam.attach_user_policy, UserName="ann", PolicyArn=gone)
    assert attach == (404, "NoSuchEntity", f"Policy {gone} does not exist or is not attachable.")
    detach = refusal(iam.detach_user_policy, UserName="ann", PolicyArn=READ_ONLY)
    assert detach == (404, "NoSuchEntity", f"Policy {READ_ONLY} was not found.")


def test_another_accounts_policy_is_out_of_reach(server: Served, arn: str) -> None:
    stranger = server.client("iam", "210987654321")
    for call in (stranger.get_policy, stranger.delete_policy):
        assert refusal(call, PolicyArn=arn) == (403, "AccessDenied", "Policy is outside your own account.")
    assert refusal(stranger.delete_policy, PolicyArn=READ_ONLY)[1] == "AccessDenied"


def test_policies_of_aws_are_read(iam: Any) -> None:  # noqa: ANN401
    read = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    version = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=read["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Version"] == "2012-10-17"
    assert [each["VersionId"] for each in iam.list_policy_versions(PolicyArn=READ_ONLY)["Versions"]] == [
        read["DefaultVersionId"]
    ]


def test_lists_select_by_owner_path_and_use_and_go_on_where_they_ended(iam: Any, arn: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=READ_ONLY)
    attached = iam.list_policies(OnlyAttached=True)["Policies"]
    assert [(each["Arn"], each["AttachmentCount"]) for each in attached] == [(READ_ONLY, 1)]
    assert [each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]] == [arn]
    services = iam.list_policies(PathPrefix="/aws-service-role/")["Policies"]
    assert len(services) == 3
    pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 4})
    arns = [each["Arn"] for page in pages for each in page["Policies"]]
    assert arns == sorted(set(arns))
    assert {arn, READ_ONLY} <= set(arns)


def test_a_policy_in_use_is_not_deleted(iam: Any, arn: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    words = "Cannot delete a policy attached to entities."
    assert refusal(iam.delete_policy, PolicyArn=arn) == (409, "DeleteConflict", words)
    iam.detach_user_policy(UserName="ann", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    assert refusal(iam.get_policy, PolicyArn=arn)[1] == "NoSuchEntity"


# --- versions ---------------------------------------------------------------------------------------------


def test_versions_are_listed_the_newest_first_without_their_text(iam: Any, arn: str) -> None:  # noqa: ANN401
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v2", False)
    assert "Document" not in made
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=True)
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in versions] == [
        ("v3", True),
        ("v2", False),
        ("v1", False),
    ]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"


def test_a_sixth_version_is_refused_and_numbers_are_never_used_again(iam: Any, arn: str) -> None:  # noqa: ANN401
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    assert refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=ALLOW_ALL)[1] == "LimitExceeded"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)["PolicyVersion"]
    assert made["VersionId"] == "v6"


def test_the_default_version_stays(iam: Any, arn: str) -> None:  # noqa: ANN401
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    words = "Cannot delete the default version of a policy."
    answer = refusal(iam.delete_policy_version, PolicyArn=arn, VersionId="v1")
    assert answer == (409, "DeleteConflict", words)
    assert refusal(iam.delete_policy, PolicyArn=arn)[1] == "DeleteConflict"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)


# --- of principals ----------------------------------------------------------------------------------------


def test_inline_policies_come_and_go(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    for name in ("b", "a"):
        iam.put_role_policy(RoleName="build", PolicyName=name, PolicyDocument=ALLOW_ALL)
    assert iam.list_role_policies(RoleName="build")["PolicyNames"] == ["a", "b"]
    read = iam.get_role_policy(RoleName="build", PolicyName="a")
    assert read["PolicyDocument"] == json.loads(ALLOW_ALL)
    iam.delete_role_policy(RoleName="build", PolicyName="a")
    words = "The role policy with name a cannot be found."
    assert refusal(iam.get_role_policy, RoleName="build", PolicyName="a") == (404, "NoSuchEntity", words)


def test_inline_policies_have_a_size_together(iam: Any) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    long = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(ALLOW_ALL)["Statement"][0]] * 25})
    iam.put_user_policy(UserName="ann", PolicyName="a", PolicyDocument=long)
    words = "Maximum policy size of 2048 bytes exceeded for user ann"
    answer = refusal(iam.put_user_policy, UserName="ann", PolicyName="b", PolicyDocument=long)
    assert answer == (409, "LimitExceeded", words)
    assert iam.list_user_policies(UserName="ann")["PolicyNames"] == ["a"]


def test_attaching_again_changes_nothing(iam: Any, arn: str, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    for _ in range(2):
        iam.attach_role_policy(RoleName="build", PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName="build")["AttachedPolicies"] == [
        {"PolicyName": "mine", "PolicyArn": arn}
    ]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1


def test_an_attached_policy_decides_at_once(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = server.client("iam", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    assert refusal(own.list_users)[1] == "AccessDenied"
    iam.attach_user_policy(UserName="ann", PolicyArn=READ_ONLY)
    assert own.list_users()
    iam.detach_user_policy(UserName="ann", PolicyArn=READ_ONLY)
    assert refusal(own.list_users)[1] == "AccessDenied"


def test_tags_of_a_policy_are_added_and_removed(iam: Any) -> None:  # noqa: ANN401
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "team", "Value": "blue"}, {"Key": "floor", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["floor"])
    tags = [{"Key": "team", "Value": "blue"}]
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == iam.get_policy(PolicyArn=arn)["Policy"]["Tags"] == tags
    assert refusal(iam.tag_policy, PolicyArn=f"{arn}2", Tags=tags)[:2] == (404, "NoSuchEntity")


def test_a_policy_names_the_entities_that_it_is_attached_to_and_those_that_it_bounds(iam: Any) -> None:  # noqa: ANN401
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    iam.create_group(GroupName="blue")
    iam.create_user(UserName="ann", Path="/staff/", PermissionsBoundary=arn)
    iam.create_user(UserName="bob")
    iam.attach_group_policy(GroupName="blue", PolicyArn=arn)
    iam.attach_user_policy(UserName="bob", PolicyArn=arn)

    def named(**members: object) -> list[str]:
        pages = iam.get_paginator("list_entities_for_policy").paginate(
            PolicyArn=arn, PaginationConfig={"PageSize": 1}, **members
        )
        kinds = (("PolicyGroups", "GroupName"), ("PolicyUsers", "UserName"), ("PolicyRoles", "RoleName"))
        return [each[name] for page in pages for kind, name in kinds for each in page[kind]]

    assert named() == ["blue", "ann", "bob"]
    assert named(PolicyUsageFilter="PermissionsBoundary") == named(PathPrefix="/staff/") == ["ann"]
    assert named(EntityFilter="Group") == ["blue"]
    assert refusal(iam.list_entities_for_policy, PolicyArn=f"{arn}2")[:2] == (404, "NoSuchEntity")
