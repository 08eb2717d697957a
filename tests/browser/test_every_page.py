"""What holds for every page: axe finds nothing in either scheme, no page is heavy, nothing is wider than a phone.

And each link leads to a page.
"""

import os
import re
import urllib.error
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.person import Person
from tests.browser.places import Place, furnish
from tests.console.browsing import Opener, signed_in
from tests.served import Served, new_account
from tests.waiting import PATIENCE_SECONDS

AXE = Path(__file__).parents[2] / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
MOST_BYTES = 150_000
PHONE, HALF_A_SCREEN = 380, 640  # the latter is what 1280 pixels are at 200 %
# Of all that axe asks, only these rules look at colors, so only they are asked again in the dark.
OF_COLORS = ["color-contrast", "link-in-text-block"]
# Pixels that a cell needs so that common words in it, and labels over it, break nowhere.
WORD = 120


@dataclass(frozen=True)
class Facts:
    """What axe finds on a page, light and dark, the widths at which it is too wide, and its source."""

    light: list[str]
    dark: list[str]
    too_wide: list[int]
    source: bytes


@pytest.fixture(scope="module")
def furnished(server: Served) -> tuple[str, list[Place]]:
    account = new_account()
    return account, furnish(server, account)


@pytest.fixture(scope="module")
def facts(browser: Browser, server: Served, furnished: tuple[str, list[Place]]) -> dict[str, Facts]:
    """Open each page once, on a phone, by a policy that lets the referee's script in, and note all facts of it."""
    account, places = furnished
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    found = {"sign-in": opened(page, f"{server.url}/console/sign-in", "Sign in")}
    Person(page, server, account).sign_in()
    for place in places:
        found[place.name] = opened(page, server.url + place.path, place.shows)
    page.locator("summary", has_text="Region").click()
    found["region picker"] = noted(page, b"")
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
    assert {name: len(each.source) for name, each in facts.items() if len(each.source) > MOST_BYTES} == {}


def test_every_link_of_every_page_leads_to_a_page(
    server: Served, furnished: tuple[str, list[Place]], facts: dict[str, Facts]
) -> None:
    account, places = furnished
    seen: dict[str, str] = {}
    for place in places:
        # The menu of Regions leads everywhere in the same way: one Region beside that of the page stands for all.
        regions = (place.path.split("/")[2], "us-east-1")
        found = {unescape(each) for each in re.findall(r'href="(/console/[^"#]+)"', facts[place.name].source.decode())}
        seen |= {each: place.name for each in found if each.split("/")[2] in regions and each not in seen}
    opener = signed_in(server.url, account)
    statuses = {(page, link): status_of(opener, server.url + link) for link, page in seen.items()}
    assert {link: status for link, status in statuses.items() if status != 200} == {}


def test_no_page_has_two_commands_of_one_name(facts: dict[str, Facts]) -> None:
    named = {name: re.findall(r"<summary>([^<]+)</summary>", each.source.decode()) for name, each in facts.items()}
    assert {name: texts for name, texts in named.items() if len(texts) > len(set(texts))} == {}


def test_the_list_of_images_has_room_for_words(
    browser: Browser, server: Served, furnished: tuple[str, list[Place]]
) -> None:
    page = browser.new_page()
    Person(page, server, furnished[0]).sign_in()
    page.goto(f"{server.url}/console/eu-west-1/images?repository=team/api")
    for width in (1280, 1024, 800):
        assert not is_too_wide(page, width)
        assert page.locator("td.tags").first.evaluate("cell => cell.offsetWidth") >= WORD
    assert not is_too_wide(page, PHONE)
    assert page.locator("td.choose").first.evaluate("cell => cell.offsetWidth") >= WORD
    page.close()


def opened(page: Page, address: str, shows: str) -> Facts:
    page.set_viewport_size({"width": PHONE, "height": 800})
    answer = page.goto(address)
    assert answer is not None
    expect(page.locator("main")).to_contain_text(shows)
    return noted(page, answer.body())


def noted(page: Page, source: bytes) -> Facts:
    page.set_viewport_size({"width": PHONE, "height": 800})
    light = violations(page, {})
    page.emulate_media(color_scheme="dark")
    dark = violations(page, {"runOnly": {"type": "rule", "values": OF_COLORS}})
    page.emulate_media(color_scheme="light")
    return Facts(light, dark, [width for width in (PHONE, HALF_A_SCREEN) if is_too_wide(page, width)], source)


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


def status_of(opener: Opener, url: str) -> int:
    try:
        with opener.open(url, timeout=PATIENCE_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
