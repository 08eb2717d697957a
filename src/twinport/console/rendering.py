"""Renders a page as an answer: templates that escape everything, and headers that block other content."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from twinport.console import regions, words
from twinport.console.problems import Problem
from twinport.console.visits import Fragment, Page, Visit
from twinport.http.messages import Answer
from twinport.model.names import RegionName

_HERE = Path(__file__).parent
_ASSETS = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
# No inline script or style, nothing from other origins, no frame around the page. `same-origin` and not `no-referrer`,
# because with the latter browsers send `Origin: null` with our own forms.
_SAFETY = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
# The first segments of pages that are about one repository, and that do not exist without its name.
_OF_ONE_REPOSITORY = frozenset({"images", "image", "settings", "policy", "tags", "lifecycle"})
_FRESH = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class RegionLink:
    name: str
    code: str
    path: str
    is_current: bool


class Renderer:
    """Holds the templates and the assets. An asset's address changes with its content."""

    def __init__(self, known: Collection[RegionName], read_only_since: Callable[[], datetime | None]) -> None:
        """`read_only_since` tells since when the deployment is read-only, if it is."""
        self._regions, self._read_only_since = regions.ordered(known), read_only_since
        self._assets = {name: (_HERE / "assets" / name).read_bytes() for name in _ASSETS}
        digest = hashlib.sha256(b"".join(self._assets.values())).hexdigest()[:12]
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = lambda name: f"/console/assets/{digest}/{name}"
        self._environment.filters.update(time=words.time, size=words.size, short=words.short_digest)

    def page(self, page: Page, visit: Visit) -> Answer:
        """Render a page inside the frame for a signed-in visitor."""
        return self._html(page.status, page.template, {**self._frame(page, visit), **page.values})

    def fragment(self, fragment: Fragment, visit: Visit) -> Answer:
        return self._html(200, fragment.template, {"home": visit.home, **fragment.values})

    def refused(self, problem: Problem, visit: Visit) -> Answer:
        page = Page("problem.html", problem.headline, "", {"problem": problem}, problem.status)
        return self.page(page, visit)

    def outside(self, page: Page, request_id: str) -> Answer:
        """Render a page for a visitor that is not signed in."""
        frame = {"title": page.title, "request_id": request_id, "visit": None}
        return self._html(page.status, page.template, {**frame, **page.values})

    def asset(self, name: str) -> Answer | None:
        if name not in self._assets:
            return None
        headers = {**_SAFETY, **_FOR_EVER, "content-type": _ASSETS[name]}
        return Answer(200, headers, self._assets[name])

    def _frame(self, page: Page, visit: Visit) -> dict[str, object]:
        section = visit.path.removeprefix(visit.home).strip("/").partition("/")[0]
        # A repository of one Region need not exist in another: its pages lead to the list.
        section = "repositories" if section in _OF_ONE_REPOSITORY else section
        links = [
            RegionLink(each.name, each.code, f"/console/{each.code}/{section}", each.code == visit.region)
            for each in self._regions
        ]
        return {
            "title": page.title,
            "section": page.section,
            "visit": visit,
            "home": visit.home,
            "caller": visit.caller,
            "csrf": visit.csrf,
            "request_id": visit.request_id,
            "region": regions.named(visit.region),
            "region_links": links,
            "read_only_since": self._read_only_since(),
        }

    def _html(self, status: int, template: str, values: Mapping[str, object]) -> Answer:
        text = self._environment.get_template(template).render(values)
        return Answer(status, {**_SAFETY, **_FRESH}, text.encode())


def redirect(path: str) -> Answer:
    """Redirect the browser to another page, with GET."""
    return Answer(303, {**_SAFETY, "cache-control": "no-store", "location": path})
