"""What scans found in an image: the findings, the worst first, and a form that starts a scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twinport.console import commands, words
from twinport.console.image_page import SECTION, described, frame, path_of
from twinport.console.pages import address, refused
from twinport.console.routes import Route
from twinport.console.visits import Fragment, Page, Redirect, Result, Visit
from twinport.errors import AccessDenied, Refusal
from twinport.model.content import Digest
from twinport.model.images import ImageDetail, ImageId, ImageStatus
from twinport.model.names import RepositoryName, repository_name
from twinport.model.scanning import Scan, ScanState, ScanType, Severity
from twinport.refusals.scanning import ScanNotFound
from twinport.registry.images import Images
from twinport.registry.paging import PageRequest
from twinport.registry.scanning import FoundScan, Scanning

_PER_PAGE = 20
# Texts of a finding may be of any length.
_LONGEST_NAME, _LONGEST_TEXT, _MOST_PACKAGES = 150, 600, 5
_STATES = {
    ScanState.IN_PROGRESS: ("in progress", "busy"),
    ScanState.COMPLETE: ("complete", "good"),
    ScanState.ACTIVE: ("scanned continuously", "good"),
    ScanState.FAILED: ("failed", "bad"),
}
_TONES = {Severity.CRITICAL: "bad", Severity.HIGH: "bad"}


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding of either type of scans. `address` is one of the web, or empty."""

    severity: str
    tone: str
    name: str
    address: str
    packages: tuple[str, ...]
    more_packages: int
    fix: str
    text: str


@dataclass(frozen=True, slots=True)
class FindingsPages:
    images: Images
    scanning: Scanning

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/console/{region}/image/findings", self.show),
            Route("GET", "/console/{region}/image/findings/fresh", self.fresh),
            Route("POST", "/console/{region}/image/findings", self.start),
        )

    async def show(self, visit: Visit) -> Page:
        name = repository_name(visit.query.one("repository"))
        return await self._page(visit, name, visit.query.one("digest"))

    async def fresh(self, visit: Visit) -> Fragment:
        name = repository_name(visit.query.one("repository"))
        digest = Digest.parse(visit.query.one("digest"))
        return Fragment("image_findings_state.html", await self._findings(visit, name, digest))

    async def start(self, visit: Visit) -> Result:
        name, digest = repository_name(visit.form.one("repository")), Digest.parse(visit.form.one("digest"))
        try:
            await self.scanning.start(visit.caller, visit.registry.repository(name), ImageId(digest, None))
        except Refusal as refusal:
            return refused(await self._page(visit, name, str(digest)), refusal)
        return Redirect(address(f"{visit.home}/image/findings", repository=name, digest=str(digest), done="scanning"))

    async def _page(self, visit: Visit, name: RepositoryName, digest: str) -> Page:
        detail = await described(self.images, visit, name, digest)
        cli = commands.ecr(visit)
        named = {"repository_name": name, "image_id": f"imageDigest={detail.digest}"}
        values = {
            **frame(visit, name, detail),
            **(await self._findings(visit, name, detail.digest)),
            "cannot": _cannot(detail),
            "command": cli.line("ecr describe-image-scan-findings", **named),
            "scan_command": cli.line("ecr start-image-scan", **named),
        }
        title = f"Scan findings · {words.short_digest(str(detail.digest))} · {name}"
        return Page("image_findings.html", title, SECTION, values)

    async def _findings(self, visit: Visit, name: RepositoryName, digest: Digest) -> dict[str, object]:
        """Return the scan of an image, or why there is nothing to see."""
        token, text = visit.query.one("page"), str(digest)
        around = {
            "here": path_of(visit, name, text, "/findings"),
            "live": path_of(visit, name, text, "/findings/fresh"),
            "is_first": not token,
        }
        try:
            found = await self.scanning.find(
                visit.caller,
                visit.registry.repository(name),
                ImageId(digest, None),
                PageRequest(_PER_PAGE, token or None),
            )
        except AccessDenied as refusal:
            return around | _nothing(refusal.message)
        except ScanNotFound:
            return around | _nothing("This image was not scanned yet.")
        more = address(f"{visit.home}/image/findings", repository=name, digest=text, page=found.findings.token or "")
        return around | _shown(found) | {"next": found.findings.token and more}


