"""The headers of every answer under `/v2/`: a tenant's bytes are only bytes (docs/write-order.md, law 11)."""

from enum import Enum


class ContentType(Enum):
    """The closed list of content types of answers, besides a manifest's own."""

    BYTES = "application/octet-stream"
    JSON = "application/json"
    TEXT = "text/plain; charset=utf-8"


def safe_headers(content_type: ContentType | str) -> dict[str, str]:
    """Return headers that stop a browser from running, framing or sniffing a body.

    A plain string is a manifest's media type, which the caller has checked against the types that it stores.
    """
    kind = content_type.value if isinstance(content_type, ContentType) else content_type
    return {
        "content-type": kind,
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "docker-distribution-api-version": "registry/2.0",
    }
