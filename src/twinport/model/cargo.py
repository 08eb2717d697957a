"""The content of a delivery: the manifests of one image and the blobs that they name."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.model.content import Digest, Key


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A manifest without its bytes. The courier fetches them if the destination lacks them."""

    digest: Digest
    media_type: str
    size: int
    children: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """A blob, and the key of its bytes in the source's store."""

    digest: Digest
    size: int
    key: Key


@dataclass(frozen=True, slots=True)
class Cargo:
    """One image as its source holds it: the manifest itself, everything it refers to, and their blobs.

    `damaged` are the blobs in quarantine. They are not delivered.
    """

    repository_id: int
    root: Digest
    manifests: Mapping[Digest, ManifestEntry]
    blobs: Mapping[Digest, BlobEntry]
    damaged: frozenset[Digest] = frozenset()
