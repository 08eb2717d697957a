"""The console by keyboard alone, and what its one script adds."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.person import Person
from tests.browser.pushing import hold_back, push
from tests.served import Served

MOST_TABS = 120
_FOCUSED = """() => {
    const it = document.activeElement;
    const labels = it.labels ? [...it.labels].map(label => label.textContent) : [];
    return [it.textContent, it.name, it.value, ...labels].filter(Boolean).join(' ').replace(/\\s+/g, ' ').trim();
}"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    yield made
    made.close()


def tab_to(page: Page, text: str) -> None:
    """Press the tabulator until what has the focus says `text`."""
    seen = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        seen.append(str(page.evaluate(_FOCUSED)))
        if text in seen[-1]:
            return
    raise AssertionError(f"the keyboard does not reach '{text}', only {seen}")


def go(page: Page) -> None:
    """Press Enter on what leads to another page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_rule_is_added_by_keyboard_alone(page: Page, server: Served, account: str) -> None:
    page.goto(f"{server.url}/")
    tab_to(page, "Another account")
    page.keyboard.type(account)
    go(page)
    for link in ("Private registry", "Replication configuration", "Edit", "Add replication rule"):
        tab_to(page, link)
        go(page)
    tab_to(page, "Cross-Region replication")
    page.keyboard.press("Space")
    tab_to(page, "Next")
    go(page)
    tab_to(page, "Europe (Ireland)")
    page.keyboard.press("Space")
    for button in ("Next", "Next", "Submit rule"):
        tab_to(page, button)
        go(page)
    expect(page.locator("main")).to_contain_text("was created to replicate images")


def test_enter_in_a_field_goes_on_and_not_elsewhere(person: Person, page: Page) -> None:
    person.visit("/console/eu-west-1/replication/add?type=account&at=types&go=next")
    page.locator("#account0").fill("12345")
    page.locator("#account0").press("Enter")
    person.sees("'12345' is not an account id")


def test_the_region_is_picked_by_keyboard_and_the_page_stays_the_same_one(person: Person, page: Page) -> None:
    person.visit("/console/eu-west-1/replication")
    tab_to(page, "Region")
    page.keyboard.press("Enter")
    tab_to(page, "Asia Pacific (Tokyo)")
    go(page)
    expect(page).to_have_url(f"{person.server.url}/console/ap-northeast-1/replication")


def test_escape_closes_a_menu_and_gives_the_focus_back(person: Person, page: Page) -> None:
    person.visit("/console/eu-west-1/replication")
    tab_to(page, "Region")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator("details.menu[open]")).to_have_count(0)
    assert "Region" in str(page.evaluate(_FOCUSED))


def test_the_first_tab_leads_past_the_navigation(person: Person, page: Page) -> None:
    person.visit("/console/eu-west-1/replication")
    page.keyboard.press("Tab")
    assert page.evaluate(_FOCUSED) == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to(page, "Private registry")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_copies_of_a_page_that_is_left_open_become_complete_by_themselves(person: Person, page: Page) -> None:
    server, account = person.server, person.account
    ecr = server.client("ecr", account, "eu-north-1")
    ecr.create_repository(repositoryName="team/api")
    places = [{"region": "eu-south-1", "registryId": account}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": places}]})
    push(server, account, "team/api", "first", "eu-north-1")
    hold_back(server, "eu-north-1", held=True)
    push(server, account, "team/api", "second", "eu-north-1")
    person.visit("/console/eu-north-1/images?repository=team/api")
    expect(page.get_by_text("waiting", exact=True)).to_have_count(1)
    page.evaluate("window.isTheSamePage = true")
    hold_back(server, "eu-north-1", held=False)
    push(server, account, "team/api", "third", "eu-north-1")
    expect(page.get_by_text("complete", exact=True)).to_have_count(3)
    assert page.evaluate("window.isTheSamePage") is True


def test_what_is_chosen_on_a_list_stays_chosen_while_its_copies_move(person: Person, page: Page) -> None:
    server, account = person.server, person.account
    ecr = server.client("ecr", account, "eu-central-2")
    ecr.create_repository(repositoryName="team/api")
    places = [{"region": "eu-south-2", "registryId": account}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": places}]})
    push(server, account, "team/api", "first", "eu-central-2")
    hold_back(server, "eu-central-2", held=True)
    push(server, account, "team/api", "second", "eu-central-2")
    person.visit("/console/eu-central-2/images?repository=team/api")
    chosen = page.get_by_label("Choose second", exact=True)
    chosen.check()
    chosen.blur()
    hold_back(server, "eu-central-2", held=False)
    push(server, account, "team/api", "third", "eu-central-2")
    expect(page.locator(".live")).to_have_attribute("data-live", "")
    expect(chosen).to_be_checked()
    person.press("Delete chosen images")
    person.sees("Delete 1 image of team/api?")


def test_no_page_says_anything_to_the_browsers_console(person: Person, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in ("repositories", "replication", "replication/add", "permissions/generate", "roles"):
        person.visit(f"/console/eu-west-1/{path}")
    assert said == []
