"""The content of a delivery: the manifests of one image and the blobs that they name."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.model.content import Digest, Key
from twinport.model.manifests import Descriptor

# The descriptor of a blob on its way has this type: only manifests know the types of layers.
BLOB = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Cargo:
    """One image as its source holds it: the manifest itself, everything it refers to, and their blobs.

    `children` has the manifests that each index names. `keys` has the keys of the blobs in the source's store, which
    never leave the source. `damaged` are the blobs in quarantine. They are not delivered.
    """

    repository_id: int
    root: Digest
    manifests: Mapping[Digest, Descriptor]
    children: Mapping[Digest, tuple[Digest, ...]]
    blobs: Mapping[Digest, Descriptor]
    keys: Mapping[Digest, Key]
    damaged: frozenset[Digest] = frozenset()
