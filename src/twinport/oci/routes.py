"""What a path under `/v2/` names. Paths are parsed from the right, since a repository may be called `blobs/tags`."""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote

from twinport.refusals.requests import PathUnknown


class Place(Enum):
    """The kinds of place in a repository."""

    MANIFEST = "manifests"
    BLOB = "blobs"
    UPLOADS = "uploads"
    UPLOAD = "upload"
    TAGS = "tags"
    REFERRERS = "referrers"


@dataclass(frozen=True, slots=True)
class Ping:
    """`/v2/`, where clients check their credentials."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """`/v2/_catalog`. `path` is the part before it: empty, or `ACCOUNT/REGION`."""

    path: str


@dataclass(frozen=True, slots=True)
class InRepository:
    """A place in a repository. `path` and `reference` are decoded but not validated yet."""

    place: Place
    path: str
    reference: str = ""


Route = Ping | Catalog | InRepository


def parse(raw_path: str) -> Route:
    """Parse a path as sent. Raises PathUnknown.

    Each segment is decoded by itself, so that an encoded slash is no separator. No segment is dropped or resolved.
    """
    segments = [unquote(segment, errors="replace") for segment in raw_path.split("/")]
    if any("/" in segment for segment in segments):
        raise PathUnknown(raw_path)
    route = _route(segments)
    if route is None:
        raise PathUnknown(raw_path)
    return route


def _route(segments: list[str]) -> Route | None:  # noqa: PLR0911 — the grammar has this many forms
    match segments:
        case ["", "v2"] | ["", "v2", ""]:
            return Ping()
        case ["", "v2", *name, "blobs", "uploads"] | ["", "v2", *name, "blobs", "uploads", ""] if name:
            return InRepository(Place.UPLOADS, "/".join(name))
        case ["", "v2", *name, "blobs", "uploads", upload] if name:
            return InRepository(Place.UPLOAD, "/".join(name), upload)
        case ["", "v2", *name, "tags", "list"] if name:
            return InRepository(Place.TAGS, "/".join(name))
        case ["", "v2", *name, ("manifests" | "blobs" | "referrers") as place, reference] if name:
            return InRepository(Place(place), "/".join(name), reference)
        case ["", "v2", *before, "_catalog"]:
            return Catalog("/".join(before))
        case _:
            return None
