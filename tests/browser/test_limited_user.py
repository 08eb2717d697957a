"""A user with few permissions: every page that they may not see or use says why, and nothing happens."""

import json

import pytest
from playwright.sync_api import Page

from tests.browser.person import ROLE, Person
from tests.served import Served

PASSWORD = "Limited 2026"


@pytest.fixture
def limited(page: Page, server: Served, account: str) -> Person:
    """A user who may look at replication and at roles, and change nothing, in an account that has rules."""
    root, iam = server.client("ecr", account, "eu-west-1"), server.client("iam", account, "us-east-1")
    places = [{"region": "us-east-1", "registryId": account}]
    root.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": places}]})
    actions = ["ecr:DescribeRegistry", "iam:GetRole", "iam:ListRoles"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.create_user(UserName="looker")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="looker", PolicyName="look", PolicyDocument=policy)
    iam.create_login_profile(UserName="looker", Password=PASSWORD)
    person = Person(page, server, account)
    person.sign_in_with_password("looker", PASSWORD)
    return person


def test_pages_that_the_person_may_not_see_say_which_permission_is_missing(limited: Person) -> None:
    for path, action in (
        ("repositories", "ecr:DescribeRepositories"),
        ("images?repository=team/api", "ecr:DescribeRepositories"),
        ("lifecycle?repository=team/api", "ecr:GetLifecyclePolicy"),
        ("scanning", "ecr:GetRegistryScanningConfiguration"),
        ("signing", "ecr:GetSigningConfiguration"),
        ("permissions", "ecr:GetRegistryPolicy"),
        ("permissions/generate", "ecr:GetRegistryPolicy"),
    ):
        limited.visit(f"/console/eu-west-1/{path}")
        limited.sees_title("Access denied")
        limited.sees(f"is not authorized to perform: {action}")
        limited.sees("Ask an administrator")
        limited.sees("Request id")


def test_a_rule_is_not_saved_and_the_page_says_why(limited: Person) -> None:
    limited.visit("/console/eu-west-1/registry")
    limited.add_rule("eu-west-2")
    limited.sees("is not authorized to perform: ecr:PutReplicationConfiguration")
    limited.sees("Review and submit")
    assert len(rules(limited)) == 1


def test_rules_are_not_deleted_and_the_page_says_why(limited: Person) -> None:
    limited.visit("/console/eu-west-1/replication")
    limited.delete_all_rules("eu-west-1")
    limited.sees("is not authorized to perform: ecr:PutReplicationConfiguration")
    assert len(rules(limited)) == 1


def test_the_role_is_seen_in_part_and_not_deleted(limited: Person) -> None:
    limited.visit(f"/console/eu-west-1/roles/{ROLE}")
    limited.sees("Trust policy")
    limited.sees("is not authorized to perform: iam:ListAttachedRolePolicies")
    limited.delete_role()
    limited.sees("is not authorized to perform: iam:DeleteServiceLinkedRole")
    iam = limited.server.client("iam", limited.account, "us-east-1")
    assert iam.get_role(RoleName=ROLE)["Role"]["RoleName"] == ROLE


def test_the_first_rule_needs_the_permission_to_create_the_role(page: Page, server: Served, account: str) -> None:
    iam = server.client("iam", account, "us-east-1")
    statement = {"Effect": "Allow", "Action": ["ecr:*", "iam:GetRole"], "Resource": "*"}
    iam.create_user(UserName="half")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="half", PolicyName="most", PolicyDocument=policy)
    iam.create_login_profile(UserName="half", Password=PASSWORD)
    person = Person(page, server, account)
    person.sign_in_with_password("half", PASSWORD)
    person.visit("/console/eu-west-1/registry")
    person.add_rule("us-east-1")
    person.sees("is not authorized to perform: iam:CreateServiceLinkedRole")
    assert rules(person) == []


def rules(person: Person) -> list[object]:
    ecr = person.server.client("ecr", person.account, "eu-west-1")
    found: list[object] = ecr.describe_registry()["replicationConfiguration"]["rules"]
    return found
