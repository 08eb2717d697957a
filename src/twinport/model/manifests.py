"""Manifests, parsed once: OCI image manifests and indexes, Docker schema 2 manifests and lists.

Other types are refused: schema 1 because no client pulls it any more, unknown ones because ECR refuses them and
because a registry cannot know what they refer to. Artifacts are image manifests or indexes with their own type.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from twinport.model.content import Digest
from twinport.refusals.images import ManifestInvalid, ManifestTooLarge, ManifestTypeUnsupported

MANIFEST_LIMIT = 4_194_304
ENTRY_LIMIT = 10_000
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
IMAGE_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = IMAGE_TYPES | INDEX_TYPES

_SCHEMA_VERSION = 2
# Layers of these types may be stored elsewhere, at the addresses in their descriptors.
_FOREIGN_TYPES = frozenset(
    {
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    }
)
# Far above the size of any layer, and small enough that the sum over all entries fits a database's integer.
_LARGEST_SIZE = 1 << 48
_MEDIA_TYPE = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")
_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A manifest's reference to other content (OCI Image 1.1, descriptor.md)."""

    media_type: str
    digest: Digest
    size: int
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed manifest. An index has children and no config; an image has a config and no children.

    `artifact_type` is what a referrers list shows: the manifest's own, or its config's media type.
    """

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Digest | None
    artifact_type: str | None
    annotations: Mapping[str, str]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and the layers that the repository must hold: each digest once for each size given for it."""
        named = (() if self.config is None else (self.config,)) + self.layers
        return tuple(dict.fromkeys(each for each in named if not each.is_elsewhere))

    @property
    def own_size(self) -> int:
        """The bytes of config and layers. Zero for an index: its size is that of its largest child."""
        return sum(each.size for each in self.layers) + (0 if self.config is None else self.config.size)


def parse_manifest(content: bytes, declared_media_type: str | None) -> Manifest:
    """Parse a manifest in time linear in its size.

    `declared_media_type` is the request's Content-Type without parameters, and must not contradict the manifest.
    Raises ManifestTooLarge, ManifestTypeUnsupported or ManifestInvalid; DigestInvalid for a digest in it.
    """
    if len(content) > MANIFEST_LIMIT:
        raise ManifestTooLarge(MANIFEST_LIMIT)
    document = _document(content)
    media_type = _agreed_type(document, declared_media_type)
    if document.get("schemaVersion") != _SCHEMA_VERSION:
        raise ManifestInvalid("'schemaVersion' must be 2")
    return _index(document, media_type) if media_type in INDEX_TYPES else _image(document, media_type)


def _document(content: bytes) -> Json:
    try:
        text = content.decode("utf-8")
        document = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_no_number)
    except ManifestInvalid:
        raise
    except (ValueError, RecursionError):
        raise ManifestInvalid("Invalid JSON syntax") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("Invalid JSON syntax")
    return document


def _object(pairs: list[tuple[str, object]]) -> Json:
    """Refuse an object with a duplicate key: parsers disagree on which value counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ManifestInvalid("a member is given twice")
    return found


def _integer(digits: str) -> int:
    """Parse an integer from its first 20 digits, which is too large for any use: all digits take quadratic time."""
    return int(digits[:20])


def _no_number(_name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python accepts and JSON does not have."""
    raise ManifestInvalid("Invalid JSON syntax")


def _agreed_type(document: Json, declared: str | None) -> str:
    inside = document.get("mediaType", "")
    if not isinstance(inside, str) or _NOT_TEXT.search(inside):
        raise ManifestInvalid("'mediaType' must be text")
    if inside and declared and inside != declared:
        raise ManifestInvalid(f"'mediaType' is {inside[:200]} and was sent as {declared[:200]}")
    media_type = inside or declared
    if not media_type:
        # ECR's own words for a manifest without a type, neither in the manifest nor in the request.
        raise ManifestInvalid("Invalid JSON syntax")
    if media_type not in MANIFEST_TYPES:
        raise ManifestTypeUnsupported(media_type)
    return media_type


def _image(document: Json, media_type: str) -> Manifest:
    # A document that one parser reads as an index and another as an image could hide content (CVE-2021-41190).
    if "manifests" in document:
        raise ManifestInvalid("an image manifest has no 'manifests'")
    config = _descriptor(document.get("config"), "config")
    return Manifest(
        media_type=media_type,
        config=config,
        layers=_entries(document, "layers", "Limit on number of layers per image exceeded"),
        children=(),
        subject=_subject(document),
        artifact_type=_artifact_type(document) or config.media_type,
        annotations=_annotations(document),
    )


def _index(document: Json, media_type: str) -> Manifest:
    if "config" in document or "layers" in document:
        raise ManifestInvalid("an index has no 'config' and no 'layers'")
    return Manifest(
        media_type=media_type,
        config=None,
        layers=(),
        children=_entries(document, "manifests", "Limit on number of manifests per index exceeded"),
        subject=_subject(document),
        artifact_type=_artifact_type(document),
        annotations=_annotations(document),
    )


def _entries(document: Json, member: str, limit_exceeded: str) -> tuple[Descriptor, ...]:
    entries = document.get(member, "absent")
    if entries is None:
        return ()  # Go writes an empty list as null
    if not isinstance(entries, list):
        raise ManifestInvalid(f"'{member}' must be a list")
    if len(entries) > ENTRY_LIMIT:
        raise ManifestInvalid(limit_exceeded)
    return tuple(_descriptor(entry, member) for entry in entries)


def _descriptor(value: object, member: str) -> Descriptor:
    if not isinstance(value, dict):
        raise ManifestInvalid(f"'{member}' must be given as descriptors")
    media_type = value.get("mediaType")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
        raise ManifestInvalid(f"'mediaType' in '{member}' must be a media type")
    is_elsewhere = media_type in _FOREIGN_TYPES and _has_urls(value, member)
    return Descriptor(media_type, _digest(value, member), _size(value, member), is_elsewhere)


def _digest(descriptor: Json, member: str) -> Digest:
    digest = descriptor.get("digest")
    if not isinstance(digest, str) or _NOT_TEXT.search(digest):
        raise ManifestInvalid(f"'digest' in '{member}' must be a digest")
    return Digest.parse(digest)


def _size(descriptor: Json, member: str) -> int:
    size = descriptor.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST_SIZE:
        raise ManifestInvalid(f"'size' in '{member}' must be a number of bytes")
    return size


def _has_urls(descriptor: Json, member: str) -> bool:
    urls = descriptor.get("urls", [])
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise ManifestInvalid(f"'urls' in '{member}' must be a list of addresses")
    return bool(urls)


def _subject(document: Json) -> Digest | None:
    subject = document.get("subject")
    return None if subject is None else _descriptor(subject, "subject").digest


def _artifact_type(document: Json) -> str | None:
    value = document.get("artifactType")
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise ManifestInvalid("'artifactType' must be a media type")
    return value


def _annotations(document: Json) -> Mapping[str, str]:
    found = document.get("annotations")
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(map(_is_text, (*found, *found.values()))):
        raise ManifestInvalid("'annotations' must map text to text")
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _NOT_TEXT.search(value)
