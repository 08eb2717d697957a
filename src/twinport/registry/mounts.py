"""Mounts: layers that a repository takes over from another one of the same registry, without their bytes."""

from dataclasses import dataclass

from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import account_settings, blobs, repositories, uploads
from twinport.errors import AccessDenied
from twinport.model.account_settings import BlobMounting
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.names import Registry, RepositoryId, RepositoryName
from twinport.registry.layers import DOWNLOAD, Layer
from twinport.registry.uploads import PUSH

# How many repositories are tried for a mount that names none.
MOST_SOURCES = 10


@dataclass(frozen=True, slots=True)
class Mounts:
    """Ways to link a layer into a repository that exists. `mounting` holds for an account that did not choose."""

    gate: Gate
    catalog: Catalog
    mounting: BlobMounting = BlobMounting.ENABLED

    async def mount(
        self, caller: Caller, repository: RepositoryId, digest: Digest, source_name: RepositoryName
    ) -> Layer | None:
        """Link a layer that another repository of the same registry holds; None if that is not possible.

        It is not possible if the source does not hold the layer or is encrypted in another way, if the caller may not
        read it there, or while the account has turned mounting off. The answer does not tell which.
        """
        await self.gate.authorize_all(caller, PUSH, RepositoryResource(repository))
        if not await self._mounts(repository.registry):
            return None
        return await self._mount(caller, repository, digest, source_name)

    async def mount_from_any(self, caller: Caller, repository: RepositoryId, digest: Digest) -> Layer | None:
        """As `mount`, from one of the repositories of the registry in which the caller may read the layer.

        Of many repositories that hold it, only the first few are tried.
        """
        await self.gate.authorize_all(caller, PUSH, RepositoryResource(repository))
        await self._require(repository)
        if not await self._mounts(repository.registry):
            return None
        holders = await self.catalog.region(repository.region).read(
            lambda db: blobs.holders(db, repository.account, digest, MOST_SOURCES)
        )
        for source_name in holders:
            layer = await self._mount(caller, repository, digest, source_name)
            if layer is not None:
                return layer
        return None

    async def _mounts(self, registry: Registry) -> bool:
        """Tell whether layers of the registry are mounted at all."""
        found = await self.catalog.region(registry.region).read(
            lambda db: account_settings.blob_mounting(db, registry.account, self.mounting)
        )
        return found is BlobMounting.ENABLED

    async def _mount(
        self, caller: Caller, repository: RepositoryId, digest: Digest, source_name: RepositoryName
    ) -> Layer | None:
        try:
            await self.gate.authorize(caller, DOWNLOAD, RepositoryResource(repository.registry.repository(source_name)))
        except AccessDenied:
            return None
        await self._require(repository)
        stored = await self.catalog.region(repository.region).write(
            lambda db: uploads.mount(db, repository, digest, source_name, self.catalog.now(db))
        )
        return None if stored is None else Layer(digest, stored.size)

    async def _require(self, repository: RepositoryId) -> None:
        """Raise RepositoryNotFound if a repository is missing, and make no database."""
        await self.catalog.region(repository.region).read(lambda db: repositories.get(db, repository))
