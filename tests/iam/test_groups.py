"""Groups as clients see them: what they hold, and what their users may do by them."""

from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, refusal
from tests.served import Served

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    client = server.client("iam", account)
    client.create_group(GroupName="blue", Path="/teams/")
    client.create_user(UserName="ann")
    return client


def test_a_group_is_shown_with_its_users(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.add_user_to_group(GroupName="blue", UserName="ann")
    iam.add_user_to_group(GroupName="blue", UserName="ann")
    shown = iam.get_group(GroupName="blue")
    assert shown["Group"]["Arn"] == f"arn:aws:iam::{account}:group/teams/blue"
    assert shown["Group"]["GroupId"].startswith("AGPA")
    assert [user["UserName"] for user in shown["Users"]] == ["ann"]
    assert iam.list_groups_for_user(UserName="ann")["Groups"] == [shown["Group"]]
    assert iam.list_groups(PathPrefix="/teams/")["Groups"] == [shown["Group"]]
    assert iam.list_groups(PathPrefix="/other/")["Groups"] == []


def test_a_users_list_of_groups_comes_in_pages(iam: Any) -> None:  # noqa: ANN401
    iam.create_group(GroupName="Amber")
    for name in ("blue", "Amber"):
        iam.add_user_to_group(GroupName=name, UserName="ann")
    pages = iam.get_paginator("list_groups_for_user").paginate(UserName="ann", PaginationConfig={"PageSize": 1})
    assert [[group["GroupName"] for group in page["Groups"]] for page in pages] == [["Amber"], ["blue"]]


def test_a_missing_group_is_not_found(iam: Any) -> None:  # noqa: ANN401
    words = "The group with name none cannot be found."
    assert refusal(iam.get_group, GroupName="none") == (404, "NoSuchEntity", words)
    assert refusal(iam.add_user_to_group, GroupName="none", UserName="ann") == (404, "NoSuchEntity", words)
    assert refusal(iam.put_group_policy, GroupName="none", PolicyName="p", PolicyDocument=ALLOW_ALL)[2] == words
    assert refusal(iam.remove_user_from_group, GroupName="blue", UserName="ann")[:2] == (404, "NoSuchEntity")


def test_a_groups_name_is_taken_in_every_case(iam: Any) -> None:  # noqa: ANN401
    words = "Group with name BLUE already exists."
    assert refusal(iam.create_group, GroupName="BLUE") == (409, "EntityAlreadyExists", words)


def test_a_group_that_holds_something_is_not_deleted(iam: Any) -> None:  # noqa: ANN401
    iam.add_user_to_group(GroupName="blue", UserName="ann")
    words = "Cannot delete entity, must remove users from group first."
    assert refusal(iam.delete_group, GroupName="blue") == (409, "DeleteConflict", words)
    assert refusal(iam.delete_user, UserName="ann")[1] == "DeleteConflict"
    iam.remove_user_from_group(GroupName="blue", UserName="ann")
    iam.put_group_policy(GroupName="blue", PolicyName="p", PolicyDocument=ALLOW_ALL)
    assert refusal(iam.delete_group, GroupName="blue")[1] == "DeleteConflict"
    iam.delete_group_policy(GroupName="blue", PolicyName="p")
    iam.delete_group(GroupName="blue")
    iam.delete_user(UserName="ann")


def test_policies_of_a_group_are_kept_and_shown(iam: Any) -> None:  # noqa: ANN401
    iam.put_group_policy(GroupName="blue", PolicyName="inline", PolicyDocument=ALLOW_ALL)
    iam.attach_group_policy(GroupName="blue", PolicyArn=READ_ONLY)
    assert iam.list_group_policies(GroupName="blue")["PolicyNames"] == ["inline"]
    assert iam.get_group_policy(GroupName="blue", PolicyName="inline")["GroupName"] == "blue"
    attached = iam.list_attached_group_policies(GroupName="blue")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [READ_ONLY]
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 1
    iam.detach_group_policy(GroupName="blue", PolicyArn=READ_ONLY)
    assert iam.list_attached_group_policies(GroupName="blue")["AttachedPolicies"] == []


def test_a_user_may_what_its_groups_may_as_long_as_it_is_in_them(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = server.client("iam", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    assert refusal(own.list_users)[1] == "AccessDenied"
    iam.put_group_policy(GroupName="blue", PolicyName="inline", PolicyDocument=ALLOW_ALL)
    assert refusal(own.list_users)[1] == "AccessDenied"
    iam.add_user_to_group(GroupName="blue", UserName="ann")
    assert own.list_users()["Users"]
    iam.delete_group_policy(GroupName="blue", PolicyName="inline")
    assert refusal(own.list_users)[1] == "AccessDenied"
    iam.attach_group_policy(GroupName="blue", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess")
    ecr = server.client("ecr", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    assert ecr.describe_repositories()["repositories"] == []
    iam.remove_user_from_group(GroupName="blue", UserName="ann")
    assert refusal(ecr.describe_repositories)[1] == "AccessDeniedException"


def test_a_renamed_group_keeps_its_id_its_users_and_its_policies(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.add_user_to_group(GroupName="blue", UserName="ann")
    iam.attach_group_policy(GroupName="blue", PolicyArn=READ_ONLY)
    before = iam.get_group(GroupName="blue")["Group"]
    iam.update_group(GroupName="blue", NewGroupName="green", NewPath="/")
    after = iam.get_group(GroupName="green")
    assert after["Group"] == {**before, "GroupName": "green", "Path": "/", "Arn": f"arn:aws:iam::{account}:group/green"}
    assert len(after["Users"]) == 1
    assert iam.list_attached_group_policies(GroupName="green")["AttachedPolicies"]
    iam.create_group(GroupName="blue")
    assert refusal(iam.update_group, GroupName="blue", NewGroupName="Green")[1] == "EntityAlreadyExists"


def test_a_user_is_in_ten_groups_at_most(iam: Any) -> None:  # noqa: ANN401
    for number in range(10):
        iam.create_group(GroupName=f"g{number}")
        iam.add_user_to_group(GroupName=f"g{number}", UserName="ann")
    words = "Cannot exceed quota for GroupsPerUser: 10"
    assert refusal(iam.add_user_to_group, GroupName="blue", UserName="ann") == (409, "LimitExceeded", words)
