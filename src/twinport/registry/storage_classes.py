"""The archive: an image is moved there, where it cannot be pulled, and restored.

A restore is begun by the verb and ended by a loop (registry/lifecycle_runs.py), a moment later.
"""

from collections.abc import Callable
from dataclasses import dataclass

from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import repositories, storage
from twinport.catalog.regional.repositories import Against
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageId, ImageStatus, Repository
from twinport.model.lifecycle_policies import StorageClass
from twinport.model.names import Registry, RepositoryName
from twinport.refusals.images import ImageNotFound, StorageClassUpdateNotSupported
from twinport.registry.images import resolve


@dataclass(frozen=True, slots=True)
class StorageClasses:
    """The verb of the storage class. `restoring` is called when a restore has begun."""

    gate: Gate
    catalog: Catalog
    restoring: Callable[[], None]

    async def update(
        self, caller: Caller, registry: Registry, name: RepositoryName, image: ImageId, target: StorageClass
    ) -> tuple[Digest, ImageStatus]:
        """Move an image to the archive, or begin to restore it. Return its digest and its status now.

        An image that is where it is to be stays there. Raises ImageNotFound, and StorageClassUpdateNotSupported for a
        part of an index that is not archived, and for archiving an image whose restore has begun.
        """
        await self.gate.authorize(caller, "ecr:UpdateImageStorageClass", RepositoryResource(registry, name))
        move = self._archive if target is StorageClass.ARCHIVE else _restore

        def change(db: Connection) -> tuple[Digest, ImageStatus, ImageStatus]:
            repository = repositories.lock(db, registry, name, Against.WRITERS)
            digest = _named(db, repository, image)
            before = storage.status_of(db, repository.id, digest)
            move(db, repository, digest, before)
            return digest, before, storage.status_of(db, repository.id, digest)

        digest, before, after = await self.catalog.region(registry.region).write(change)
        self._tell(registry, name, digest, before, after)
        return digest, after

    def _archive(self, db: Connection, repository: Repository, digest: Digest, before: ImageStatus) -> None:
        if before is ImageStatus.ACTIVATING:
            raise _unsupported(repository, digest, "it is being restored")
        if before is ImageStatus.ARCHIVED:
            return
        if storage.has_active_parent(db, repository.id, digest):
            raise _unsupported(repository, digest, "it is referenced by a manifest list: archive that first")
        storage.archive(db, repository.id, digest, self.catalog.now(db))

    def _tell(
        self, registry: Registry, name: RepositoryName, digest: Digest, before: ImageStatus, after: ImageStatus
    ) -> None:
        if before is after:
            return
        if after is ImageStatus.ARCHIVED:
            facts = {"account": registry.account, "region": registry.region, "repository": name}
            telemetry.event(Event.IMAGE_ARCHIVED, **facts, digest=str(digest), priority=None)
        else:
            self.restoring()


def _restore(db: Connection, repository: Repository, digest: Digest, before: ImageStatus) -> None:
    if before is ImageStatus.ARCHIVED:
        storage.begin_to_activate(db, repository.id, digest)


def _named(db: Connection, repository: Repository, image: ImageId) -> Digest:
    digest = resolve(db, repository, image)
    if isinstance(digest, Digest):
        return digest
    asked = str(image.digest) if image.digest else None
    raise ImageNotFound(asked, image.tag, repository.name, repository.registry.account)


def _unsupported(repository: Repository, digest: Digest, reason: str) -> StorageClassUpdateNotSupported:
    return StorageClassUpdateNotSupported(str(digest), repository.name, repository.registry.account, reason)
