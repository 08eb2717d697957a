"""A scanner that reads what it answers from a folder of documents: by digest first, then by repository.

It finds nothing by itself and invents nothing: an image without a document cannot be scanned. The form of a document is
ECR's own for findings, and the service model checks it. docs/how-to/scan-findings.md describes it for operators.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import orjson

from twinport.aws import json11, shapes, validate
from twinport.aws.shapes import Kind, Shape
from twinport.model.content import Digest
from twinport.model.names import RepositoryName
from twinport.model.printable import printable
from twinport.model.scanning import Findings, ScannedImage, ScanType, Severity, counted
from twinport.processes.pools import MESSAGES
from twinport.refusals.requests import BodyMalformed
from twinport.refusals.scanning import ScanImpossible
from twinport.registry.scanner import MOST_FINDINGS

DOCUMENT_LIMIT = 4 << 20
_MEMBERS = {ScanType.BASIC: "findings", ScanType.ENHANCED: "enhancedFindings"}
_UPDATED = "vulnerabilitySourceUpdatedAt"
# Amazon Inspector's word for a severity that is not known yet.
_UNTRIAGED = "UNTRIAGED"
_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class DocumentScanner:
    """Answers with the documents of a folder. Without a folder no image can be scanned."""

    folder: Path | None

    async def scan(self, image: ScannedImage, scan_type: ScanType) -> Findings:
        if self.folder is None:
            raise ScanImpossible(
                "No scanner is configured: the setting 'scan_findings' names a folder of documents with findings."
            )
        return await MESSAGES.run(partial(_scan, self.folder, image, scan_type))


def file_of_digest(digest: Digest) -> Path:
    return Path("digests", f"{digest.algorithm}-{digest.hex}.json")


def file_of_repository(name: RepositoryName) -> Path:
    return Path("repositories", f"{name}.json")


def parse(content: bytes, scan_type: ScanType) -> Findings:
    """Parse a document. Raises ScanImpossible with the first problem of one that does not have the form."""
    if len(content) > DOCUMENT_LIMIT:
        raise ScanImpossible(f"it has more than {DOCUMENT_LIMIT} bytes")
    given = _document(content)
    member = _MEMBERS[scan_type]
    if member not in given:
        raise ScanImpossible(f"it has no '{member}', which a scan of type {scan_type.value} needs")
    if len(given[member]) > MOST_FINDINGS:
        raise ScanImpossible(f"'{member}' has more than {MOST_FINDINGS} findings")
    counts = counted(_severities(given[member], member))
    updated = given.get(_UPDATED)
    return Findings(given[member], counts, None if updated is None else datetime.fromtimestamp(updated, UTC))


def _scan(folder: Path, image: ScannedImage, scan_type: ScanType) -> Findings:
    for file in (file_of_digest(image.digest), file_of_repository(image.repository.name)):
        content = _content(folder, file)
        if content is not None:
            try:
                return parse(content, scan_type)
            except ScanImpossible as refusal:
                raise ScanImpossible(f"The document '{file}' cannot be used: {refusal.message}.") from refusal
    raise ScanImpossible(
        f"There is no document for this image in the folder of 'scan_findings': neither "
        f"'{file_of_digest(image.digest)}' nor '{file_of_repository(image.repository.name)}'."
    )


def _content(folder: Path, file: Path) -> bytes | None:
    """Return the bytes of a document, one more than the limit at most; None if there is no such file."""
    try:
        # Not blocking: opening a pipe without a writer would wait for one.
        opened = os.open(folder / file, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ScanImpossible(f"The document '{file}' cannot be read: {error.strerror}.") from error
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise ScanImpossible(f"The document '{file}' is not a regular file.")
        with os.fdopen(opened, "rb", closefd=False) as reader:
            return reader.read(DOCUMENT_LIMIT + 1)
    except OSError as error:
        raise ScanImpossible(f"The document '{file}' cannot be read: {error.strerror}.") from error
    finally:
        os.close(opened)


def _document(content: bytes) -> dict[str, Any]:
    """Return a document whose members are those of the model, with times in seconds since 1970."""
    try:
        raw = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ScanImpossible(f"it is not JSON: {error.msg} at line {error.lineno}") from error
    if not isinstance(raw, dict):
        raise ScanImpossible("it is not an object")
    document: dict[str, Any] = _plain(_shape(), raw)
    try:
        parsed = json11.parse(orjson.dumps(document), _shape())
    except BodyMalformed as error:
        raise ScanImpossible(_short(error.message)) from error
    except orjson.JSONEncodeError as error:
        raise ScanImpossible("its values are nested too deeply") from error
    for problem in validate.problems(_shape(), parsed):
        raise ScanImpossible(_short(f"'{problem.path}' must {problem.must}"))
    return document


@cache
def _shape() -> Shape:
    """Return the shape of a document: ECR's shape of findings, without what only a scan can say."""
    output = shapes.load("ecr").operations["DescribeImageScanFindings"].output
    assert output is not None, "the operation answers"  # noqa: S101 — a fact of the model
    members = output.members["imageScanFindings"].members
    return Shape("Document", Kind.STRUCTURE, {name: members[name] for name in (_UPDATED, *_MEMBERS.values())})


def _plain(shape: Shape, value: Any) -> Any:  # noqa: ANN401 — as JSON has it
    """Return a value without null members, and with each time in seconds. What has another type stays as it is."""
    match shape.kind, value:
        case Kind.STRUCTURE, dict():
            given = {name: it for name, it in value.items() if it is not None}
            return {
                name: _plain(shape.members[name], it) if name in shape.members else it for name, it in given.items()
            }
        case Kind.LIST, list():
            return [_plain(shape.members["member"], it) for it in value]
        case Kind.TIMESTAMP, str():
            return _seconds(value)
        case _:
            return value


def _seconds(text: str) -> float:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ScanImpossible(_short(f"'{text}' is not a time such as 2026-11-30T12:00:00Z")) from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _severities(findings: Iterable[Mapping[str, Any]], member: str) -> Iterator[Severity]:
    """Yield the severity of each finding, which each must have."""
    for number, finding in enumerate(findings, 1):
        severity = finding.get("severity")
        if severity == _UNTRIAGED and member == _MEMBERS[ScanType.ENHANCED]:
            severity = Severity.UNDEFINED.value
        if severity not in {each.value for each in Severity}:
            known = ", ".join(each.value for each in Severity)
            raise ScanImpossible(f"'{member}.{number}.member.severity' must be one of {known}")
        yield Severity(severity)


def _short(reason: str) -> str:
    return printable(reason)[:_LONGEST_REASON]
