"""Instance profiles as clients see them."""

from typing import Any

import pytest

from tests.iam.answers import allowing, keys_of, refusal, trusting
from tests.served import Served


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def profile(iam: Any, account: str) -> str:  # noqa: ANN401
    """A profile that holds role 'build'."""
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    iam.create_instance_profile(InstanceProfileName="machines", Path="/ci/")
    iam.add_role_to_instance_profile(InstanceProfileName="machines", RoleName="build")
    return "machines"


def test_a_new_profile_is_empty(iam: Any, account: str) -> None:  # noqa: ANN401
    tags = [{"Key": "team", "Value": "blue"}]
    made = iam.create_instance_profile(InstanceProfileName="machines", Path="/ci/", Tags=tags)["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{account}:instance-profile/ci/machines"
    assert made["InstanceProfileId"].startswith("AIPA")
    assert (made["Roles"], made["Tags"]) == ([], tags)
    assert iam.get_instance_profile(InstanceProfileName="machines")["InstanceProfile"] == made


def test_a_profile_shows_its_role(iam: Any, profile: str) -> None:  # noqa: ANN401
    (role,) = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    assert set(role) == {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
    (found,) = iam.list_instance_profiles_for_role(RoleName="build")["InstanceProfiles"]
    assert (found["InstanceProfileName"], found["Roles"]) == (profile, [role])


def test_a_profile_holds_one_role(iam: Any, account: str, profile: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=trusting(account))
    words = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    for role in ("other", "build"):
        answer = refusal(iam.add_role_to_instance_profile, InstanceProfileName=profile, RoleName=role)
        assert answer == (409, "LimitExceeded", words)


def test_neither_a_profile_with_a_role_nor_its_role_is_deleted(iam: Any, profile: str) -> None:  # noqa: ANN401
    words = "Cannot delete entity, must remove roles from instance profile first."
    assert refusal(iam.delete_instance_profile, InstanceProfileName=profile) == (409, "DeleteConflict", words)
    assert refusal(iam.delete_role, RoleName="build") == (409, "DeleteConflict", words)
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName="build")
    iam.delete_instance_profile(InstanceProfileName=profile)
    iam.delete_role(RoleName="build")
    assert iam.list_instance_profiles()["InstanceProfiles"] == []


def test_a_missing_profile_is_not_found(iam: Any, profile: str) -> None:  # noqa: ANN401
    words = "Instance Profile none cannot be found."
    for call, more in (
        (iam.get_instance_profile, {}),
        (iam.delete_instance_profile, {}),
        (iam.add_role_to_instance_profile, {"RoleName": "build"}),
        (iam.list_instance_profile_tags, {}),
    ):
        assert refusal(call, InstanceProfileName="none", **more) == (404, "NoSuchEntity", words)
    answer = refusal(iam.add_role_to_instance_profile, InstanceProfileName=profile, RoleName="none")
    assert answer == (404, "NoSuchEntity", "The role with name none cannot be found.")


def test_a_role_that_is_not_in_a_profile_is_not_taken_out(iam: Any, account: str, profile: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=trusting(account))
    answer = refusal(iam.remove_role_from_instance_profile, InstanceProfileName=profile, RoleName="other")
    assert answer[:2] == (404, "NoSuchEntity")


def test_a_name_is_taken_in_whatever_case(iam: Any, profile: str) -> None:  # noqa: ANN401
    answer = refusal(iam.create_instance_profile, InstanceProfileName=profile.upper())
    assert answer == (409, "EntityAlreadyExists", f"Instance Profile {profile.upper()} already exists.")


def test_profiles_are_listed_by_path_and_in_pages(iam: Any) -> None:  # noqa: ANN401
    for name, path in (("b", "/ci/"), ("a", "/ci/"), ("C", "/ci/"), ("d", "/")):
        iam.create_instance_profile(InstanceProfileName=name, Path=path)
    pages = iam.get_paginator("list_instance_profiles").paginate(PathPrefix="/ci/", PaginationConfig={"PageSize": 2})
    names = [[each["InstanceProfileName"] for each in page["InstanceProfiles"]] for page in pages]
    assert names == [["a", "b"], ["C"]]


def test_tags_of_a_profile_are_added_and_removed(iam: Any, profile: str) -> None:  # noqa: ANN401
    iam.tag_instance_profile(InstanceProfileName=profile, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    iam.untag_instance_profile(InstanceProfileName=profile, TagKeys=["A"])
    assert iam.list_instance_profile_tags(InstanceProfileName=profile)["Tags"] == [{"Key": "b", "Value": ""}]


def test_a_caller_that_puts_a_role_in_a_profile_must_be_allowed_to_pass_it(
    server: Served,
    iam: Any,  # noqa: ANN401
    account: str,
    profile: str,
) -> None:
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName="build")
    keys = keys_of(iam, "ann", allowing("iam:AddRoleToInstanceProfile", "*"))
    ann = server.client("iam", account, keys=keys)

    answer = refusal(ann.add_role_to_instance_profile, InstanceProfileName=profile, RoleName="build")
    assert answer[1] == "AccessDenied"
    assert "perform: iam:PassRole on resource: role build " in answer[2]
    for service, is_enough in (("ecs-tasks.amazonaws.com", False), ("ec2.amazonaws.com", True)):
        condition = {"StringEquals": {"iam:PassedToService": service}}
        document = allowing("iam:PassRole", f"arn:aws:iam::{account}:role/build", Condition=condition)
        iam.put_user_policy(UserName="ann", PolicyName="pass", PolicyDocument=document)
        if is_enough:
            ann.add_role_to_instance_profile(InstanceProfileName=profile, RoleName="build")
        else:
            refused = refusal(ann.add_role_to_instance_profile, InstanceProfileName=profile, RoleName="build")
            assert refused[1] == "AccessDenied"
    assert iam.list_instance_profiles_for_role(RoleName="build")["InstanceProfiles"]


def test_a_policy_may_ask_for_the_tags_of_a_profile(server: Served, iam: Any, account: str, profile: str) -> None:  # noqa: ANN401
    condition = {"StringEquals": {"iam:ResourceTag/team": "blue"}}
    keys = keys_of(iam, "ann", allowing("iam:GetInstanceProfile", "*", Condition=condition))
    ann = server.client("iam", account, keys=keys)
    assert refusal(ann.get_instance_profile, InstanceProfileName=profile)[1] == "AccessDenied"
    iam.tag_instance_profile(InstanceProfileName=profile, Tags=[{"Key": "team", "Value": "blue"}])
    assert ann.get_instance_profile(InstanceProfileName=profile)
