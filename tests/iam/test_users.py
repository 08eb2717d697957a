"""Users and access keys as clients see them."""

from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, allowing, refusal
from tests.served import Served


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


def test_tags_are_shown_by_create_and_get_and_not_by_list(iam: Any, account: str) -> None:  # noqa: ANN401
    tags = [{"Key": "team", "Value": "blue"}]
    made = iam.create_user(UserName="ann", Path="/staff/", Tags=tags)["User"]
    assert made["Arn"] == f"arn:aws:iam::{account}:user/staff/ann"
    assert made["UserId"].startswith("AIDA")
    assert made["Tags"] == iam.get_user(UserName="ann")["User"]["Tags"] == tags
    assert "Tags" not in iam.list_users()["Users"][0]
    assert "Tags" not in iam.create_user(UserName="bob")["User"]


def test_a_name_that_is_taken_is_refused(iam: Any) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    words = "User with name ANN already exists."
    assert refusal(iam.create_user, UserName="ANN") == (409, "EntityAlreadyExists", words)


def test_a_missing_user_is_not_found(iam: Any) -> None:  # noqa: ANN401
    words = "The user with name nobody cannot be found."
    assert refusal(iam.get_user, UserName="nobody") == (404, "NoSuchEntity", words)
    assert refusal(iam.create_access_key, UserName="nobody") == (404, "NoSuchEntity", words)


def test_a_user_with_keys_or_policies_is_not_deleted(iam: Any) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    words = "Cannot delete entity, must delete access keys first."
    assert refusal(iam.delete_user, UserName="ann") == (409, "DeleteConflict", words)
    iam.delete_access_key(UserName="ann", AccessKeyId=key)
    iam.put_user_policy(UserName="ann", PolicyName="inline", PolicyDocument=ALLOW_ALL)
    assert refusal(iam.delete_user, UserName="ann")[1] == "DeleteConflict"
    iam.delete_user_policy(UserName="ann", PolicyName="inline")
    iam.delete_user(UserName="ann")
    assert iam.list_users()["Users"] == []


def test_a_third_access_key_is_refused(iam: Any) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    made = [iam.create_access_key(UserName="ann")["AccessKey"] for _ in range(2)]
    words = "Cannot exceed quota for AccessKeysPerUser: 2"
    assert refusal(iam.create_access_key, UserName="ann") == (409, "LimitExceeded", words)
    listed = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
    assert sorted(key["AccessKeyId"] for key in listed) == sorted(key["AccessKeyId"] for key in made)
    assert all("SecretAccessKey" not in key for key in listed)


