"""Refusals in the words of the registry protocol (OCI Distribution 1.1, error codes).

Statuses and codes are those of the standard and its reference implementation. If ECR has a message for a refusal, it is
used, so that docker prints the same as with ECR.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from twinport import errors
from twinport.errors import Refusal
from twinport.http.messages import Answer, BodyTooLarge
from twinport.metrics import current_request
from twinport.oci.headers import ContentType, safe_headers
from twinport.refusals import callers, images, requests, storage
from twinport.settings.deviations import Deviation, Deviations


@dataclass(frozen=True, slots=True)
class WireError:
    """Status and code; `message` replaces the refusal's own words."""

    status: int
    code: str
    message: str | None = None


Table = Mapping[type[Refusal], WireError]
# The most specific class of a refusal in this table decides.
TABLE: Table = {
    errors.NotAuthenticated: WireError(401, "UNAUTHORIZED"),
    callers.RegistryTokenExpired: WireError(403, "DENIED"),
    callers.RegistryTokenInvalid: WireError(403, "DENIED"),
    errors.AccessDenied: WireError(403, "DENIED"),
    callers.OriginRefused: WireError(403, "DENIED"),
    callers.DownloadExpired: WireError(403, "DENIED"),
    callers.DownloadForged: WireError(403, "DENIED"),
    errors.BadRequest: WireError(400, "UNSUPPORTED"),
    requests.BadName: WireError(400, "NAME_INVALID"),
    requests.BadTag: WireError(400, "TAG_INVALID"),
    requests.MethodUnsupported: WireError(405, "UNSUPPORTED"),
    requests.NotBuiltYet: WireError(405, "UNSUPPORTED"),
    images.ManifestInvalid: WireError(400, "MANIFEST_INVALID"),
    images.ManifestTooLarge: WireError(413, "SIZE_INVALID"),
    requests.ContentRangeInvalid: WireError(416, "BLOB_UPLOAD_INVALID"),
    requests.PathUnknown: WireError(404, "NAME_INVALID"),
    errors.NotFound: WireError(404, "NAME_UNKNOWN"),
    images.RepositoryNotFound: WireError(404, "NAME_UNKNOWN"),
    images.ImageNotFound: WireError(404, "MANIFEST_UNKNOWN", "Requested image not found"),
    images.ImageArchived: WireError(404, "MANIFEST_UNKNOWN"),
    images.LayerNotFound: WireError(404, "BLOB_UNKNOWN"),
    images.UploadNotFound: WireError(404, "BLOB_UPLOAD_UNKNOWN"),
    errors.Conflict: WireError(409, "DENIED"),
    images.TagImmutable: WireError(400, "TAG_INVALID"),
    images.LayerReferenced: WireError(405, "UNSUPPORTED"),
    images.ImageReferenced: WireError(405, "UNSUPPORTED"),
    images.UploadOutOfOrder: WireError(416, "BLOB_UPLOAD_INVALID"),
    errors.BadContent: WireError(400, "BLOB_UPLOAD_INVALID"),
    images.DigestInvalid: WireError(400, "DIGEST_INVALID"),
    images.DigestMismatch: WireError(400, "DIGEST_INVALID"),
    images.ImageDigestMismatch: WireError(400, "DIGEST_INVALID"),
    images.SizeMismatch: WireError(400, "SIZE_INVALID"),
    images.DescriptorSizeWrong: WireError(400, "MANIFEST_INVALID"),
    images.LayersMissing: WireError(400, "MANIFEST_BLOB_UNKNOWN"),
    images.ReferencedImagesMissing: WireError(400, "MANIFEST_BLOB_UNKNOWN"),
    errors.LimitReached: WireError(403, "DENIED"),
    requests.RateExceeded: WireError(429, "TOOMANYREQUESTS"),
    # These end by themselves: a client may try again later.
    images.TooManyUploads: WireError(429, "TOOMANYREQUESTS"),
    images.TooManyUploadedBytes: WireError(429, "TOOMANYREQUESTS"),
    images.TagParametersTooMany: WireError(414, "UNSUPPORTED"),
    BodyTooLarge: WireError(413, "SIZE_INVALID"),
    errors.Unavailable: WireError(503, "UNAVAILABLE"),
    storage.Interrupted: WireError(408, "SIZE_INVALID"),
    storage.BodyBroken: WireError(400, "SIZE_INVALID"),
    Refusal: WireError(400, "UNKNOWN"),
}


# Where Amazon ECR answers differently, by deviation.
_ECR_ANSWERS: dict[Deviation, dict[type[Refusal], WireError]] = {
    Deviation.UNSUPPORTED_MANIFEST: {
        images.ManifestInvalid: WireError(405, "UNSUPPORTED"),
    },
}


def table_of(deviations: Deviations) -> Table:
    """Return the table of a deployment with these deviations."""
    table = dict(TABLE)
    for deviation in deviations:
        table |= _ECR_ANSWERS.get(deviation, {})
    return table


def refused(refusal: Refusal, realm: str, table: Table = TABLE) -> Answer:
    """Word a refusal. `realm` is the address that asks clients for credentials."""
    wire = next(table[kind] for kind in type(refusal).__mro__ if kind in table)
    current_request.refused(wire.code)
    if isinstance(refusal, callers.RegistryTokenMissing):
        return _not_authorized(refusal, realm)
    headers = safe_headers(ContentType.JSON)
    if isinstance(refusal, errors.NotAuthenticated) and wire.status == 401:  # noqa: PLR2004
        headers |= _challenge(realm)
    if isinstance(refusal, requests.MethodUnsupported):
        headers["allow"] = ", ".join(refusal.allowed)
    return Answer(wire.status, headers, _envelope(wire.code, wire.message or refusal.message))


def unexpected(request_id: str) -> Answer:
    """Answer a defect with its id in the log, without any detail."""
    current_request.refused("UNKNOWN")
    text = f"an unexpected error occurred; the log has it under request id {request_id}"
    return Answer(500, safe_headers(ContentType.JSON), _envelope("UNKNOWN", text))


def _not_authorized(refusal: Refusal, realm: str) -> Answer:
    """Ask for credentials with ECR's own bytes."""
    return Answer(401, safe_headers(ContentType.TEXT) | _challenge(realm), f"{refusal.message}\n".encode())


def _challenge(realm: str) -> dict[str, str]:
    return {"www-authenticate": f'Basic realm="{realm}",service="ecr.amazonaws.com"'}


def _envelope(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()
