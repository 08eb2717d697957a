"""Which condition keys policies ask for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.iam.answers import ALLOW_ALL, allowing, keys_of, refusal, trusting
from tests.served import Served
from twinport.policies.context_keys import named_in

KEYS = st.sampled_from(["aws:SourceIp", "aws:PrincipalTag/Cost Center", "iam:PolicyARN", "ecr:ResourceTag/tëam"])


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


def asking_for(key: str) -> str:
    return allowing("ecr:*", "*", Condition={"StringLike": {key: "x"}})


def test_a_tag_with_the_kelvin_sign_passes_for_none_with_a_k(server: Served, account: str) -> None:
    iam = server.client("iam", account)
    keys = keys_of(iam, "ann", allowing("iam:ListUsers", "*", Condition={"StringEquals": {"aws:PrincipalTag/k": "x"}}))
    iam.tag_user(UserName="ann", Tags=[{"Key": "\u212a", "Value": "x"}])
    assert refusal(server.client("iam", account, keys=keys).list_users)[:2] == (403, "AccessDenied")
    iam.tag_user(UserName="ann", Tags=[{"Key": "K", "Value": "x"}])
    assert len(iam.list_user_tags(UserName="ann")["Tags"]) == 2
    assert server.client("iam", account, keys=keys).list_users()["Users"]


@given(st.lists(KEYS), st.lists(KEYS))
def test_a_key_is_named_wherever_it_is_asked_for(in_conditions: list[str], as_variables: list[str]) -> None:
    documents = [asking_for(key) for key in in_conditions]
    documents += [allowing("ecr:*", f"arn:aws:ecr:*:*:repository/${{{key}, 'none'}}") for key in as_variables]
    assert named_in(documents) == sorted({*in_conditions, *as_variables}, key=str.lower)


def test_the_older_language_has_no_variables() -> None:
    document = json.loads(allowing("ecr:*", "arn:aws:ecr:*:*:repository/${aws:username}"))
    assert named_in([json.dumps({**document, "Version": "2008-10-17"})]) == []


@pytest.mark.timeout(20)
@pytest.mark.parametrize("key", ["aws:${" + "a:" * 20_000, "aws:${a:" + " " * 40_000, "aws:" + "${a:" * 10_000])
def test_a_hostile_key_is_named_at_once(key: str) -> None:
    assert named_in([asking_for(key)]) == [key]


def test_characters_that_are_written_as_variables_are_no_keys() -> None:
    assert named_in([allowing("ecr:*", "arn:aws:ecr:*:*:repository/${*}/${?}/${$}")]) == []


def test_keys_of_policies_that_are_sent_are_named(iam: Any) -> None:  # noqa: ANN401
    found = iam.get_context_keys_for_custom_policy(PolicyInputList=[asking_for("aws:SourceIp"), ALLOW_ALL])
    assert found["ContextKeyNames"] == ["aws:SourceIp"]
    answer = refusal(iam.get_context_keys_for_custom_policy, PolicyInputList=["{}"])
    assert answer[:2] == (400, "InvalidInput")


def test_keys_of_a_users_and_its_groups_policies_are_named(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_user(UserName="ann", Path="/staff/")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=asking_for("aws:SourceIp"))
    iam.create_group(GroupName="blue")
    iam.add_user_to_group(GroupName="blue", UserName="ann")
    own = iam.create_policy(PolicyName="mine", PolicyDocument=asking_for("aws:userid"))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="blue", PolicyArn=own)
    full = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess"
    iam.attach_group_policy(GroupName="blue", PolicyArn=full)
    arn = f"arn:aws:iam::{account}:user/staff/ann"
    found = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn, PolicyInputList=[asking_for("aws:x")])
    assert found["ContextKeyNames"] == ["aws:SourceIp", "aws:userid", "aws:x", "iam:AWSServiceName"]


def test_keys_of_a_role_are_named_and_a_missing_one_is_not_found(iam: Any, account: str) -> None:  # noqa: ANN401
    iam.create_role(RoleName="build", AssumeRolePolicyDocument=trusting(account))
    iam.put_role_policy(RoleName="build", PolicyName="p", PolicyDocument=asking_for("aws:SourceIp"))
    ask = iam.get_context_keys_for_principal_policy
    arn = f"arn:aws:iam::{account}:role/"
    assert ask(PolicySourceArn=f"{arn}build")["ContextKeyNames"] == ["aws:SourceIp"]
    words = "Unable to retrieve specified IAM entity."
    assert refusal(ask, PolicySourceArn=f"{arn}none") == (404, "NoSuchEntity", words)
    assert refusal(ask, PolicySourceArn=f"arn:aws:iam::{account}:root")[:2] == (400, "InvalidInput")
