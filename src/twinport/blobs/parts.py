"""Large objects that are stored part by part (S3's multipart uploads), so that a writer holds one part in memory.

The library of the object store has no operations for parts. Source: Amazon S3 API Reference, CreateMultipartUpload,
UploadPart, CompleteMultipartUpload, AbortMultipartUpload, ListMultipartUploads.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from twinport.egress.bucket import BucketAnswer, BucketRequests
from twinport.refusals.storage import StorageUnavailable

# S3 takes 10,000 parts of at least 5 MiB. ECR's largest layer has 52,000 MiB.
PART = 6 << 20
MOST_PARTS = 10_000
_NAMESPACE = re.compile(rb' xmlns="[^"]*"')
# Codes of S3's errors. Whatever else a store says is not repeated to clients.
_CODE = re.compile(r"[A-Za-z0-9.]{1,64}")
_GONE = "NoSuchUpload"
_OK, _REDIRECTED, _NOT_FOUND = 200, 300, 404


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload of an object that was begun and neither completed nor aborted. Its parts take room in the store."""

    path: str
    upload: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Parts:
    """Uploads objects to one bucket by parts. `encryption` are the headers that an object begins with.

    Each method raises StorageUnavailable if the store refuses or cannot be reached.
    """

    requests: BucketRequests
    encryption: Mapping[str, str]
    page: int = 1000

    async def begin(self, path: str) -> str:
        """Begin an object, and return the id of its upload. The object is not there before it is completed."""
        headers = {"content-type": "application/octet-stream", **self.encryption}
        answer = await self.requests.send("POST", path, {"uploads": ""}, headers=headers)
        return _text(_accepted(answer), "UploadId")

    async def put(self, path: str, upload: str, number: int, content: bytes) -> str:
        """Store a part, durable on return; return its entity tag. All parts but the last have `PART` bytes."""
        if number > MOST_PARTS:
            raise StorageUnavailable(f"an object of more than {MOST_PARTS * PART} bytes cannot be stored")
        query = {"partNumber": str(number), "uploadId": upload}
        answer = _require(await self.requests.send("PUT", path, query, body=content))
        return answer.headers.get("etag", "")

    async def complete(self, path: str, upload: str, tags: Sequence[str]) -> None:
        """Make the object of its parts, durable on return."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = await self.requests.send("POST", path, {"uploadId": upload}, body=body)
        # The store may notice a failure after it has begun to answer with 200.
        if _code(answer) != _GONE:
            _accepted(answer)

    async def abort(self, path: str, upload: str) -> None:
        """Remove what was stored of an object, unless it is complete or aborted by now."""
        answer = await self.requests.send("DELETE", path, {"uploadId": upload})
        if answer.status != _NOT_FOUND:
            _require(answer)

    async def unfinished(self, prefix: str) -> AsyncIterator[Unfinished]:
        """Yield the uploads under way, and those that a process left when it was killed."""
        markers: dict[str, str] = {}
        while True:
            query = {"uploads": "", "prefix": prefix, "max-uploads": str(self.page), **markers}
            page = _accepted(await self.requests.send("GET", "", query))
            for each in page.iter("Upload"):
                yield Unfinished(_text(each, "Key"), _text(each, "UploadId"), _time(each, "Initiated"))
            if page.findtext("IsTruncated") != "true":
                return
            following = {
                "key-marker": _text(page, "NextKeyMarker"),
                "upload-id-marker": page.findtext("NextUploadIdMarker") or "",
            }
            if following == markers:
                raise StorageUnavailable("the object store lists the same unfinished objects again and again")
            markers = following


def _require(answer: BucketAnswer) -> BucketAnswer:
    if not _OK <= answer.status < _REDIRECTED:
        raise StorageUnavailable(f"the object store answered {answer.status} {_code(answer) or 'without a reason'}")
    return answer


def _accepted(answer: BucketAnswer) -> ET.Element:
    """Return the document of a success. An error with status 200 is none."""
    document = _document(_require(answer))
    if document is None or document.tag == "Error":
        raise StorageUnavailable(f"the object store answered {_code(answer) or 'with something that is no XML'}")
    return document


def _code(answer: BucketAnswer) -> str | None:
    document = _document(answer)
    code = None if document is None or document.tag != "Error" else document.findtext("Code")
    return code if code is not None and _CODE.fullmatch(code) else None


def _document(answer: BucketAnswer) -> ET.Element | None:
    try:
        return ET.fromstring(_NAMESPACE.sub(b"", answer.body, count=1))  # noqa: S314 — from the operator's own store
    except ET.ParseError:
        return None


def _time(element: ET.Element, name: str) -> datetime:
    try:
        return datetime.fromisoformat(_text(element, name)).astimezone(UTC)
    except ValueError:
        raise StorageUnavailable(f"the object store's answer has no time in {name}") from None


def _text(element: ET.Element, name: str) -> str:
    found = element.findtext(name)
    if not found:
        raise StorageUnavailable(f"the object store's answer has no {name}")
    return found
