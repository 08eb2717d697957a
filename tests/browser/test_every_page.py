"""What holds for every page: axe finds nothing in either scheme, no page is heavy, nothing is wider than a phone."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.person import Person
from tests.browser.places import Place, furnish
from tests.served import Served, new_account

AXE = Path(__file__).parents[2] / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
MOST_BYTES = 150_000
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def furnished(server: Served) -> tuple[str, list[Place]]:
    account = new_account()
    return account, furnish(server, account)


@pytest.fixture(params=SCHEMES)
def window(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A phone's width, and a policy that lets the referee's script in."""
    made = browser.new_context(
        color_scheme=request.param, bypass_csp=True, viewport={"width": 380, "height": 800}, reduced_motion="reduce"
    )
    yield made
    made.close()


def test_axe_finds_nothing_on_any_page(
    window: BrowserContext, server: Served, furnished: tuple[str, list[Place]]
) -> None:
    if not AXE.exists() and "TWINPORT_CI" not in os.environ:
        pytest.skip("axe-core is not there: make browser installs it")
    account, places = furnished
    page = window.new_page()
    page.goto(f"{server.url}/console/sign-in")
    found = {"sign-in": violations(page)}
    Person(page, server, account).sign_in()
    for place in places:
        page.goto(server.url + place.path)
        expect(page.locator("main")).to_contain_text(place.shows)
        found[place.name] = violations(page)
    page.locator("summary", has_text="Region").click()
    found["region picker"] = violations(page)
    assert {name: rules for name, rules in found.items() if rules} == {}


def test_no_page_is_wider_than_a_phone_or_at_twice_the_zoom(
    window: BrowserContext, server: Served, furnished: tuple[str, list[Place]]
) -> None:
    account, places = furnished
    page = window.new_page()
    Person(page, server, account).sign_in()
    wide = []
    for width in (380, 640):  # a phone; and 1280 pixels at 200 %
        page.set_viewport_size({"width": width, "height": 700})
        for place in places:
            page.goto(server.url + place.path)
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                wide.append((place.name, width))
    assert wide == []


def test_no_page_is_heavy(browser: Browser, server: Served, furnished: tuple[str, list[Place]]) -> None:
    account, places = furnished
    context = browser.new_context()
    page = context.new_page()
    Person(page, server, account).sign_in()
    heavy = {}
    for place in places:
        answer = page.goto(server.url + place.path)
        assert answer is not None
        heavy[place.name] = len(answer.body())
    context.close()
    assert {name: size for name, size in heavy.items() if size > MOST_BYTES} == {}


def violations(page: Page) -> list[str]:
    page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(
        "axe.run().then(result => result.violations.map(each => `${each.id}: ${each.nodes[0].html}`))"
    )
    return found
