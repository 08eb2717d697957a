"""What holds for every page: axe finds nothing in either scheme, no page is heavy, nothing is wider than a phone."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.person import Person
from tests.browser.places import furnish
from tests.served import Served, new_account

AXE = Path(__file__).parents[2] / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
MOST_BYTES = 150_000
PHONE, HALF_A_SCREEN = 380, 640  # the latter is what 1280 pixels are at 200 %
# Of all that axe asks, only these rules look at colors, so only they are asked again in the dark.
OF_COLORS = ["color-contrast", "link-in-text-block"]


@dataclass(frozen=True)
class Facts:
    """What axe finds on a page, light and dark, the widths at which it is too wide, and its bytes."""

    light: list[str]
    dark: list[str]
    too_wide: list[int]
    size: int


@pytest.fixture(scope="module")
def facts(browser: Browser, server: Served) -> dict[str, Facts]:
    """Open each page once, on a phone, by a policy that lets the referee's script in, and note all facts of it."""
    account = new_account()
    places = furnish(server, account)
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    found = {"sign-in": opened(page, f"{server.url}/console/sign-in", "Sign in")}
    Person(page, server, account).sign_in()
    for place in places:
        found[place.name] = opened(page, server.url + place.path, place.shows)
    page.locator("summary", has_text="Region").click()
    found["region picker"] = noted(page, 0)
    context.close()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(facts: dict[str, Facts], scheme: str) -> None:
    if not AXE.exists() and "TWINPORT_CI" not in os.environ:
        pytest.skip("axe-core is not there: make browser installs it")
    found = {name: each.light if scheme == "light" else each.dark for name, each in facts.items()}
    assert {name: rules for name, rules in found.items() if rules} == {}


def test_no_page_is_wider_than_a_phone_or_at_twice_the_zoom(facts: dict[str, Facts]) -> None:
    assert {name: each.too_wide for name, each in facts.items() if each.too_wide} == {}


def test_no_page_is_heavy(facts: dict[str, Facts]) -> None:
    assert {name: each.size for name, each in facts.items() if each.size > MOST_BYTES} == {}


def opened(page: Page, address: str, shows: str) -> Facts:
    page.set_viewport_size({"width": PHONE, "height": 800})
    answer = page.goto(address)
    assert answer is not None
    expect(page.locator("main")).to_contain_text(shows)
    return noted(page, len(answer.body()))


def noted(page: Page, size: int) -> Facts:
    page.set_viewport_size({"width": PHONE, "height": 800})
    light = violations(page, {})
    page.emulate_media(color_scheme="dark")
    dark = violations(page, {"runOnly": {"type": "rule", "values": OF_COLORS}})
    page.emulate_media(color_scheme="light")
    return Facts(light, dark, [width for width in (PHONE, HALF_A_SCREEN) if is_too_wide(page, width)], size)


def violations(page: Page, options: dict[str, object]) -> list[str]:
    if not AXE.exists() and "TWINPORT_CI" not in os.environ:
        return []
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(
        "options => axe.run(options).then(result => result.violations.map("
        "each => `${each.id}: ${each.nodes[0].html}`))",
        options,
    )
    return found


def is_too_wide(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 700})
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
