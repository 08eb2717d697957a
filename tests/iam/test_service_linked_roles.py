"""The service-linked role as clients see it: created, read, protected, deleted."""

import json
import time
from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, refusal, trusting
from tests.served import Served
from tests.waiting import PATIENCE_SECONDS

ROLE = "AWSServiceRoleForECRReplication"
SERVICE = "replication.ecr.amazonaws.com"
PROTECTED = f"Cannot perform the operation on the protected role '{ROLE}' - this role is only modifiable by AWS"
RULES = {"rules": [{"destinations": [{"region": "us-east-1", "registryId": "999988887777"}]}]}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ITS_POLICY = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def role(iam: Any) -> str:  # noqa: ANN401
    iam.create_service_linked_role(AWSServiceName=SERVICE)
    return ROLE


def settled(iam: Any, task: str) -> Any:  # noqa: ANN401
    """Poll a deletion task until it is settled."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
        if status["Status"] in ("SUCCEEDED", "FAILED"):
            return status
        time.sleep(0.05)
    raise AssertionError("the deletion did not end")


def delete(iam: Any) -> Any:  # noqa: ANN401
    return settled(iam, iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"])


# --- created ----------------------------------------------------------------------------------------------


def test_the_answer_to_the_creation_has_the_trust_document_in_lists(iam: Any, account: str) -> None:  # noqa: ANN401
    made = iam.create_service_linked_role(AWSServiceName=SERVICE)["Role"]
    assert list(made) == ["Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"]
    assert made["Path"] == f"/aws-service-role/{SERVICE}/"
    assert made["Arn"] == f"arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/{ROLE}"
    assert made["RoleId"].startswith("AROA")
    statement = {"Effect": "Allow", "Principal": {"Service": [SERVICE]}, "Action": ["sts:AssumeRole"]}
    assert made["AssumeRolePolicyDocument"] == {"Version": "2012-10-17", "Statement": [statement]}


def test_it_is_read_as_it_was_recorded(iam: Any, role: str) -> None:  # noqa: ANN401
    read = iam.get_role(RoleName=role)["Role"]
    assert set(read) == {
        *("Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "MaxSessionDuration"),
        "RoleLastUsed",
    }
    statement = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    assert read["AssumeRolePolicyDocument"] == {"Version": "2012-10-17", "Statement": [statement]}
    assert (read["MaxSessionDuration"], read["RoleLastUsed"]) == (3600, {})


def test_it_has_one_managed_policy_and_no_inline_ones(iam: Any, role: str) -> None:  # noqa: ANN401
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached == [{"PolicyName": "ECRReplicationServiceRolePolicy", "PolicyArn": ITS_POLICY}]
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []
    assert iam.list_role_tags(RoleName=role)["Tags"] == []
    assert iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"] == []


def test_a_description_is_kept(iam: Any) -> None:  # noqa: ANN401
    iam.create_service_linked_role(AWSServiceName=SERVICE, Description="ours")
    assert iam.get_role(RoleName=ROLE)["Role"]["Description"] == "ours"


def test_the_second_creation_hears_that_the_name_is_taken(iam: Any, role: str) -> None:  # noqa: ANN401
    words = f"Service role name {role} has been taken in this account, please try a different suffix."
    assert refusal(iam.create_service_linked_role, AWSServiceName=SERVICE) == (400, "InvalidInput", words)


@pytest.mark.parametrize("service", [SERVICE, "pullthroughcache.ecr.amazonaws.com", "ecr.amazonaws.com"])
def test_a_suffix_is_refused(iam: Any, service: str) -> None:  # noqa: ANN401
    words = f"Custom suffix is not allowed for {service}"
    answer = refusal(iam.create_service_linked_role, AWSServiceName=service, CustomSuffix="x")
    assert answer == (400, "InvalidInput", words)


def test_an_unknown_service_has_no_role(iam: Any) -> None:  # noqa: ANN401
    status, code, _ = refusal(iam.create_service_linked_role, AWSServiceName="bogus.amazonaws.com")
    assert (status, code) == (400, "InvalidInput")


def test_the_siblings_have_roles_of_their_own(iam: Any) -> None:  # noqa: ANN401
    for service in ("pullthroughcache.ecr.amazonaws.com", "ecr.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName=service)
    found = iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]
    assert [each["RoleName"] for each in found] == [
        "AWSServiceRoleForECRPullThroughCache",
        "AWSServiceRoleForECRTemplate",
    ]


def test_the_first_configuration_creates_it_with_a_description(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    server.client("ecr", account).put_replication_configuration(replicationConfiguration=RULES)
    made = iam.get_role(RoleName=ROLE)["Role"]
    assert made["Description"] == "Allows Amazon ECR to replicate images across multiple accounts"


def test_a_caller_that_may_not_create_it_hears_why(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser")
    allow = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="ann", PolicyName="ecr", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ecr = server.client("ecr", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    answer = refusal(ecr.put_replication_configuration, replicationConfiguration=RULES)
    words = (
        f"User: arn:aws:iam::{account}:user/ann is not authorized to perform: iam:CreateServiceLinkedRole on resource: "
        f"arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/{ROLE} because no identity-based policy allows the "
        "iam:CreateServiceLinkedRole action"
    )
    assert answer == (400, "AccessDeniedException", words)
    assert ecr.describe_registry()["replicationConfiguration"]["rules"] == []
    full = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess"
    iam.attach_user_policy(UserName="ann", PolicyArn=full)
    ecr.put_replication_configuration(replicationConfiguration=RULES)
    assert iam.get_role(RoleName=ROLE)


def test_a_configuration_without_rules_creates_nothing(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    server.client("ecr", account).put_replication_configuration(replicationConfiguration={"rules": []})
    assert iam.list_roles()["Roles"] == []


# --- protected --------------------------------------------------------------------------------------------

PROFILE, BOUNDARY = "profile", "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("add_role_to_instance_profile", {"InstanceProfileName": PROFILE}),
        ("attach_role_policy", {"PolicyArn": READ_ONLY}),
        ("delete_role", {}),
        ("delete_role_permissions_boundary", {}),
        ("delete_role_policy", {"PolicyName": "inline"}),
        ("detach_role_policy", {"PolicyArn": ITS_POLICY}),
        ("put_role_permissions_boundary", {"PermissionsBoundary": BOUNDARY}),
        ("put_role_policy", {"PolicyName": "inline", "PolicyDocument": ALLOW_ALL}),
        ("remove_role_from_instance_profile", {"InstanceProfileName": PROFILE}),
        ("update_assume_role_policy", {"PolicyDocument": trusting("111122223333")}),
        ("update_role", {"MaxSessionDuration": 7200}),
        ("update_role", {"MaxSessionDuration": 7200, "Description": "not even this"}),
    ],
)
def test_no_caller_may_change_it(iam: Any, role: str, operation: str, arguments: dict[str, object]) -> None:  # noqa: ANN401
    before = iam.get_role(RoleName=role)["Role"]
    answer = refusal(getattr(iam, operation), RoleName=role, **arguments)
    assert answer == (400, "UnmodifiableEntity", PROTECTED)
    assert iam.get_role(RoleName=role)["Role"] == before


def test_its_description_may_be_edited(iam: Any, role: str) -> None:  # noqa: ANN401
    iam.update_role(RoleName=role, Description="first")
    assert iam.get_role(RoleName=role)["Role"]["Description"] == "first"
    answer = iam.update_role_description(RoleName=role, Description="second")
    assert answer["Role"]["Description"] == "second"


def test_it_may_be_tagged(iam: Any, role: str) -> None:  # noqa: ANN401
    iam.tag_role(RoleName=role, Tags=[{"Key": "team", "Value": "blue"}])
    assert iam.get_role(RoleName=role)["Role"]["Tags"] == [{"Key": "team", "Value": "blue"}]
    iam.untag_role(RoleName=role, TagKeys=["TEAM", "absent"])
    assert "Tags" not in iam.get_role(RoleName=role)["Role"]


def test_a_role_of_the_same_name_is_refused(iam: Any, role: str, account: str) -> None:  # noqa: ANN401
    answer = refusal(iam.create_role, RoleName=role.lower(), AssumeRolePolicyDocument=trusting(account))
    assert answer == (409, "EntityAlreadyExists", f"Role with name {role.lower()} already exists.")


def test_no_caller_may_assume_it(server: Served, role: str, account: str) -> None:
    arn = f"arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/{role}"
    status, code, _ = refusal(server.client("sts", account).assume_role, RoleArn=arn, RoleSessionName="me")
    assert (status, code) == (403, "AccessDenied")


def test_its_policy_hangs_on_no_customer(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=trusting(account))
    words = "Cannot attach a Service Role Policy to a Customer Role."
    answer = refusal(iam.attach_role_policy, RoleName="mine", PolicyArn=ITS_POLICY)
    assert answer == (400, "PolicyNotAttachable", words)


# --- deleted ----------------------------------------------------------------------------------------------


def test_an_unused_role_is_deleted_with_everything_on_it(iam: Any, role: str) -> None:  # noqa: ANN401
    iam.tag_role(RoleName=role, Tags=[{"Key": "team", "Value": "blue"}])
    task = iam.delete_service_linked_role(RoleName=role)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{SERVICE}/{role}/")
    status = settled(iam, task)
    assert status["Status"] == "SUCCEEDED"
    assert "Reason" not in status
    words = f"The role with name {role} cannot be found."
    assert refusal(iam.get_role, RoleName=role) == (404, "NoSuchEntity", words)
    assert iam.create_service_linked_role(AWSServiceName=SERVICE)
    assert iam.list_role_tags(RoleName=role)["Tags"] == []


def test_a_configured_region_keeps_the_role_and_is_named(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    for region in ("eu-west-1", "ap-south-1"):
        server.client("ecr", account, region).put_replication_configuration(replicationConfiguration=RULES)
    server.client("ecr", account, "eu-west-1").put_replication_configuration(replicationConfiguration={"rules": []})
    status = delete(iam)
    assert status["Status"] == "FAILED"
    assert status["Reason"] == {
        "Reason": "the role is in use: ap-south-1: configured",
        "RoleUsageList": [
            {"Region": "ap-south-1", "Resources": [f"arn:aws:ecr:ap-south-1:{account}:registry/{account}"]}
        ],
    }
    assert iam.get_role(RoleName=ROLE)


def test_a_failed_deletion_leaves_replication_as_it_was(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    here, there = (server.client("ecr", account, region) for region in ("eu-west-1", "ap-south-1"))
    here.put_replication_configuration(replicationConfiguration=RULES)
    there.describe_registry()
    assert delete(iam)["Status"] == "FAILED"
    there.put_replication_configuration(replicationConfiguration=RULES)
    assert there.describe_registry()["replicationConfiguration"]["rules"]


def test_once_nothing_is_configured_it_goes_and_the_next_configuration_makes_another(
    server: Served,
    iam: Any,  # noqa: ANN401
    account: str,
) -> None:
    ecr = server.client("ecr", account)
    ecr.put_replication_configuration(replicationConfiguration=RULES)
    first = iam.get_role(RoleName=ROLE)["Role"]["RoleId"]
    assert delete(iam)["Status"] == "FAILED"
    ecr.put_replication_configuration(replicationConfiguration={"rules": []})
    assert delete(iam)["Status"] == "SUCCEEDED"
    ecr.put_replication_configuration(replicationConfiguration=RULES)
    assert iam.get_role(RoleName=ROLE)["Role"]["RoleId"] != first


def test_an_absent_role_cannot_be_deleted(iam: Any) -> None:  # noqa: ANN401
    words = f"The role with name {ROLE} cannot be found."
    assert refusal(iam.delete_service_linked_role, RoleName=ROLE) == (404, "NoSuchEntity", words)


def test_an_ordinary_role_is_not_deleted_this_way(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=trusting(account))
    status, code, _ = refusal(iam.delete_service_linked_role, RoleName="mine")
    assert (status, code) == (400, "InvalidInput")


def test_another_accounts_task_is_not_found(server: Served, iam: Any, role: str) -> None:  # noqa: ANN401
    task = iam.delete_service_linked_role(RoleName=role)["DeletionTaskId"]
    stranger = server.client("iam", "210987654321")
    words = f"The deletion task with id {task} cannot be found."
    answer = refusal(stranger.get_service_linked_role_deletion_status, DeletionTaskId=task)
    assert answer == (404, "NoSuchEntity", words)
