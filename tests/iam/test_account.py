"""An account's alias and summary as clients see them."""

from typing import Any

import pytest

from tests.iam.answers import ALLOW_ALL, refusal, trusting
from tests.served import Served, new_account


@pytest.fixture
def iam(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
    return server.client("iam", account)


@pytest.fixture
def alias(account: str) -> str:
    """An alias that no other account has."""
    return f"acme-{account}"


def test_a_second_alias_replaces_the_first(iam: Any, alias: str) -> None:  # noqa: ANN401
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias=alias)
    iam.create_account_alias(AccountAlias=f"{alias}-2")
    assert iam.list_account_aliases()["AccountAliases"] == [f"{alias}-2"]
    iam.delete_account_alias(AccountAlias=f"{alias}-2")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_no_two_accounts_have_one_alias(server: Served, iam: Any, alias: str) -> None:  # noqa: ANN401
    iam.create_account_alias(AccountAlias=alias)
    words = f"The account alias {alias} already exists."
    other = server.client("iam", new_account())
    assert refusal(other.create_account_alias, AccountAlias=alias) == (409, "EntityAlreadyExists", words)
    assert refusal(other.delete_account_alias, AccountAlias=alias)[:2] == (404, "NoSuchEntity")
    assert iam.list_account_aliases()["AccountAliases"] == [alias]


@pytest.mark.parametrize("alias", ["Acme", "acme-", "-acme", "ac--me", "ac_me"])
def test_what_does_not_look_like_an_alias_is_refused(iam: Any, alias: str) -> None:  # noqa: ANN401
    answer = refusal(iam.create_account_alias, AccountAlias=alias)
    assert answer[:2] == (400, "ValidationError")
    assert "'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern" in answer[2]


def test_an_account_id_is_no_alias(iam: Any) -> None:  # noqa: ANN401
    assert refusal(iam.create_account_alias, AccountAlias="111122223333")[:2] == (400, "InvalidInput")


def test_the_summary_counts_what_the_account_has(iam: Any, account: str) -> None:  # noqa: ANN401
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="staff")
    for name in ("build", "test"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(account))
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    iam.create_instance_profile(InstanceProfileName="machines")
    iam.create_open_id_connect_provider(Url="https://idp.example.com", ThumbprintList=["a" * 40])
    iam.create_access_key()
    after = iam.get_account_summary()["SummaryMap"]
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "Users": 1,
        "Groups": 1,
        "Roles": 2,
        "Policies": 1,
        "PolicyVersionsInUse": 2,
        "InstanceProfiles": 1,
        "Providers": 1,
        "AccountAccessKeysPresent": 1,
    }
    assert (after["UsersQuota"], after["PolicySizeQuota"], after["AssumeRolePolicySizeQuota"]) == (5000, 6144, 2048)


def test_session_tokens_cannot_be_kept_from_regions(iam: Any) -> None:  # noqa: ANN401
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    answer = refusal(iam.set_security_token_service_preferences, GlobalEndpointTokenVersion="v1Token")
    assert answer[:2] == (400, "UnsupportedOperation")
