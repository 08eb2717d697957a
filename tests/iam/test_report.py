"""GetAccountAuthorizationDetails: everything an account holds, in pages."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.iam.answers import ALLOW_ALL, allowing, keys_of, refusal, trusting
from tests.served import Served

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    """An account with a user in a group, a role in an instance profile, and policies on all of them."""
    iam = server.client("iam", account)
    own = iam.create_policy(PolicyName="mine", PolicyDocument=ALLOW_ALL, Description="words")["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=own, PolicyDocument=ALLOW_ALL)
    iam.create_user(UserName="ann", PermissionsBoundary=own, Tags=[{"Key": "team", "Value": "blue"}])
    iam.put_user_policy(UserName="ann", PolicyName="inline", PolicyDocument=ALLOW_ALL)
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="ann")
    iam.attach_group_policy(GroupName="staff", PolicyArn=READ_ONLY)
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    iam.attach_role_policy(RoleName="build", PolicyArn=own)
    iam.create_instance_profile(InstanceProfileName="machines")
    iam.add_role_to_instance_profile(InstanceProfileName="machines", RoleName="build")
    return iam


def test_what_hangs_on_an_entity_is_shown_with_it(iam: Any, account: str) -> None:  # noqa: ANN401
    own = f"arn:aws:iam::{account}:policy/mine"
    report = iam.get_account_authorization_details()
    (user,), (group,), (role,) = (report[name] for name in LISTS[:3])
    assert user["UserPolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(ALLOW_ALL)}]
    assert user["GroupList"] == ["staff"]
    assert user["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert user["PermissionsBoundary"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": own}
    assert group["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert role["AttachedManagedPolicies"] == [{"PolicyName": "mine", "PolicyArn": own}]
    assert role["AssumeRolePolicyDocument"] == json.loads(trusting(account))
    assert [each["InstanceProfileName"] for each in role["InstanceProfileList"]] == ["machines"]


def test_policies_are_shown_with_every_version(iam: Any) -> None:  # noqa: ANN401
    mine, read_only = iam.get_account_authorization_details()["Policies"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in mine["PolicyVersionList"]] == [
        ("v2", False),
        ("v1", True),
    ]
    assert mine["PolicyVersionList"][0]["Document"] == json.loads(ALLOW_ALL)
    assert (mine["AttachmentCount"], mine["PermissionsBoundaryUsageCount"], mine["Description"]) == (1, 1, "words")
    assert (read_only["Arn"], read_only["AttachmentCount"]) == (READ_ONLY, 1)


def test_documents_are_percent_encoded(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    assert iam
    client, raw = server.client("iam", account), []
    client.meta.events.register("after-call.iam", lambda http_response, **_: raw.append(http_response.content))
    client.get_account_authorization_details(Filter=["User"])
    assert f"<PolicyDocument>{quote(ALLOW_ALL, safe='')}</PolicyDocument>".encode() in raw[-1]


@pytest.mark.parametrize(
    ("kind", "place", "member", "name"),
    [
        ("User", "UserDetailList", "UserName", "ann"),
        ("Group", "GroupDetailList", "GroupName", "staff"),
        ("Role", "RoleDetailList", "RoleName", "build"),
        ("LocalManagedPolicy", "Policies", "PolicyName", "mine"),
        ("AWSManagedPolicy", "Policies", "PolicyName", "ReadOnlyAccess"),
    ],
)
def test_a_filter_shows_one_kind(iam: Any, kind: str, place: str, member: str, name: str) -> None:  # noqa: ANN401
    report = iam.get_account_authorization_details(Filter=[kind])
    assert [each[member] for each in report[place]] == [name]
    assert all(report[other] == [] for other in LISTS if other != place)


def test_pages_are_what_the_whole_is(iam: Any) -> None:  # noqa: ANN401
    for name in ("Bob", "carol", "Dan"):
        iam.create_user(UserName=name)
    whole = iam.get_account_authorization_details()
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3}))
    assert [sum(len(page[name]) for name in LISTS) for page in pages] == [3, 3, 2]
    for name in LISTS:
        assert [each for page in pages for each in page[name]] == whole[name]


def test_the_report_takes_a_permission_for_everything(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    document = allowing("iam:GetAccountAuthorizationDetails", f"arn:aws:iam::{account}:user/*")
    one = server.client("iam", account, keys=keys_of(iam, "one", document))
    every = server.client("iam", account, keys=keys_of(iam, "every", allowing("iam:GetAccount*", "*")))
    status, code, words = refusal(one.get_account_authorization_details)
    assert (status, code) == (403, "AccessDenied")
    assert "iam:GetAccountAuthorizationDetails on resource: * because" in words
    assert every.get_account_authorization_details()["UserDetailList"]
