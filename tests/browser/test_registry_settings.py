"""The settings of a registry are changed by the console, with scripts and without."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.person import Person

PROFILE = "arn:aws:signer:eu-west-1:222222222222:/signing-profiles/one"


@pytest.fixture
def ecr(person: Person) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    return person.server.client("ecr", person.account, "eu-west-1")


def test_every_setting_of_a_registry_is_set_and_shown(person: Person, page: Page, ecr: Any) -> None:  # noqa: ANN401
    person.visit("/console/eu-west-1/registry")
    # Scanning: what the type does not have is refused, with the input kept; a filter that is none too.
    person.follow("Scanning configuration")
    rule = page.get_by_role("group", name="Rule 1")
    rule.get_by_label("Continuous scanning").check()
    rule.get_by_label("Filters of rule 1").fill("prod*, team/")
    page.get_by_label("Enhanced scanning").check()
    person.press("Save configuration")
    person.sees("must satisfy regular expression")
    expect(rule.get_by_label("Filters of rule 1")).to_have_value("prod*, team/")
    rule.get_by_label("Filters of rule 1").fill("prod*, team")
    page.get_by_label("Basic scanning").check()
    person.press("Save configuration")
    person.sees("scanFrequency CONTINUOUS_SCAN is not supported when scanType is BASIC")
    page.get_by_label("Enhanced scanning").check()
    person.press("Save configuration")
    person.sees("The configuration is saved.")
    expect(rule.get_by_label("Filters of rule 1")).to_have_value("prod*\nteam")
    found = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    assert (found["scanType"], [each["scanFrequency"] for each in found["rules"]]) == ("ENHANCED", ["CONTINUOUS_SCAN"])
    # Signing.
    person.follow("Private registry")
    person.sees("Enhanced scanning, 1 rule.")
    person.follow("Signing configuration")
    person.sees("Nothing is signed here")
    person.follow("Create configuration")
    page.get_by_label("Signing profile of rule 1").fill("one")
    page.get_by_label("Repository filters of rule 1").fill("prod/*")
    page.get_by_label("Signing profile of rule 1").press("Enter")
    person.sees("signingConfiguration.rules.1.member.signingProfileArn")
    page.get_by_label("Signing profile of rule 1").fill(PROFILE)
    page.get_by_label("Signing profile of rule 2").fill(f"{PROFILE}2")
    person.press("Add more rules")
    expect(page.get_by_label("Signing profile of rule 4")).to_be_visible()
    person.press("Save configuration")
    person.sees("The configuration is saved.")
    rules = ecr.get_signing_configuration()["signingConfiguration"]["rules"]
    filters = [{"filter": "prod/*", "filterType": "WILDCARD_MATCH"}]
    assert rules == [
        {"signingProfileArn": PROFILE, "repositoryFilters": filters},
        {"signingProfileArn": f"{PROFILE}2"},
    ]
    person.follow("Delete")
    page.get_by_label("To confirm").fill("eu-west-1")
    person.press("Delete configuration")
    person.sees("The configuration was deleted")


def test_account_settings_and_exclusions_are_set_and_shown(person: Person, page: Page, ecr: Any) -> None:  # noqa: ANN401
    person.visit("/console/eu-west-1/registry")
    person.follow("Account settings")
    person.follow("Edit Blob mounting")
    page.get_by_label("DISABLED").check()
    person.press("Save setting")
    person.sees("The setting is saved.")
    person.sees("DISABLED: clients send every layer")
    person.follow("Private registry")
    person.sees("Blob mounting: DISABLED")
    # Exclusions.
    person.follow("Pull-time update exclusions")
    arn = f"arn:aws:iam::{person.account}:role/scanner"
    page.get_by_label("ARN of a user or a role").fill("scanner")
    person.press("Add exclusion")
    person.sees("Invalid parameter at 'principalArn'")
    page.get_by_label("ARN of a user or a role").fill(arn)
    person.press("Add exclusion")
    person.sees("The principal was added")
    page.get_by_label("ARN of a user or a role").fill(arn)
    person.press("Add exclusion")
    person.sees("Conflict")
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [arn]
    person.follow(f"Remove {arn}")
    person.press("Remove exclusion")
    person.sees("The principal was removed")


def test_a_setting_that_another_user_changed_is_not_overwritten(person: Person, page: Page, ecr: Any) -> None:  # noqa: ANN401
    person.visit("/console/eu-west-1/scanning")
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[])
    person.press("Save configuration")
    person.sees("this was changed after the page was shown")
    person.visit("/console/eu-west-1/signing/edit")
    ecr.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": PROFILE}]})
    person.press("Save configuration")
    person.sees("this was changed after the page was shown")
    person.visit("/console/eu-west-1/account-settings/edit?name=BLOB_MOUNTING")
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    person.press("Save setting")
    person.sees("this was changed after the page was shown")
    expect(page.get_by_label("ENABLED")).to_be_checked()