def _nothing(reason: str) -> dict[str, object]:
    return {"scan": None, "no_scan": reason, "rows": (), "counts": (), "is_pending": False, "next": None}


def _shown(found: FoundScan) -> dict[str, object]:
    scan = found.scan
    word, tone = _STATES[scan.state]
    read = _basic if found.scan_type is ScanType.BASIC else _enhanced
    shown = {
        "word": word,
        "tone": tone,
        "ecr": scan.state.value,
        "description": scan.description or "",
        "type": "Basic" if found.scan_type is ScanType.BASIC else "Enhanced",
        "completed": words.time(scan.completed_at),
        "updated": words.time(scan.source_updated_at) if scan.source_updated_at else "",
        "has_result": scan.has_result,
    }
    return {
        "scan": shown,
        "no_scan": "",
        "rows": [read(each) for each in found.findings.items],
        "counts": _counts(scan),
        "is_pending": scan.state is ScanState.IN_PROGRESS,
    }


def _counts(scan: Scan) -> list[tuple[str, int, str]]:
    """Return each severity with its findings and the color of its number."""
    return [
        (each.value.lower(), scan.counts.get(each, 0), _tone(each.value, scan.counts.get(each, 0))) for each in Severity
    ]


def _tone(severity: str, count: int = 1) -> str:
    return next((tone for each, tone in _TONES.items() if each.value == severity and count), "calm")


def _basic(finding: Mapping[str, Any]) -> FindingRow:
    attributes = {each.get("key"): each.get("value", "") for each in finding.get("attributes", ())}
    package = " ".join(filter(None, (attributes.get("package_name"), attributes.get("package_version"))))
    return _row(finding, finding.get("name", ""), finding.get("uri", ""), [package] if package else [], "")


def _enhanced(finding: Mapping[str, Any]) -> FindingRow:
    details = finding.get("packageVulnerabilityDetails") or {}
    packages = details.get("vulnerablePackages") or []
    fixed = [
        f"{each.get('name', '')} {each['fixedInVersion']}".strip() for each in packages if each.get("fixedInVersion")
    ]
    known = {"YES": "available", "NO": "none", "PARTIAL": "for some packages"}
    fix = ", ".join(fixed[:_MOST_PACKAGES]) or known.get(finding.get("fixAvailable", ""), "")
    title = finding.get("title") or details.get("vulnerabilityId", "")
    named = [f"{each.get('name', '')} {each.get('version', '')}".strip() for each in packages]
    return _row(finding, title, details.get("sourceUrl", ""), named, fix)


def _row(finding: Mapping[str, Any], name: str, uri: str, packages: Sequence[str], fix: str) -> FindingRow:
    severity, text = str(finding.get("severity", "")), str(finding.get("description", ""))
    return FindingRow(
        severity=severity.lower()[:_LONGEST_NAME],
        tone=_tone(severity),
        name=words.shortened(name, _LONGEST_NAME) or "unnamed",
        address=uri if uri.startswith(("https://", "http://")) and len(uri) <= _LONGEST_TEXT else "",
        packages=tuple(words.shortened(each, _LONGEST_NAME) for each in packages[:_MOST_PACKAGES]),
        more_packages=max(0, len(packages) - _MOST_PACKAGES),
        fix=words.shortened(fix, _LONGEST_TEXT),
        text=words.shortened(text, _LONGEST_TEXT),
    )


def _cannot(detail: ImageDetail) -> str:
    """Say why the image is not scanned. Empty for one that can be."""
    if detail.status is not ImageStatus.ACTIVE:
        return "An image in the archive is not scanned. Restore it first."
    if "index" in detail.media_type or "list" in detail.media_type:
        return "An index is not scanned. The images in it are, each by itself."
    return ""
