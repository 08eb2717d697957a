"""A repository's life on the console: created, set, tagged, given a policy that is explained, and deleted."""

from playwright.sync_api import Page, expect

from tests.browser.person import Person
from tests.browser.pushing import push


def test_a_repository_is_made_set_explained_and_deleted(person: Person, page: Page) -> None:
    _create(person, page)
    _set(person, page)
    _tag(person, page)
    _write_a_policy(person, page)
    _delete(person, page)


def _create(person: Person, page: Page) -> None:
    person.pick_region("eu-west-1")
    person.follow("Create repository")
    page.get_by_label("Name").fill("team/api")
    page.get_by_label("Immutable with exclusion").check()
    page.get_by_label("Scan on push").check()
    page.get_by_label("Key 1").fill("owner")
    page.get_by_label("Value 1").fill("us")
    # Enter in a field creates, and does not add rows for tags; what is refused stays as it was typed.
    page.get_by_label("Value 1").press("Enter")
    person.sees("give at least one exclusion filter")
    expect(page.get_by_label("Immutable with exclusion")).to_be_checked()
    person.press("Add more tags")
    expect(page.get_by_label("Key 1")).to_have_value("owner")
    page.get_by_label("Mutability exclusion filters").fill("dev-*")
    person.press("Create repository")
    person.sees_title("team/api")


def _set(person: Person, page: Page) -> None:
    person.follow("Settings")
    person.sees("Images are scanned on push.")
    page.get_by_label("Mutability exclusion filters").fill("dev-*\nlatest")
    person.press("Save image tag mutability")
    person.sees("Image tag mutability is saved.")
    expect(page.get_by_label("Mutability exclusion filters")).to_have_value("dev-*\nlatest")
    page.get_by_label("Scan on push").uncheck()
    person.press("Save scan on push")
    person.sees("Images are scanned when a user asks for it.")


def _tag(person: Person, page: Page) -> None:
    person.follow("Repository tags")
    person.follow("Change owner")
    expect(page.get_by_label("Value")).to_have_value("us")
    page.get_by_label("Value").fill("them")
    person.press("Save tag")
    expect(page.get_by_role("row", name="owner")).to_contain_text("them")
    page.get_by_role("checkbox", name="owner").check()
    person.press("Remove chosen tags")
    person.sees("This repository has no tags.")


def _write_a_policy(person: Person, page: Page) -> None:
    person.follow("Permissions")
    person.follow("Create repository policy")
    person.sees_title("Create repository policy")
    text = '{\n  "Statement": [{"Effect": "Allow", "Principal": "*",\n    "Actoin": "ecr:BatchGetImage"}]\n}'
    page.get_by_label("Policy, as JSON").fill(text)
    person.press("Save policy")
    person.sees("Line 2, column 17, statement 1: a statement has no member 'Actoin'")
    expect(page.get_by_label("Policy, as JSON")).to_have_value(text)
    page.get_by_label("Policy, as JSON").fill(text.replace("Actoin", "Action"))
    person.press("Save policy")
    person.sees("The policy is saved.")
    person.follow("Ask why")
    page.get_by_label("Principal").fill("999999999999")
    person.press("Explain")
    person.sees("allowed by statement 1 of the policy of the repository")
    page.get_by_label("Action").fill("ecr:PutImage")
    person.press("Explain")
    person.sees("This account does not allow it")
    person.follow("Back to the policy")
    person.follow("Delete policy")
    page.get_by_label("To confirm").fill("team/api")
    person.press("Delete policy")
    person.sees("No repository policy")


def _delete(person: Person, page: Page) -> None:
    push(person.server, person.account, "team/api", "1.0")
    person.follow("Repositories")
    person.follow("Delete team/api")
    person.follow("Cancel")
    person.sees_title("team/api")
    person.follow("Delete repository")
    person.sees("It has 1 image, with all its tags.")
    page.get_by_label("To confirm").fill("team/api")
    person.press("Delete repository")
    person.sees("cannot be deleted because it still contains images")
    page.get_by_label("Also delete its images").check()
    page.get_by_label("To confirm").fill("team/api")
    person.press("Delete repository")
    person.sees("The repository was deleted.")
    person.sees("No repositories in")
