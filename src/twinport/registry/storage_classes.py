"""The archive: an image is moved there, where it cannot be pulled, and restored.

A restore is begun by the verb and ended by a loop (registry/storage_moves.py), a moment later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import referrer_moves, repositories, storage
from twinport.catalog.regional.image_notes import Note
from twinport.catalog.regional.repositories import Against
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageId, ImageStatus, Repository
from twinport.model.lifecycle_policies import StorageClass
from twinport.model.names import RepositoryId
from twinport.refusals.images import ImageNotFound, StorageClassUpdateNotSupported
from twinport.registry import image_notes
from twinport.registry.images import resolve
from twinport.registry.storage_moves import AT_ONCE, follow


@dataclass(frozen=True, slots=True)
class StorageClasses:
    """The verb of the storage class. `restoring` is called when a loop is to go on with a move."""

    gate: Gate
    catalog: Catalog
    restoring: Callable[[], None]
    at_once: int = AT_ONCE

    async def update(
        self, caller: Caller, repository: RepositoryId, image: ImageId, target: StorageClass
    ) -> tuple[Digest, ImageStatus]:
        """Move an image to the archive, or begin to restore it. Return its digest and its status now.

        Its referrers follow: the first of them at once, others by a loop. An image that is where it is to be stays
        there. Raises ImageNotFound, and StorageClassUpdateNotSupported for a part of an index that is not archived, and
        for archiving an image whose restore has begun.
        """
        await self.gate.authorize(caller, "ecr:UpdateImageStorageClass", RepositoryResource(repository))
        move, step = self._archive if target is StorageClass.ARCHIVE else _restore, str(uuid4())

        def change(db: Connection) -> tuple[Digest, ImageStatus, Begun]:
            row = repositories.lock(db, repository, Against.WRITERS)
            digest = _named(db, row, image)
            begun = move(db, row, digest, step)
            return digest, storage.status_of(db, row.id, digest), begun

        database = self.catalog.region(repository.region)
        digest, status, begun = await database.write(change)
        await image_notes.tell_all(database, step, begun.notes)
        if begun.goes_on:
            self.restoring()
        return digest, status

    def _archive(self, db: Connection, repository: Repository, digest: Digest, step: str) -> "Begun":
        before, now = storage.status_of(db, repository.id, digest), self.catalog.now(db)
        if before is ImageStatus.ACTIVATING:
            raise _unsupported(repository, digest, "it is being restored")
        if storage.has_active_parent(db, repository.id, digest):
            raise _unsupported(repository, digest, "it is referenced by a manifest list: archive that first")
        moved = [digest] if before is ImageStatus.ACTIVE else []
        if moved:
            storage.archive(db, repository.id, digest, now)
        referrer_moves.begin(db, repository.id, [digest])
        return Begun(*follow(db, repository, moved, step, (now, self.at_once)))


@dataclass(frozen=True, slots=True)
class Begun:
    """A move to the archive or a restore: what the log is told, and whether a loop goes on with it."""

    notes: Sequence[Note] = ()
    goes_on: bool = False


def _restore(db: Connection, repository: Repository, digest: Digest, _step: str) -> Begun:
    is_archived = storage.status_of(db, repository.id, digest) is ImageStatus.ARCHIVED
    if is_archived:
        storage.begin_to_activate(db, repository.id, digest)
    return Begun(goes_on=is_archived)


def _named(db: Connection, repository: Repository, image: ImageId) -> Digest:
    digest = resolve(db, repository, image)
    if isinstance(digest, Digest):
        return digest
    asked = str(image.digest) if image.digest else None
    raise ImageNotFound(asked, image.tag, repository.name, repository.registry.account)


def _unsupported(repository: Repository, digest: Digest, reason: str) -> StorageClassUpdateNotSupported:
    return StorageClassUpdateNotSupported(str(digest), repository.name, repository.registry.account, reason)
