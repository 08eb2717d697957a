"""A lifecycle policy is written, previewed and saved by the console, with scripts and without."""

import json

from playwright.sync_api import Page, expect

from tests.browser.person import Person
from tests.browser.pushing import push

HOME = "/console/eu-west-1/lifecycle"


def test_a_policy_is_written_previewed_saved_and_deleted(person: Person, page: Page) -> None:
    ecr = person.server.client("ecr", person.account, "eu-west-1")
    ecr.create_repository(repositoryName="team/api")
    for number in range(25):
        push(person.server, person.account, "team/api", f"dev-{number}")
    person.visit("/console/eu-west-1/images?repository=team/api")
    person.follow("Lifecycle policy")
    person.follow("Create lifecycle policy")
    # What is wrong is said, with the place, and what was typed stays.
    page.get_by_label("Lifecycle policy, as JSON").fill('{"rules": [{"rulePriority": 1}]}')
    person.press("Save policy")
    person.sees('object has missing required properties (["action","selection"])')
    person.sees("rule 1 of the text")
    expect(page.get_by_label("Lifecycle policy, as JSON")).to_have_value('{"rules": [{"rulePriority": 1}]}')
    page.get_by_label("Lifecycle policy, as JSON").fill("")
    page.get_by_label("Number of images or days").fill("3")
    page.get_by_label("Number of images or days").press("Enter")
    person.sees("give at least one prefix or pattern")
    # A rule of the form is added to the text, and a second one is previewed with it.
    page.get_by_label("Prefixes or patterns").fill("dev-")
    person.press("Add rule")
    person.sees("was added to the text")
    page.get_by_label("Untagged").check()
    page.get_by_label("Days since push").check()
    page.get_by_label("Number of images or days").fill("7")
    person.press("Add rule and preview")
    wait_for(page, "22 images would expire")
    expect(page.get_by_role("row", name="dev-0")).to_contain_text("priority 1")
    expect(page.locator("tbody").first.locator("tr")).to_have_count(20)
    person.follow("Next page")
    expect(page.locator("tbody").first.locator("tr")).to_have_count(2)
    assert len(ecr.list_images(repositoryName="team/api")["imageIds"]) == 25
    # The preview leads back to the editor with its text, or saves it.
    person.follow("Back to the editor")
    text = page.get_by_label("Lifecycle policy, as JSON")
    rules = json.loads(text.input_value())["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2]
    rules[0]["selection"]["countNumber"] = 1000
    text.fill(json.dumps({"rules": rules}))
    person.press("Preview")
    wait_for(page, "0 images would expire")
    person.sees("The policy would do nothing now.")
    person.press("Save policy")
    person.sees("The policy is saved.")
    person.sees("All but the newest 1000")
    person.press("Preview saved policy")
    person.sees("The saved policy")
    wait_for(page, "complete")
    person.follow("Done")
    person.follow("Delete")
    page.get_by_label("To confirm").fill("team/api")
    person.press("Delete policy")
    person.sees("The policy was deleted")


def test_the_editor_does_not_overwrite_what_another_user_saved(person: Person, page: Page) -> None:
    ecr = person.server.client("ecr", person.account, "eu-west-1")
    ecr.create_repository(repositoryName="team/api")
    person.visit(f"{HOME}/edit?repository=team/api")
    page.get_by_label("Lifecycle policy, as JSON").fill(keeping(5))
    person.press("Preview")
    ecr.put_lifecycle_policy(repositoryName="team/api", lifecyclePolicyText=keeping(7))
    person.press("Save policy")
    person.sees("this was changed after the page was shown")
    expect(page.get_by_label("Lifecycle policy, as JSON")).to_have_value(keeping(5))
    stored = ecr.get_lifecycle_policy(repositoryName="team/api")["lifecyclePolicyText"]
    assert json.loads(stored) == json.loads(keeping(7))


def keeping(count: int) -> str:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})


def wait_for(page: Page, text: str) -> None:
    """Wait until the preview says so: by itself where scripts run, by looking again where they do not."""
    main = page.locator("main")
    for _ in range(40):
        if text in main.inner_text():
            return
        again = page.get_by_role("link", name="Refresh")
        if again.count():
            again.click()
        else:
            page.wait_for_load_state()
    expect(main).to_contain_text(text)