def test_a_key_works_until_it_is_switched_off_or_deleted(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    keys = (key["AccessKeyId"], key["SecretAccessKey"], None)
    identity = server.client("sts", account, keys=keys).get_caller_identity
    assert identity()["Arn"] == f"arn:aws:iam::{account}:user/ann"
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refusal(identity)[:2] == (403, "InvalidClientTokenId")
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert identity()
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    assert refusal(identity)[:2] == (403, "InvalidClientTokenId")


def test_a_key_of_another_user_is_not_found(iam: Any) -> None:  # noqa: ANN401
    for name in ("ann", "bob"):
        iam.create_user(UserName=name)
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    words = f"The Access Key with id {key} cannot be found."
    assert refusal(iam.delete_access_key, UserName="bob", AccessKeyId=key) == (404, "NoSuchEntity", words)
    assert refusal(iam.update_access_key, UserName="bob", AccessKeyId=key, Status="Active")[1] == "NoSuchEntity"


def test_an_access_key_cannot_be_made_to_expire(iam: Any) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    answer = refusal(iam.update_access_key, UserName="ann", AccessKeyId=key, Status="Expired")
    assert answer[:2] == (400, "InvalidInput")


def test_without_a_name_a_user_means_itself(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann", Path="/staff/")
    iam.put_user_policy(UserName="ann", PolicyName="inline", PolicyDocument=ALLOW_ALL)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = server.client("iam", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    assert own.get_user()["User"]["UserName"] == "ann"
    assert own.list_access_keys()["AccessKeyMetadata"][0]["UserName"] == "ann"


def test_without_a_name_the_root_means_itself(iam: Any, account: str) -> None:  # noqa: ANN401
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{account}:root"
    assert iam.list_access_keys()["AccessKeyMetadata"] == []


def test_a_user_without_policies_is_denied_and_learns_nothing(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = server.client("iam", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    for name in ("ann", "nobody"):
        words = (
            f"User: arn:aws:iam::{account}:user/ann is not authorized to perform: iam:GetUser on resource: "
            f"user {name} because no identity-based policy allows the iam:GetUser action"
        )
        assert refusal(own.get_user, UserName=name) == (403, "AccessDenied", words)


def test_a_value_outside_its_enumeration_is_refused_in_iams_words(iam: Any) -> None:  # noqa: ANN401
    answer = refusal(iam.update_access_key, AccessKeyId="AKIAIOSFODNN7EXAMPLE", Status="On")
    words = "1 validation error detected: Value at 'status' failed to satisfy constraint: "
    assert answer == (400, "ValidationError", f"{words}Member must satisfy enum value set")


def test_a_renamed_user_keeps_its_id_and_its_keys(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    made = iam.create_user(UserName="ann")["User"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.update_user(UserName="ann", NewUserName="Ann", NewPath="/staff/")
    own = server.client("sts", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None)).get_caller_identity()
    assert own["Arn"] == f"arn:aws:iam::{account}:user/staff/Ann"
    assert own["UserId"] == iam.get_user(UserName="Ann")["User"]["UserId"] == made["UserId"]
    assert refusal(iam.get_user, UserName="ann")[1] == "NoSuchEntity"


def test_a_user_is_not_renamed_to_a_name_that_is_taken(iam: Any) -> None:  # noqa: ANN401
    for name in ("ann", "bob"):
        iam.create_user(UserName=name)
    words = "User with name ann already exists."
    assert refusal(iam.update_user, UserName="bob", NewUserName="ann") == (409, "EntityAlreadyExists", words)


def test_renaming_needs_a_permission_for_the_new_name_too(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    arn = f"arn:aws:iam::{account}:user/"
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=allowing("iam:UpdateUser", f"{arn}ann"))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = server.client("iam", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    answer = refusal(own.update_user, UserName="ann", NewUserName="admin")
    assert answer[1] == "AccessDenied"
    assert "on resource: user admin " in answer[2]


def test_tags_of_a_user_are_added_replaced_and_removed(iam: Any) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann", Tags=[{"Key": "team", "Value": "blue"}])
    iam.tag_user(UserName="ann", Tags=[{"Key": "Team", "Value": "green"}, {"Key": "floor", "Value": "2"}])
    floor, team = {"Key": "floor", "Value": "2"}, {"Key": "Team", "Value": "green"}
    assert iam.list_user_tags(UserName="ann")["Tags"] == [floor, team]
    pages = iam.get_paginator("list_user_tags").paginate(UserName="ann", PaginationConfig={"PageSize": 1})
    assert [page["Tags"] for page in pages] == [[floor], [team]]
    iam.untag_user(UserName="ann", TagKeys=["floor", "none"])
    assert iam.get_user(UserName="ann")["User"]["Tags"] == [team]


def test_a_policy_may_ask_for_the_tags_of_the_user_who_calls(server: Served, iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    document = allowing("iam:ListUsers", "*", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = server.client("iam", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))
    assert refusal(own.list_users)[1] == "AccessDenied"
    iam.tag_user(UserName="ann", Tags=[{"Key": "team", "Value": "blue"}])
    assert own.list_users()["Users"]


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("list_mfa_devices", "MFADevices"),
        ("list_ssh_public_keys", "SSHPublicKeys"),
        ("list_service_specific_credentials", "ServiceSpecificCredentials"),
        ("list_signing_certificates", "Certificates"),
    ],
)
def test_credentials_that_do_not_exist_are_listed_as_none(iam: Any, operation: str, member: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann")
    assert getattr(iam, operation)(UserName="ann")[member] == []
    assert refusal(getattr(iam, operation), UserName="bob")[1] == "NoSuchEntity"
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
