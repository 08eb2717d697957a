"""Layers as readers see them: whether a repository holds them, and their bytes."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from twinport.access.gate import Decide, Gate, RepositoryResource, allow_any
from twinport.blobs.damage import is_lost
from twinport.blobs.store import BlobReader, BlobStores, Serving
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import blobs, repositories, verification
from twinport.catalog.regional.blobs import StoredBlob
from twinport.catalog.regional.repositories import Against
from twinport.catalog.regional.verification import Change, RecordedBlob
from twinport.clock import Clock
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.model.content import Damage, Digest
from twinport.model.identities import Caller
from twinport.model.names import RepositoryId
from twinport.refusals.callers import DownloadExpired
from twinport.refusals.images import (
    DigestInvalid,
    LayerInaccessible,
    LayerNotFound,
    LayerReferenced,
    RepositoryNotFound,
)
from twinport.refusals.storage import BlobMissing
from twinport.registry.pull_reads import PullReads
from twinport.settings.retention import Retention

CHECK, DOWNLOAD = "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer"
# ECR has no deletion of layers; a caller that may delete every image of a repository may do this.
DELETE = "ecr:BatchDeleteImage"
# ECR's presigned addresses say X-Amz-Expires=3600.
GRANTED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Layer:
    """A blob that a repository holds."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class ServedLayer:
    """A layer that is there whole, and how its bytes reach a client."""

    digest: Digest
    size: int
    serving: Serving


@dataclass(frozen=True, slots=True)
class AvailableLayer:
    """A layer that the repository holds. `media_type` is known once an image of the repository named it."""

    digest: Digest
    size: int
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class UnavailableLayer:
    digest: Digest


@dataclass(frozen=True, slots=True)
class UnreadableDigest:
    """A text that the caller sent as a digest and that is none."""

    text: str


