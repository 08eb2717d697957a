"""How soon the pages of the console are painted, and how heavy they are, in Debian's Chromium on this machine.

PYTHONPATH=src:. python benchmarks/console.py

There is no peer to run beside us: the consoles of other registries need their servers' whole deployments.
"""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.person import Person
from tests.browser.places import furnish
from tests.served import new_account, start

_ROUNDS = 3
# Loading may end before anything is painted, so the paint is waited for.
_PAINT = """new Promise(done => new PerformanceObserver(seen => {
    for (const paint of seen.getEntriesByName('first-contentful-paint')) done(paint.startTime)
}).observe({type: 'paint', buffered: true}))"""


def paint_ms(page: Page, url: str) -> float:
    """Open a page once more and return when its first content was painted."""
    page.goto(url)
    milliseconds: float = page.evaluate(_PAINT)
    return milliseconds


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        served, account = start(Path(folder) / "data"), new_account()
        places = furnish(served, account)
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        Person(page, served, account).sign_in()
        paints = {
            place.name: statistics.median(paint_ms(page, served.url + place.path) for _ in range(_ROUNDS))
            for place in places
        }
        browser.close()
        served.stop()
    slowest = max(paints, key=lambda name: paints[name])
    print(f"{len(paints)} pages, first paint: median {statistics.median(paints.values()):.0f} ms")
    print(f"slowest: {slowest}, {paints[slowest]:.0f} ms")


if __name__ == "__main__":
    main()
