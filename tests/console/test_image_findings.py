"""The page of what scans found, on a server with a folder of documents."""

import html
import json
import re
import urllib.error
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.pushing import push, push_index
from tests.console.browsing import read, signed_in
from tests.served import Served, new_account, start
from tests.waiting import PATIENCE_SECONDS, until

REGION = "eu-west-1"
SEVERITIES = ("LOW", "CRITICAL", "MEDIUM", "HIGH", "INFORMATIONAL", "UNDEFINED")
BASIC = [
    {
        "name": f"CVE-{number:02}",
        "description": "<b>flaw</b> " * 200,
        "uri": "javascript:alert(1)" if number == 1 else f"https://cves.example/{number}",
        "severity": SEVERITIES[number % len(SEVERITIES)],
        "attributes": [{"key": "package_name", "value": "openssl"}, {"key": "package_version", "value": "3.0.1"}],
    }
    for number in range(30)
]
ENHANCED = [
    {
        "title": f"CVE-{number} - requests",
        "severity": severity,
        "packageVulnerabilityDetails": {
            "vulnerabilityId": f"CVE-{number}",
            "sourceUrl": f"https://cves.example/{number}",
            "vulnerablePackages": [{"name": "requests", "version": "2.30.0", "fixedInVersion": "2.31.0"}],
        },
    }
    for number, severity in enumerate(("MEDIUM", "UNTRIAGED", "CRITICAL"))
]


class Scanned:
    """An account on a server that scans, with an image."""

    def __init__(self, server: Served) -> None:
        self.server, self.account = server, new_account()
        self.opener = signed_in(server.url, self.account)
        self.ecr = server.client("ecr", self.account, REGION)
        self.ecr.create_repository(repositoryName="team/api")
        self.digest = push(server, self.account, "team/api", "v1", REGION)

    def url(self, digest: str = "") -> str:
        page = f"{self.server.url}/console/{REGION}/image/findings"
        return f"{page}?repository=team/api&digest={digest or self.digest}"

    def page(self, digest: str = "") -> str:
        return read(self.opener, self.url(digest))

    def scan_now(self, digest: str = "") -> str:
        (token, *_) = re.findall(r'name="csrf" value="(\w+)"', self.page(digest))
        form = {"csrf": token, "repository": "team/api", "digest": digest or self.digest}
        sent = urllib.parse.urlencode(form).encode()
        with self.opener.open(self.url().partition("?")[0], sent, timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode())

    def ended(self) -> str:
        until(lambda: ">in progress<" not in self.page())
        return self.page()


@pytest.fixture(scope="module")
def scanning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("documents")
    (folder / "repositories" / "team").mkdir(parents=True)
    document = {"findings": BASIC, "enhancedFindings": ENHANCED}
    (folder / "repositories" / "team" / "api.json").write_text(json.dumps(document))
    served = start(tmp_path_factory.mktemp("server") / "data", TWINPORT_SCAN_FINDINGS=str(folder))
    yield served
    served.stop()


@pytest.fixture
def scanned(scanning: Served) -> Scanned:
    return Scanned(scanning)


def severities(page: str) -> list[str]:
    return re.findall(r'data-label="Severity"[^>]*><span class="state \w+">(\w+)<', page)


def names(page: str) -> list[str]:
    return re.findall(r'data-label="Name"[^>]*>(?:<a [^>]+>)?([^<]+)<', page)


def test_an_image_is_scanned_by_the_form_and_its_findings_come_the_worst_first(scanned: Scanned) -> None:
    assert "This image was not scanned yet." in scanned.page()
    assert "A scan was requested." in scanned.scan_now()
    first = scanned.ended()
    (path,) = re.findall(r'href="([^"]+)">Next page', first)
    second = read(scanned.opener, scanned.server.url + html.unescape(path))
    ranked = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
    assert severities(first) + severities(second) == [each.lower() for each in ranked for _ in range(5)]
    assert sorted(names(first) + names(second)) == [each["name"] for each in BASIC]
    assert "5 critical</span>" in first
    assert "openssl 3.0.1" in first


def test_what_a_document_says_is_text_and_no_script(scanned: Scanned) -> None:
    scanned.scan_now()
    page = scanned.ended()
    assert "javascript:" not in page
    assert "&lt;b&gt;flaw&lt;/b&gt;" in page
    assert len(page) < 60_000


def test_a_second_scan_within_a_day_is_refused_on_the_page(scanned: Scanned) -> None:
    scanned.scan_now()
    scanned.ended()
    with pytest.raises(urllib.error.HTTPError) as refused:
        scanned.scan_now()
    with refused.value as answer:
        page = answer.read().decode()
    assert "The scan quota per image has been exceeded" in page
    assert "try again tomorrow" in page
    assert severities(page)


def test_enhanced_findings_have_their_packages_and_fixes(scanned: Scanned) -> None:
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "team", "filterType": "WILDCARD"}]}
    scanned.ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
    scanned.digest = push(scanned.server, scanned.account, "team/api", "v2", REGION)
    page = scanned.ended()
    assert severities(page) == ["critical", "medium", "untriaged"]
    assert "requests 2.30.0" in page
    assert "requests 2.31.0" in page
    with pytest.raises(urllib.error.HTTPError) as refused:
        scanned.scan_now()
    with refused.value as answer:
        assert "The registry has enhanced scanning" in answer.read().decode()


def test_an_index_is_not_scanned_and_its_page_says_so(scanned: Scanned) -> None:
    index = push_index(scanned.server, scanned.account, "team/api", "all", "v1")
    page = scanned.page(index)
    assert "An index is not scanned." in page
    assert "Scan now</button>" not in page


def test_a_failed_scan_says_why(server: Served) -> None:
    account = Scanned(server)
    account.scan_now()
    page = account.ended()
    assert ">failed</span>" in page
    assert "No scanner is configured" in page
