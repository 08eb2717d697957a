"""A user with few permissions: every page that they may not see or use says why, and nothing happens."""

import json

import pytest
from playwright.sync_api import Page

from tests.browser.person import ROLE, Person
from tests.browser.pushing import push
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
        ("templates", "ecr:DescribeRepositoryCreationTemplates"),
        ("scanning", "ecr:GetRegistryScanningConfiguration"),
        ("signing", "ecr:GetSigningConfiguration"),
        ("settings?repository=team/api", "ecr:DescribeRepositories"),
        ("tags?repository=team/api", "ecr:ListTagsForResource"),
        ("policy?repository=team/api", "ecr:GetRepositoryPolicy"),
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


def test_images_are_seen_in_part_and_neither_deleted_nor_archived_nor_scanned(
    page: Page, server: Served, account: str
) -> None:
    ecr, iam = server.client("ecr", account, "eu-west-1"), server.client("iam", account, "us-east-1")
    ecr.create_repository(repositoryName="team/api")
    digest = push(server, account, "team/api", "1.0")
    actions = ["ecr:DescribeRepositories", "ecr:DescribeImages"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="look", PolicyDocument=policy)
    iam.create_login_profile(UserName="reader", Password=PASSWORD)
    reader = Person(page, server, account)
    reader.sign_in_with_password("reader", PASSWORD)
    reader.visit("/console/eu-west-1/images?repository=team/api")
    reader.sees("is not authorized to perform: ecr:DescribeImageReplicationStatus")
    page.get_by_role("row", name="1.0").get_by_role("link").click()
    reader.sees("is not authorized to perform: ecr:BatchGetImage")
    reader.follow("Scan findings")
    reader.sees("is not authorized to perform: ecr:DescribeImageScanFindings")
    reader.press("Scan now")
    reader.sees("is not authorized to perform: ecr:StartImageScan")
    reader.follow("Archive")
    reader.press("Archive 1 image")
    reader.sees("is not authorized to perform: ecr:UpdateImageStorageClass")
    reader.visit(f"/console/eu-west-1/images/delete?repository=team/api&digest={digest}")
    page.get_by_label("To confirm").fill("team/api")
    reader.press("Delete 1 image")
    reader.sees("is not authorized to perform: ecr:BatchDeleteImage")
    [image] = ecr.describe_images(repositoryName="team/api")["imageDetails"]
    assert image["imageStatus"] == "ACTIVE"


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
