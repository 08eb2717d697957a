"""Terraform makes users, groups, roles and policies, finds them as it left them, changes them, and takes them away."""

from pathlib import Path

import pytest

from tests.catalogs import SQLITE
from tests.journeys import terraform
from tests.journeys.clients import SOURCE, Owner

# What Terraform is told does not depend on it, and it takes a minute.
DATABASES = (SQLITE,)
ROLE = "AWSServiceRoleForECRReplication"


@pytest.mark.nightly
def test_terraform_manages_the_identities_of_an_account(source: Owner, tmp_path: Path) -> None:
    identities, iam = terraform.initialized("identities", source, tmp_path), source.boto("iam")

    identities.apply()
    assert identities.outputs() == {"me": f"arn:aws:iam::{SOURCE}:root", "group": ["ann"], "bob_may_push": True}
    assert iam.get_role(RoleName=ROLE)["Role"]["Description"] == "builds images"
    assert iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert identities.has_nothing_to_do()

    identities.change(description="builds and signs", team="green", actions=["ecr:DescribeImages"])
    for role in ("build", ROLE):
        assert iam.get_role(RoleName=role)["Role"]["Description"] == "builds and signs"
    assert iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "team", "Value": "green"}]
    pulling = iam.get_policy(PolicyArn=f"arn:aws:iam::{SOURCE}:policy/pull")["Policy"]
    assert pulling["DefaultVersionId"] == "v2"

    identities.destroy()
    left = iam.get_account_authorization_details()
    assert [left[kind] for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")] == [[]] * 4
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert iam.list_instance_profiles()["InstanceProfiles"] == iam.list_account_aliases()["AccountAliases"] == []
