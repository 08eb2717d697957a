"""Pictures every page of the console, wide and narrow, light and dark: `python -m tests.browser.screenshots FOLDER`."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.person import Person
from tests.browser.places import Place, furnish
from tests.served import Served, new_account, start

WIDE, NARROW = 1280, 380
SHAPES = (("wide-light", WIDE, "light"), ("narrow-light", NARROW, "light"), ("wide-dark", WIDE, "dark"))


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        server = start(Path(scratch) / "data")
        try:
            account = new_account()
            places = furnish(server, account)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
                for shape in SHAPES:
                    _picture(browser, server, account, places, folder, shape)
        finally:
            server.stop()


def _picture(
    browser: Browser, server: Served, account: str, places: list[Place], folder: Path, shape: tuple[str, int, str]
) -> None:
    name, width, scheme = shape
    (folder / name).mkdir(parents=True, exist_ok=True)
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(f"{server.url}/console/sign-in")
    page.screenshot(path=folder / name / "sign-in.png", full_page=True)
    Person(page, server, account).sign_in()
    for place in places:
        page.goto(server.url + place.path)
        expect(page.locator("main")).to_contain_text(place.shows)
        page.screenshot(path=folder / name / f"{place.name}.png", full_page=True)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            print(f"{place.name} is wider than {width} pixels")
    page.goto(server.url + places[0].path)
    page.locator("summary", has_text="Region").click()
    page.screenshot(path=folder / name / "region-picker.png")
    context.close()
    print(f"{len(places) + 2} pictures in {folder / name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
