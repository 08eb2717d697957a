"""Permissions boundaries: shown, enforced, and asked for by the policies of those who delegate."""

from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, allowing, refusal, trusting
from tests.served import Served

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
SERVICE_POLICY = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"
SHOWN = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY}


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


def keys_of(iam: Any, user: str) -> tuple[str, str, None]:  # noqa: ANN401
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"], None


def test_a_boundary_is_shown_by_create_and_get_and_not_by_list(iam: Any, account: str) -> None:  # noqa: ANN401
    user = iam.create_user(UserName="ann", PermissionsBoundary=READ_ONLY)["User"]
    asked = {"RoleName": "build", "AssumeRolePolicyDocument": trusting(account), "PermissionsBoundary": READ_ONLY}
    assert user["PermissionsBoundary"] == iam.create_role(**asked)["Role"]["PermissionsBoundary"] == SHOWN
    assert iam.get_user(UserName="ann")["User"]["PermissionsBoundary"] == SHOWN
    assert iam.get_role(RoleName="build")["Role"]["PermissionsBoundary"] == SHOWN
    assert "PermissionsBoundary" not in iam.list_users()["Users"][0]
    assert "PermissionsBoundary" not in iam.list_roles()["Roles"][0]
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["PermissionsBoundaryUsageCount"] == 2
    bounding = iam.list_policies(PolicyUsageFilter="PermissionsBoundary")["Policies"]
    assert [policy["Arn"] for policy in bounding] == [READ_ONLY]


def test_a_user_may_no_more_than_its_boundary_until_it_is_taken_away(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=ALLOW_ALL)
    ecr = server.client("ecr", account, keys=keys_of(iam, "ann"))
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=READ_ONLY)
    assert ecr.describe_repositories()["repositories"] == []
    answer = refusal(ecr.create_repository, repositoryName="api")
    assert answer[2].endswith("because no permissions boundary allows the ecr:CreateRepository action")
    iam.delete_user_permissions_boundary(UserName="ann")
    assert ecr.create_repository(repositoryName="api")


def test_a_boundary_grants_nothing(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann", PermissionsBoundary=READ_ONLY)
    ecr = server.client("ecr", account, keys=keys_of(iam, "ann"))
    assert "no identity-based policy allows" in refusal(ecr.describe_repositories)[2]


def test_a_session_is_bounded_as_its_role(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    iam.put_role_policy(RoleName="build", PolicyName="p", PolicyDocument=ALLOW_ALL)
    iam.put_role_permissions_boundary(RoleName="build", PermissionsBoundary=READ_ONLY)
    role = f"arn:aws:iam::{account}:role/build"
    assumed = server.client("sts", account).assume_role(RoleArn=role, RoleSessionName="build")["Credentials"]
    keys = (assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    ecr = server.client("ecr", account, keys=keys)
    assert "no permissions boundary allows" in refusal(ecr.create_repository, repositoryName="api")[2]
    iam.delete_role_permissions_boundary(RoleName="build")
    assert ecr.create_repository(repositoryName="api")


def test_a_policy_that_is_a_boundary_is_not_deleted(iam: Any) -> None:  # noqa: ANN401
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    iam.create_user(UserName="ann", PermissionsBoundary=arn)
    assert refusal(iam.delete_policy, PolicyArn=arn)[:2] == (409, "DeleteConflict")
    iam.delete_user(UserName="ann")
    iam.delete_policy(PolicyArn=arn)


def test_only_policies_that_may_be_attached_may_be_boundaries(iam: Any, account: str) -> None:  # noqa: ANN401
    missing = f"arn:aws:iam::{account}:policy/none"
    for arn, code in (
        (missing, "NoSuchEntity"),
        (SERVICE_POLICY, "PolicyNotAttachable"),
        ("a" * 20, "ValidationError"),
    ):
        assert refusal(iam.create_user, UserName="ann", PermissionsBoundary=arn)[1] == code
    assert iam.list_users()["Users"] == []


def test_who_delegates_may_be_held_to_a_boundary(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    condition = {"StringEquals": {"iam:PermissionsBoundary": READ_ONLY}}
    iam.create_user(UserName="boss")
    document = allowing("iam:*User*", "*", Condition=condition)
    iam.put_user_policy(UserName="boss", PolicyName="p", PolicyDocument=document)
    boss = server.client("iam", account, keys=keys_of(iam, "boss"))
    assert refusal(boss.create_user, UserName="ann")[1] == "AccessDenied"
    boss.create_user(UserName="ann", PermissionsBoundary=READ_ONLY)
    boss.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=ALLOW_ALL)
    own = {"UserName": "boss", "PolicyName": "q", "PolicyDocument": ALLOW_ALL}
    assert refusal(boss.put_user_policy, **own)[1] == "AccessDenied"
