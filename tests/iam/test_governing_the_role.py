"""Four permission sets for those who govern the replication role: each allows exactly what its name says.

They are the ones that AWS's documentation gives for creating, reading, editing and deleting a service-linked role. What
the gate lets pass may still be refused by the role itself, which belongs to its service.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.ecr.test_boto3 import push
from tests.iam.answers import keys_of, trusting
from tests.iam.test_service_linked_roles import ROLE, SERVICE, delete
from tests.served import Served
from tests.waiting import until

ITS_ARN = f"arn:aws:iam::*:role/aws-service-role/{SERVICE}/{ROLE}"
OTHER_SERVICE, OTHER_ROLE = "pullthroughcache.ecr.amazonaws.com", "AWSServiceRoleForECRPullThroughCache"
ANY_POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
Statement = dict[str, object]


def allow(resource: str, *actions: str, **members: object) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **members}


SETS: dict[str, list[Statement]] = {
    "create": [
        allow(
            f"{ITS_ARN}*",
            "iam:CreateServiceLinkedRole",
            Condition={"StringLike": {"iam:AWSServiceName": SERVICE}},
        ),
        allow(f"{ITS_ARN}*", "iam:AttachRolePolicy", "iam:PutRolePolicy"),
    ],
    "read": [allow(ITS_ARN, "iam:GetRole"), allow("*", "iam:ListRoles")],
    "edit": [allow(ITS_ARN, "iam:UpdateRole", "iam:UpdateRoleDescription")],
    "delete": [allow(ITS_ARN, "iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus")],
}
# What each set lets pass, of the attempts below.
PASSES = {
    "create": {"create it", "attach a policy to it", "put a policy on it"},
    "read": {"read it", "list roles"},
    "edit": {"edit it", "describe it again"},
    "delete": {"delete it", "ask how its deletion goes"},
}


def attempts(iam: Any, ecr: Any, task: str) -> dict[str, Callable[[], object]]:  # noqa: ANN401 — boto3's clients have no type
    """What a caller might do to the role, to its siblings, and to an ordinary role. The deletion comes last."""
    return {
        "create it": lambda: iam.create_service_linked_role(AWSServiceName=SERVICE),
        "create its sibling": lambda: iam.create_service_linked_role(AWSServiceName=OTHER_SERVICE),
        "create a role": lambda: iam.create_role(RoleName="other", AssumeRolePolicyDocument="{}"),
        "read it": lambda: iam.get_role(RoleName=ROLE),
        "read its sibling": lambda: iam.get_role(RoleName=OTHER_ROLE),
        "read another role": lambda: iam.get_role(RoleName="build"),
        "list roles": iam.list_roles,
        "list its policies": lambda: iam.list_attached_role_policies(RoleName=ROLE),
        "edit it": lambda: iam.update_role(RoleName=ROLE, Description="edited"),
        "describe it again": lambda: iam.update_role_description(RoleName=ROLE, Description="described"),
        "describe its sibling again": lambda: iam.update_role_description(RoleName=OTHER_ROLE, Description="x"),
        "describe another role again": lambda: iam.update_role_description(RoleName="build", Description="x"),
        "tag it": lambda: iam.tag_role(RoleName=ROLE, Tags=[{"Key": "a", "Value": "b"}]),
        "attach a policy to it": lambda: iam.attach_role_policy(RoleName=ROLE, PolicyArn=ANY_POLICY),
        "put a policy on it": lambda: iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument="{}"),
        "put a policy on another role": lambda: iam.put_role_policy(
            RoleName="build", PolicyName="p", PolicyDocument="{}"
        ),
        "change its trust": lambda: iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument="{}"),
        "delete it as a role": lambda: iam.delete_role(RoleName=ROLE),
        "configure replication": lambda: ecr.put_replication_configuration(replicationConfiguration={"rules": []}),
        "delete its sibling": lambda: iam.delete_service_linked_role(RoleName=OTHER_ROLE),
        "delete it": lambda: iam.delete_service_linked_role(RoleName=ROLE),
        "ask how its deletion goes": lambda: iam.get_service_linked_role_deletion_status(DeletionTaskId=task),
    }


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401
    """The root of an account that has both service-linked roles and an ordinary one."""
    iam = server.client("iam", account)
    iam.create_service_linked_role(AWSServiceName=OTHER_SERVICE)
    iam.create_service_linked_role(AWSServiceName=SERVICE)
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    return iam


def governor(server: Served, iam: Any, account: str, service: str, statements: list[Statement]) -> Any:  # noqa: ANN401
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return server.client(service, account, keys=keys_of(iam, f"governor-{service}", document))


def passes(attempt: Callable[[], object]) -> bool:
    """Tell whether the gate lets a call pass, whatever the role says to it."""
    try:
        attempt()
    except ClientError as error:
        return "AccessDenied" not in error.response["Error"]["Code"]
    return True


@pytest.mark.parametrize("name", SETS)
def test_a_set_of_permissions_allows_exactly_what_it_is_for(server: Served, iam: Any, account: str, name: str) -> None:  # noqa: ANN401
    task = iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
    until(lambda: iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED")
    iam.create_service_linked_role(AWSServiceName=SERVICE)
    tried = attempts(
        governor(server, iam, account, "iam", SETS[name]), governor(server, iam, account, "ecr", SETS[name]), task
    )
    assert {what for what, attempt in tried.items() if passes(attempt)} == PASSES[name]


def test_a_caller_that_may_create_the_role_creates_it(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    delete(iam)
    own = governor(server, iam, account, "iam", SETS["create"])
    made = own.create_service_linked_role(AWSServiceName=SERVICE)["Role"]
    assert iam.get_role(RoleName=ROLE)["Role"]["RoleId"] == made["RoleId"]


def test_a_caller_that_may_edit_the_role_changes_its_description_alone(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    own = governor(server, iam, account, "iam", SETS["edit"])
    assert own.update_role_description(RoleName=ROLE, Description="ours")["Role"]["Description"] == "ours"
    assert not iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    with pytest.raises(ClientError, match="UnmodifiableEntity"):
        own.update_role(RoleName=ROLE, MaxSessionDuration=7200)


def test_a_caller_that_may_delete_the_role_deletes_it(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    assert delete(governor(server, iam, account, "iam", SETS["delete"]))["Status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=ROLE)


def test_configuring_replication_passes_no_role(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    own = governor(server, iam, account, "ecr", [allow("*", "ecr:PutReplicationConfiguration")])
    rules = [{"destinations": [{"region": "us-east-1", "registryId": account}]}]
    assert own.put_replication_configuration(replicationConfiguration={"rules": rules})


def test_the_role_says_where_it_carried_to_last(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    ecr = server.client("ecr", account)
    rules = [{"destinations": [{"region": "ap-south-1", "registryId": account}]}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    assert iam.get_role(RoleName=ROLE)["Role"]["RoleLastUsed"] == {}
    ecr.create_repository(repositoryName="team/api")
    push(ecr, "1")
    used = until(lambda: iam.get_role(RoleName=ROLE)["Role"]["RoleLastUsed"])
    assert used["Region"] == "ap-south-1"
