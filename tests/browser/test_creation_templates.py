"""Repository creation templates are made, changed and deleted by the console, with scripts and without."""

import json

from playwright.sync_api import Page, expect

from tests.browser.person import Person

STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}


def test_a_template_is_created_changed_and_deleted(person: Person, page: Page) -> None:
    ecr = person.server.client("ecr", person.account, "eu-west-1")
    iam = person.server.client("iam", person.account, "us-east-1")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="maker", AssumeRolePolicyDocument=document(trust))
    role = f"arn:aws:iam::{person.account}:role/maker"
    person.visit("/console/eu-west-1/registry")
    person.sees("No templates.")
    person.follow("Repository creation templates")
    person.follow("Create template")
    # What is wrong is said, and what was typed stays.
    person.press("Create template")
    person.sees("give a prefix, or choose every repository")
    person.sees("choose at least one purpose")
    page.get_by_label("Create on push").check()
    page.get_by_label("Replication").check()
    page.get_by_label("Prefix", exact=True).fill("prod")
    page.get_by_label("Description (optional)").fill("for <b>production</b>")
    page.get_by_label("Immutable with exclusion").check()
    page.get_by_label("Mutability exclusion filters").fill("dev-*")
    page.get_by_label("Repository policy, as JSON (optional)").fill('{"Version": "2012-10-17", "Statement": [}')
    page.get_by_label("Key 1").fill("team")
    page.get_by_label("Value 1").fill("payments")
    page.get_by_label("Custom role ARN (optional)").fill(role)
    person.press("Create template")
    person.sees("Invalid repository policy provided")
    expect(page.get_by_label("Key 1")).to_have_value("team")
    page.get_by_label("Repository policy, as JSON (optional)").fill(document(STATEMENT))
    page.get_by_label("Lifecycle policy, as JSON (optional)").fill(lifecycle(0))
    person.press("Create template")
    person.sees("rule 1 of the text, member selection.countNumber")
    page.get_by_label("Lifecycle policy, as JSON (optional)").fill(lifecycle(5))
    person.press("Create template")
    person.sees("The template was created.")
    person.sees("repositories whose names begin with prod/")
    person.sees("for <b>production</b>")
    person.sees("All but the newest 5")
    [made] = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert made["appliedFor"] == ["REPLICATION", "CREATE_ON_PUSH"]
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert made["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "dev-*"}]
    assert made["resourceTags"] == [{"Key": "team", "Value": "payments"}]
    assert made["customRoleArn"] == role
    assert json.loads(made["repositoryPolicy"])["Statement"] == [STATEMENT]
    # A change removes what is emptied, and does not overwrite the change of another user.
    person.follow("Edit")
    page.get_by_label("Replication").uncheck()
    ecr.update_repository_creation_template(prefix="prod", description="of another user")
    person.press("Save template")
    person.sees("this was changed after the page was shown")
    expect(page.get_by_label("Replication")).not_to_be_checked()
    person.visit("/console/eu-west-1/templates/edit?prefix=prod")
    expect(page.get_by_label("Description (optional)")).to_have_value("of another user")
    page.get_by_label("Lifecycle policy, as JSON (optional)").fill("")
    page.get_by_label("Replication").uncheck()
    person.press("Save template")
    person.sees("The template is saved.")
    [changed] = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert changed["appliedFor"] == ["CREATE_ON_PUSH"]
    assert "lifecyclePolicy" not in changed
    kept = ("repositoryPolicy", "resourceTags", "customRoleArn", "imageTagMutabilityExclusionFilters")
    assert [changed[name] for name in kept] == [made[name] for name in kept]
    person.follow("Delete")
    page.get_by_label("To confirm").fill("pro")
    person.press("Delete template")
    person.sees("Request id")
    page.get_by_label("To confirm").fill("prod")
    person.press("Delete template")
    person.sees("The template was deleted.")
    assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []


def document(statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def lifecycle(count: int) -> str:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})