LayerState = AvailableLayer | UnavailableLayer | UnreadableDigest


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """The right to read one layer until a time. It is signed into a presigned address, and verified when it returns."""

    repository: RepositoryId
    digest: Digest
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Layers:
    """The verbs of a repository's layers. Each asks the gate, or takes a grant that the gate has allowed."""

    catalog: Catalog
    stores: BlobStores
    gate: Gate
    clock: Clock
    retention: Retention = Retention()  # noqa: RUF009 — frozen

    async def check(self, caller: Caller, repository: RepositoryId, digests: Sequence[str]) -> list[LayerState]:
        """Tell for each digest, in order, whether the repository holds it (BatchCheckLayerAvailability).

        A layer counts as absent if it is in quarantine, if its file is gone or cut short, or if it has no image and may
        be removed before the caller could push one. The caller then pushes it again.
        """
        await self.gate.authorize(caller, CHECK, RepositoryResource(repository))
        asked = [_parsed(text) for text in digests]
        readable = [digest for digest in asked if isinstance(digest, Digest)]

        def promised(db: Connection) -> tuple[dict[Digest, StoredBlob], dict[Digest, str]]:
            since = self.catalog.now(db) - self.retention.promise
            repository_id = repositories.get(db, repository).id
            found = blobs.promised(db, repository_id, readable, since)
            return found, blobs.media_types(db, repository_id, found)

        held, media_types = await self.catalog.region(repository.region).read(promised)
        lost = await self._lost(repository, held)
        there = {each: AvailableLayer(each, held[each].size, media_types.get(each)) for each in held.keys() - lost}
        return [_state(digest, there) for digest in asked]

    async def remove(self, caller: Caller, repository: RepositoryId, digest: Digest) -> None:
        """Unlink a layer from a repository (the registry protocol's deletion of a blob).

        Its bytes are removed later, if no other repository holds them. Raises LayerNotFound, and LayerReferenced for a
        layer that an image of the repository names.
        """
        await self.gate.authorize(caller, DELETE, RepositoryResource(repository))

        def unlink(db: Connection) -> None:
            row = repositories.lock(db, repository, Against.ALL)
            if blobs.is_named(db, row.id, digest):
                raise LayerReferenced(str(digest), repository.name)
            if not blobs.unlink(db, row.id, digest, self.catalog.now(db)):
                raise LayerNotFound(str(digest), repository.name, repository.account)

        await self.catalog.region(repository.region).write(unlink)

    async def find(self, caller: Caller, repository: RepositoryId, digest: Digest) -> ServedLayer:
        """Return a layer to be served (GetDownloadUrlForLayer). Raises LayerNotFound, LayerInaccessible."""
        return await self._found(repository, digest, await self._deciding(caller, repository))

    async def grant_download(self, caller: Caller, repository: RepositoryId, digest: Digest) -> DownloadGrant:
        """Let any holder of the answer read one layer for an hour (GetDownloadUrlForLayer). Raises LayerNotFound."""
        await self._found(repository, digest, await self._deciding(caller, repository))
        return DownloadGrant(repository, digest, self.clock.now() + GRANTED_FOR)

    async def redeem(self, grant: DownloadGrant) -> ServedLayer:
        """Return the layer of a verified grant. The gate decided when the grant was given.

        Raises DownloadExpired, LayerNotFound, LayerInaccessible.
        """
        if self.clock.now() >= grant.expires_at:
            raise DownloadExpired
        return await self._found(grant.repository, grant.digest)

    async def _deciding(self, caller: Caller, repository: RepositoryId) -> Decide:
        return await self.gate.decision(caller, (DOWNLOAD,), RepositoryResource(repository))

    async def _found(self, repository: RepositoryId, digest: Digest, decide: Decide = allow_any) -> ServedLayer:
        """Find a layer. Without `decide`, the gate has decided when the grant was given."""
        found = await PullReads(self.catalog).blob(repository, digest)
        await decide(found.facts)
        if not found.is_repository_there:
            raise RepositoryNotFound(repository.name, repository.account)
        stored = found.blob
        if stored is None:
            raise LayerNotFound(str(digest), repository.name, repository.account)
        if stored.damage is not None:
            raise LayerInaccessible(str(digest), repository.name, repository.account)
        store = self.stores.region(repository.region)
        try:
            await _require_whole(store, stored)
        except BlobMissing as damage:
            await self._report(repository, digest, stored)
            raise LayerInaccessible(str(digest), repository.name, repository.account) from damage
        return ServedLayer(digest, stored.size, await store.serving(stored.key))

    async def _lost(self, repository: RepositoryId, held: Mapping[Digest, StoredBlob]) -> set[Digest]:
        """Return the layers whose files are missing or of a wrong size; none if the whole store is away for a time."""
        store = self.stores.region(repository.region)
        lost = {digest for digest, stored in held.items() if await is_lost(store, stored.key, stored.size)}
        if not lost or not await store.is_there():
            return set()
        for digest in lost:
            await self._report(repository, digest, held[digest])
        return lost

    async def _report(self, repository: RepositoryId, digest: Digest, stored: StoredBlob) -> None:
        """Put missing bytes into quarantine, if the row can be written, so that clients see them as absent and push."""
        telemetry.alarm(
            Event.BLOB_DAMAGED, digest=str(digest), repository=repository.name, registry=str(repository.registry)
        )
        blob = RecordedBlob(digest, stored.key, stored.size, None)
        if await self.stores.region(repository.region).is_there():
            with contextlib.suppress(Unavailable):
                change = await self.catalog.region(repository.region).write(
                    lambda db: verification.settle(db, blob, Damage.MISSING, self.catalog.now(db))
                )
                if change is Change.QUARANTINED:
                    names.QUARANTINED.add()


async def _require_whole(store: BlobReader, stored: StoredBlob) -> None:
    """Check a file before the answer begins, while the server can still report that it is gone or too short."""
    if await store.size(stored.key) != stored.size:
        raise BlobMissing(stored.key)


def _parsed(text: str) -> Digest | UnreadableDigest:
    try:
        return Digest.parse(text)
    except DigestInvalid:
        return UnreadableDigest(text)


def _state(asked: Digest | UnreadableDigest, held: Mapping[Digest, AvailableLayer]) -> LayerState:
    match asked:
        case Digest():
            return held.get(asked, UnavailableLayer(asked))
        case UnreadableDigest():
            return asked
