"""Layers as readers see them: whether a repository holds them, and their bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from twinport.access.gate import Gate
from twinport.blobs.store import BlobStores
from twinport.catalog.embedded import Catalog
from twinport.clock import Clock
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.names import Registry, RepositoryName


@dataclass(frozen=True, slots=True)
class Layer:
    """A blob that a repository holds. `media_type` is known to manifests alone."""

    digest: Digest
    size: int
    path: Path
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class AvailableLayer:
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class UnavailableLayer:
    digest: Digest


@dataclass(frozen=True, slots=True)
class UnreadableDigest:
    """What was asked for is no digest."""

    text: str


LayerState = AvailableLayer | UnavailableLayer | UnreadableDigest


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """The right to read one layer until a time. It is signed into a presigned address, and verified when it returns."""

    registry: Registry
    repository: RepositoryName
    digest: Digest
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Layers:
    catalog: Catalog
    stores: BlobStores
    gate: Gate
    clock: Clock

    async def check(
        self, caller: Caller, registry: Registry, name: RepositoryName, digests: Sequence[str]
    ) -> list[LayerState]:
        """Tell of each digest, in order, whether the repository holds it (BatchCheckLayerAvailability)."""
        raise NotImplementedError

    async def find(self, caller: Caller, registry: Registry, name: RepositoryName, digest: Digest) -> Layer:
        """Return a layer to be served (GetDownloadUrlForLayer). Raises LayerNotFound, BlobMissing."""
        raise NotImplementedError

    async def grant_download(
        self, caller: Caller, registry: Registry, name: RepositoryName, digest: Digest
    ) -> DownloadGrant:
        """Let whoever holds the answer read one layer for an hour (GetDownloadUrlForLayer). Raises LayerNotFound."""
        raise NotImplementedError

    async def redeem(self, grant: DownloadGrant) -> Layer:
        """Return the layer of a verified grant; the gate was asked when it was given.

        Raises DownloadExpired, LayerNotFound, BlobMissing.
        """
        raise NotImplementedError
