"""The story that this project was asked for, clicked through: rules, the role, the copies, and the role's end."""

import json
import re

from playwright.sync_api import Page, expect

from tests.browser.person import ROLE, Person
from tests.browser.pushing import hold_back, push, push_again
from tests.served import Served, new_account


def test_the_whole_story_over_two_regions_and_two_accounts(page: Page, server: Served, account: str) -> None:
    other = new_account()
    # The other account lets this one in.
    owner = Person(page, server, other)
    owner.sign_in()
    owner.pick_region("us-east-1")
    owner.follow("Private registry")
    owner.follow("Registry permissions")
    owner.follow("Generate statement")
    page.get_by_label("Source accounts").fill(account)
    owner.press("Preview statement")
    owner.sees(f"arn:aws:iam::{account}:root")
    owner.press("Add to policy")
    owner.sees("The statement was added")
    owner.sign_out()
    # This one makes a repository and a rule in one Region, and another rule in a second Region.
    person = Person(page, server, account)
    person.sign_in()
    person.pick_region("eu-west-1")
    person.follow("Create repository")
    page.get_by_label("Name").fill("team/api")
    person.press("Create repository")
    person.sees("No images yet")
    person.add_rule("us-east-1", accounts={other: ["us-east-1"]}, prefix="team/")
    person.sees(f"the service-linked role {ROLE} was created")
    person.pick_region("us-west-2")
    person.add_rule("eu-west-1")
    person.sees("The rules are saved.")
    # What is pushed arrives at both destinations.
    push(server, account, "team/api", "1.4")
    person.pick_region("eu-west-1")
    person.follow("Repositories")
    person.follow("team/api")
    expect_copies(page, "complete", 2)
    person.pick_region("us-east-1")
    person.follow("Repositories")
    person.follow("team/api")
    expect(page.get_by_role("row", name="1.4")).to_contain_text(f"replicated from eu-west-1 in {account}")
    # The role shows where it was used, and cannot be deleted while Regions are configured.
    person.open_role()
    person.sees("Service-linked role")
    person.sees("ecr:ReplicateImage")
    expect(page.get_by_role("row", name="eu-west-1")).to_contain_text("UTC")
    person.delete_role()
    person.sees("The role was not deleted")
    # The failure leads to each Region that is in the way.
    for region in ("eu-west-1", "us-west-2"):
        page.get_by_role("link", name=region).click()
        person.sees_title("Replication configuration")
        person.delete_all_rules(region)
        person.sees("The rules were removed")
        person.open_role()
        if region == "eu-west-1":
            person.delete_role()
            person.sees("The role was not deleted")
            expect(page.get_by_role("link", name="eu-west-1")).to_have_count(0)
    person.delete_role()
    person.sees("The role is deleted")
    person.follow("Go to the roles")
    person.sees("No roles yet")


def test_the_image_page_keeps_itself_fresh_or_offers_to_look_again(person: Person, page: Page) -> None:
    server, account = person.server, person.account
    ecr = server.client("ecr", account, "sa-east-1")
    ecr.create_repository(repositoryName="team/api")
    place = {"region": "us-east-2", "registryId": account}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [place]}]})
    push(server, account, "team/api", "first", "sa-east-1")
    person.visit("/console/sa-east-1/images?repository=team/api")
    expect_copies(page, "complete", 1)
    hold_back(server, "sa-east-1", held=True)
    push(server, account, "team/api", "second", "sa-east-1")
    page.reload()
    person.sees("1 copy is in progress")
    expect(page.get_by_text("waiting", exact=True)).to_be_visible()
    hold_back(server, "sa-east-1", held=False)
    push(server, account, "team/api", "third", "sa-east-1")
    expect_copies(page, "complete", 3)
    person.sees("No copy is in progress")


def test_a_copy_that_gave_up_says_why_and_what_to_do(person: Person, page: Page) -> None:
    server, account = person.server, person.account
    ecr = server.client("ecr", account, "eu-west-1")
    ecr.create_repository(repositoryName="team/api")
    place = {"region": "us-east-1", "registryId": new_account()}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [place]}]})
    push(server, account, "team/api", "1.0")
    person.visit("/console/eu-west-1/images?repository=team/api")
    expect_copies(page, "failed", 1)
    person.sees("the destination's registry policy does not allow this account")
    person.sees("push each tag of the image again")
    # The advice is true.
    policy = {"Sid": "In", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Resource": "*"}
    policy["Action"] = ["ecr:ReplicateImage", "ecr:CreateRepository"]
    partner = server.client("ecr", place["registryId"], "us-east-1")
    partner.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    push_again(server, account, "team/api", "1.0")
    page.reload()
    expect_copies(page, "complete", 1)


def test_the_description_of_the_role_can_be_edited(person: Person, page: Page) -> None:
    person.add_rule("eu-central-1")
    person.open_role()
    page.get_by_role("link", name=re.compile("^Edit")).click()
    page.get_by_label("Description").fill("carries <b>our</b> images")
    person.press("Save description")
    person.sees("carries <b>our</b> images")


def test_the_wizard_says_what_is_wrong_and_keeps_what_was_given(person: Person, page: Page) -> None:
    person.visit("/console/eu-west-1/replication/add")
    person.press("Next")
    person.sees("choose at least one type of destination")
    page.get_by_label("Cross-account replication").check()
    person.press("Next")
    page.locator("#account0").fill("12345")
    person.press("Next")
    person.sees("'12345' is not an account id")
    person.sees("choose at least one Region for account '12345'")
    expect(page.locator("#account0")).to_have_value("12345")
    person.press("Back")
    expect(page.get_by_label("Cross-account replication")).to_be_checked()


def test_one_rule_can_be_removed_and_the_others_stay(person: Person, page: Page) -> None:
    person.visit("/console/eu-west-1/repositories")
    person.add_rule("eu-west-2", prefix="team/")
    person.add_rule("eu-west-3", prefix="prod-")
    person.follow("Edit")
    person.follow("Remove rule 1")
    person.press("Remove rule")
    person.sees("prod-")
    expect(page.locator("main")).not_to_contain_text("team/")


def test_a_form_does_not_overwrite_what_another_user_saved(person: Person, page: Page) -> None:
    person.visit("/console/eu-west-1/repositories")
    person.add_rule("eu-west-2")
    person.follow("Edit")
    person.follow("Remove rule 1")
    ecr = person.server.client("ecr", person.account, "eu-west-1")
    places = [{"region": "eu-west-3", "registryId": person.account}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": places}]})
    person.press("Remove rule")
    person.sees("this was changed after the page was shown")
    assert ecr.describe_registry()["replicationConfiguration"]["rules"] == [{"destinations": places}]
    person.sees_title("Edit replication configuration")
    expect(page.locator("main")).to_contain_text("eu-west-3")


def expect_copies(page: Page, word: str, count: int) -> None:
    """Wait until so many copies are in a state: by itself where scripts run, by looking again where they do not."""
    copies = page.locator(".state", has_text=word)
    for _ in range(40):
        if copies.count() == count:
            return
        again = page.get_by_role("link", name="Refresh")
        if again.count():
            again.click()
        else:
            page.reload()
    expect(copies).to_have_count(count)
