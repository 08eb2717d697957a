"""Uploads: layers on their way in, part by part or whole."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from twinport.access.gate import Gate
from twinport.blobs.store import BlobStores
from twinport.catalog.embedded import Catalog
from twinport.clock import Clock
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.names import Registry, RepositoryName
from twinport.registry.layers import Layer


@dataclass(frozen=True, slots=True)
class UploadState:
    """An open upload and the number of bytes that are durable."""

    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Uploads:
    catalog: Catalog
    stores: BlobStores
    gate: Gate
    clock: Clock

    async def start(self, caller: Caller, registry: Registry, name: RepositoryName) -> UploadState:
        """Open an upload (InitiateLayerUpload)."""
        raise NotImplementedError

    async def append(
        self,
        caller: Caller,
        registry: Registry,
        name: RepositoryName,
        upload_id: str,
        first_byte: int | None,
        pieces: AsyncIterator[bytes],
    ) -> UploadState:
        """Add a part that begins where the upload ends; `first_byte`, if given, must say so (UploadLayerPart).

        All of the part is durable on return; if the pieces break off, none of it is kept.
        Raises UploadNotFound, UploadOutOfOrder.
        """
        raise NotImplementedError

    async def status(self, caller: Caller, registry: Registry, name: RepositoryName, upload_id: str) -> UploadState:
        """Tell how far an upload is. Raises UploadNotFound."""
        raise NotImplementedError

    async def cancel(self, caller: Caller, registry: Registry, name: RepositoryName, upload_id: str) -> None:
        """Forget an upload. Raises UploadNotFound."""
        raise NotImplementedError

    async def complete(
        self,
        caller: Caller,
        registry: Registry,
        name: RepositoryName,
        upload_id: str,
        digest: Digest,
        pieces: AsyncIterator[bytes] | None,
    ) -> Layer:
        """Make a layer of an upload and its last part, if one is sent (registry protocol).

        Raises UploadNotFound, UploadOutOfOrder, DigestMismatch; the upload is then as it was.
        """
        raise NotImplementedError

    async def complete_parts(
        self,
        caller: Caller,
        registry: Registry,
        name: RepositoryName,
        upload_id: str,
        digests: Sequence[Digest],
    ) -> Layer:
        """Make a layer of an upload under ECR's own rules; one of `digests` must be right (CompleteLayerUpload).

        Raises UploadNotFound, EmptyUpload, LayerPartTooSmall, DigestMismatch, LayerExists; the upload then
        stays as it was.
        """
        raise NotImplementedError

    async def upload_whole(
        self,
        caller: Caller,
        registry: Registry,
        name: RepositoryName,
        digest: Digest,
        pieces: AsyncIterator[bytes],
    ) -> Layer:
        """Store a layer sent in one request. Raises DigestMismatch."""
        raise NotImplementedError

    async def mount(
        self,
        caller: Caller,
        registry: Registry,
        name: RepositoryName,
        digest: Digest,
        source_name: RepositoryName,
    ) -> Layer | None:
        """Let a repository hold a layer that another of the same registry holds; None if that cannot be.

        It cannot be where the source does not hold the layer or the caller may not read it there: the two are not
        told apart.
        """
        raise NotImplementedError
