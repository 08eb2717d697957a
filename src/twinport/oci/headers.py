"""The headers that every answer under `/v2/` carries: a tenant's bytes are only bytes (architecture, law 11)."""

from enum import Enum


class ContentType(Enum):
    """The closed list of types that are answered besides a manifest's own."""

    BYTES = "application/octet-stream"
    JSON = "application/json"
    TEXT = "text/plain; charset=utf-8"


def safe_headers(content_type: ContentType | str) -> dict[str, str]:
    """Return headers under which no browser runs, frames or guesses at a body.

    A plain string is a manifest's media type, which the caller has checked against the types that it stores.
    """
    kind = content_type.value if isinstance(content_type, ContentType) else content_type
    return {
        "content-type": kind,
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "docker-distribution-api-version": "registry/2.0",
    }
