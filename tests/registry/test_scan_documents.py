"""The scanner that reads a folder of documents: what it takes, and what it says about what it does not take."""

import json
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import REGISTRY
from twinport.model.content import Digest
from twinport.model.names import RepositoryName
from twinport.model.scanning import Findings, ScannedImage, ScanType, Severity
from twinport.refusals.scanning import ScanImpossible
from twinport.registry.scan_documents import (
    DOCUMENT_LIMIT,
    DocumentScanner,
    file_of_digest,
    file_of_repository,
    parse,
)
from twinport.registry.scanner import MOST_FINDINGS

BASIC, ENHANCED = ScanType.BASIC, ScanType.ENHANCED
API = RepositoryName("team/api")
IMAGE = ScannedImage(REGISTRY.repository(API), Digest.of(b"an image"))
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "scan-findings.md"
HIGH = {"name": "CVE-1", "severity": "HIGH"}
DEEP = 900
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
MEMBERS = st.sampled_from(["findings", "enhancedFindings", "vulnerabilitySourceUpdatedAt", "severity", "score", "x"])


def write(folder: Path, file: Path, content: bytes | dict[str, Any]) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


async def scanned(folder: Path | None, scan_type: ScanType = BASIC) -> Findings:
    return await DocumentScanner(folder).scan(IMAGE, scan_type)


async def reason(folder: Path | None, scan_type: ScanType = BASIC) -> str:
    with pytest.raises(ScanImpossible) as refusal:
        await scanned(folder, scan_type)
    return refusal.value.message


async def test_the_example_of_the_manual_is_a_document_for_both_types(tmp_path: Path) -> None:
    [example] = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    write(tmp_path, file_of_repository(API), example.encode())
    basic, enhanced = await scanned(tmp_path, BASIC), await scanned(tmp_path, ENHANCED)
    assert (basic.counts, enhanced.counts) == ({Severity.CRITICAL: 1}, {Severity.MEDIUM: 1})
    assert basic.source_updated_at == datetime(2026, 11, 1, 6, tzinfo=UTC)
    given = json.loads(example)
    assert basic.entries == given["findings"]
    assert enhanced.entries[0]["firstObservedAt"] == datetime(2026, 11, 2, tzinfo=UTC).timestamp()
    assert (
        enhanced.entries[0]["packageVulnerabilityDetails"]
        == given["enhancedFindings"][0]["packageVulnerabilityDetails"]
    )


async def test_the_document_of_the_digest_wins_over_that_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, file_of_repository(API), {"findings": [HIGH]})
    assert (await scanned(tmp_path)).counts == {Severity.HIGH: 1}
    write(tmp_path, file_of_digest(IMAGE.digest), {"findings": []})
    assert (await scanned(tmp_path)).entries == []


async def test_without_folder_or_document_the_scan_says_what_is_missing(tmp_path: Path) -> None:
    assert "the setting 'scan_findings'" in await reason(None)
    said = await reason(tmp_path)
    assert str(file_of_digest(IMAGE.digest)) in said
    assert str(file_of_repository(API)) in said


async def test_a_document_without_the_list_of_the_scans_type_is_no_document_for_it(tmp_path: Path) -> None:
    write(tmp_path, file_of_repository(API), {"findings": [HIGH]})
    assert "it has no 'enhancedFindings', which a scan of type ENHANCED needs" in await reason(tmp_path, ENHANCED)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is not JSON"),
        (b"[1]", "it is not an object"),
        (b'{"findings": NaN}', "it is not JSON"),
        (b'{"findings": "many"}', "'findings' is not of type list"),
        (b'{"findings": [7]}', "is not of type structure"),
        (b'{"findings": [null]}', "must not be null"),
        (b'{"findings": [{"name": "a"}]}', "'findings.1.member.severity' must be one of CRITICAL, HIGH"),
        (b'{"findings": [{"severity": "SEVERE"}]}', "satisfy enum value set"),
        (b'{"findings": [{"severity": "HIGH", "name": 7}]}', "'name' is not of type string"),
        (b'{"findings": [{"severity": "HIGH", "cve": "a"}]}', "'findings.1.member.cve' must be one that"),
        (b'{"findings": [{"severity": "HIGH", "attributes": [{"value": "a"}]}]}', "key' must not be null"),
        (b'{"findings": [], "findingSeverityCounts": {"HIGH": 7}}', "'findingSeverityCounts' must be one that"),
        (b'{"findings": [], "vulnerabilitySourceUpdatedAt": "soon"}', "'soon' is not a time"),
        (b'{"findings": [], "vulnerabilitySourceUpdatedAt": 1e300}', "is not of type timestamp"),
        (b'{"findings": [], "vulnerabilitySourceUpdatedAt": "so\\u0000on"}', r"'so\\x00on' is not a time"),
        (b'{"findings": ' + b"[" * DEEP + b"]" * DEEP + b"}", "its values are nested too deeply"),
        (b'{"findings": [], "x": "' + b"y" * DOCUMENT_LIMIT + b'"}', "it has more than 4194304 bytes"),
        (b'{"findings": [' + b",".join([b'{"severity":"LOW"}'] * (MOST_FINDINGS + 1)) + b"]}", "more than 10000"),
    ],
)
async def test_a_wrong_document_fails_the_scan_with_its_name_and_the_first_problem(
    tmp_path: Path, content: bytes, said: str
) -> None:
    write(tmp_path, file_of_repository(API), content)
    message = await reason(tmp_path)
    assert message.startswith("The document 'repositories/team/api.json' cannot be used: ")
    assert re.search(said if "\\" in said else re.escape(said), message), message
    assert message.isprintable()
    assert len(message) < 600


async def test_a_severity_that_is_not_triaged_counts_as_undefined(tmp_path: Path) -> None:
    write(tmp_path, file_of_repository(API), {"enhancedFindings": [{"severity": "UNTRIAGED"}]})
    found = await scanned(tmp_path, ENHANCED)
    assert (found.counts, found.entries) == ({Severity.UNDEFINED: 1}, [{"severity": "UNTRIAGED"}])


async def test_a_pipe_and_a_folder_in_the_place_of_a_document_hold_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "repositories" / "team").mkdir(parents=True)
    os.mkfifo(tmp_path / file_of_repository(API))
    assert "is not a regular file" in await reason(tmp_path)
    (tmp_path / file_of_digest(IMAGE.digest)).mkdir(parents=True)
    assert "is not a regular file" in await reason(tmp_path)


async def test_a_repository_whose_name_is_too_long_for_a_file_is_said_to_be(tmp_path: Path) -> None:
    image = ScannedImage(REGISTRY.repository(RepositoryName("a" * 256)), IMAGE.digest)
    (tmp_path / "repositories").mkdir()
    with pytest.raises(ScanImpossible, match="cannot be read: File name too long"):
        await DocumentScanner(tmp_path).scan(image, BASIC)


@given(st.dictionaries(MEMBERS, JSON_VALUES | st.lists(st.dictionaries(MEMBERS, JSON_VALUES, max_size=3), max_size=3)))
def test_no_document_causes_another_error_than_a_reason(document: dict[str, Any]) -> None:
    for scan_type in ScanType:
        with suppress(ScanImpossible):
            found = parse(json.dumps(document).encode(), scan_type)
            assert sum(found.counts.values()) == len(found.entries)


@given(st.binary(max_size=50))
def test_no_bytes_cause_another_error_than_a_reason(content: bytes) -> None:
    with pytest.raises(ScanImpossible):
        parse(content, BASIC)
