"""Uploads: layers on their way in, part by part or whole.

Bytes come before rows everywhere: a part or a layer is durable in the blob store before the one transaction that
names it. A crash or a refusal between the two leaves at most a key that no row names.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import partial
from typing import TypeVar

from twinport.access.gate import Gate, RepositoryResource
from twinport.blobs.store import SHA256_ALONE, BlobReader, BlobStore, BlobStores, BlobWriter, has_whole
from twinport.catalog import upload_requests
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import blobs, repositories, uploads
from twinport.catalog.regional.blobs import NewBlob, StoredBlob
from twinport.catalog.regional.endings import SEGMENTS_AT_ONCE
from twinport.catalog.regional.uploads import Segment, Upload, UploadQuota
from twinport.catalog.upload_requests import Asked, Found
from twinport.errors import AccessDenied, Refusal
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model import upload_ids
from twinport.model.content import Digest, Key
from twinport.model.identities import Caller
from twinport.model.images import Repository
from twinport.model.names import Registry, RepositoryId
from twinport.refusals.images import (
    DigestMismatch,
    EmptyUpload,
    LayerExists,
    LayerPartTooSmall,
    NoDigestMatches,
    RepositoryNotFound,
    UploadNotFound,
    UploadOutOfOrder,
)
from twinport.refusals.storage import OutcomeUnknown, StorageUnavailable
from twinport.registry.layers import CHECK, Layer
from twinport.registry.running_uploads import RunningUploads
from twinport.registry.upload_ids import UploadIds
from twinport.settings.retention import Retention

T = TypeVar("T")

START, APPEND, COMPLETE = "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"
PUSH = (START, APPEND, COMPLETE)
# ECR's rule for every part but the last; it binds ECR's API alone.
LEAST_PART = 5 << 20


@dataclass(frozen=True, slots=True)
class UploadState:
    """An open upload and the number of bytes that are durable."""

    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of an upload as they come. `first_byte` is where the client says that they belong; None: at its end."""

    pieces: AsyncIterator[bytes]
    first_byte: int | None = None


class PartRule(Enum):
    """The least size of every part but the last: any size, or the size that ECR's own API requires."""

    ANY_SIZE = "any size"
    ECR = "ecr"


@dataclass(frozen=True, slots=True)
class Uploads:
    """Ways to bring a layer into a repository that exists.

    `rows_at_once` limits how many segments one transaction reads or deletes.
    """

    catalog: Catalog
    stores: BlobStores
    gate: Gate
    ids: UploadIds
    part_rule: PartRule = PartRule.ANY_SIZE
    retention: Retention = Retention()  # noqa: RUF009 — frozen
    quota: UploadQuota = UploadQuota()  # noqa: RUF009 — frozen
    running: RunningUploads = field(default_factory=RunningUploads)
    rows_at_once: int = SEGMENTS_AT_ONCE

    async def start(self, caller: Caller, repository: RepositoryId) -> UploadState:
        """Open an upload (InitiateLayerUpload): give out an id, and write nothing before its first byte comes.

        Raises TooManyUploads, TooManyUploadedBytes.
        """
        owner, found = await self._found(caller, (START,), Asked(repository))
        uploads.require_upload_quota(repository.registry, found.used, self.quota)
        return UploadState(await self.ids.issue(caller, owner), 0)

    async def append(self, caller: Caller, repository: RepositoryId, upload_id: str, part: Part) -> UploadState:
        """Add a part that begins where the upload ends (UploadLayerPart).

        All of the part is durable on return; if its pieces break off, none of it is kept.
        Raises UploadNotFound, UploadOutOfOrder, TooManyUploadedBytes.
        """
        owner, found = await self._found(caller, (APPEND,), Asked(repository, upload_id))
        upload = await self._upload(caller, owner, found, upload_id)
        require = uploads.require_upload_quota if upload.is_new else uploads.require_byte_quota
        require(repository.registry, found.used, self.quota)
        _require_end(upload, part)
        # This is a copy, so that a part that breaks off leaves the known digest unchanged.
        running = self.running.of(upload)
        async with self.stores.region(repository.region).create(onward=running) as writer:
            await _take(writer, part.pieces)
            if writer.size == 0:
                return UploadState(upload.id, upload.size)
            written = await writer.finish()
        segment = Segment(upload.size, written.size, written.key, written.digest)
        await self._name(
            repository.registry,
            written.key,
            lambda db: uploads.append(db, upload, segment, self.catalog.now(db), self.quota),
        )
        self.running.grown(upload, segment, running)
        return UploadState(upload.id, upload.size + written.size)

    async def status(self, caller: Caller, repository: RepositoryId, upload_id: str) -> UploadState:
        """Tell how far an upload is. Raises UploadNotFound."""
        owner, found = await self._found(caller, (APPEND,), Asked(repository, upload_id))
        upload = await self._upload(caller, owner, found, upload_id)
        return UploadState(upload.id, upload.size)

    async def cancel(self, caller: Caller, repository: RepositoryId, upload_id: str) -> None:
        """Forget an upload. Raises UploadNotFound."""
        owner, found = await self._found(caller, (APPEND,), Asked(repository, upload_id))
        upload = await self._upload(caller, owner, found, upload_id)
        await self.catalog.region(repository.region).write(lambda db: self._cancel(db, upload))
        self.running.ended(upload_id)

    async def complete(
        self,
        caller: Caller,
        repository: RepositoryId,
        upload_id: str,
        digest: Digest,
        last_part: Part | None,
    ) -> Layer:
        """Make a layer of an upload and its last part, if one is sent (registry protocol).

        If the upload is gone, return the layer if it is there: the upload was completed, and the answer got lost.
        Raises UploadNotFound, UploadOutOfOrder, LayerPartTooSmall, DigestMismatch; the upload then stays as it was, so
        the client may correct the request and try again.
        """
        actions = (COMPLETE,) if last_part is None else (APPEND, COMPLETE)
        owner, found = await self._found(caller, actions, Asked(repository, upload_id, digest))
        try:
            upload = await self._upload(caller, owner, found, upload_id)
            return await self._complete(upload, found, digest, last_part)
        except UploadNotFound:
            layer = await self._completed(caller, repository, digest)
            if layer is None:
                raise
        if last_part is not None:
            await _drain(last_part.pieces)
        return layer

    async def _complete(self, upload: Upload, found: Found, digest: Digest, last_part: Part | None) -> Layer:
        if last_part is not None:
            _require_end(upload, last_part)
        if upload.is_new:
            pieces = _no_pieces() if last_part is None else last_part.pieces
            return await self._store_whole(upload.repository, digest, pieces, found.standing)
        if self.part_rule is PartRule.ECR:
            await self._require_large(upload, upload.size if last_part else _begin_of_last(upload))
        return await self._finish(upload, (digest,), last_part)

    async def _completed(self, caller: Caller, repository: RepositoryId, digest: Digest) -> Layer | None:
        """Return a layer that is there if the caller may check this, as HEAD would tell it; otherwise None."""
        try:
            await self.gate.authorize(caller, CHECK, RepositoryResource(repository))
        except AccessDenied:
            return None

        def promised(db: Connection) -> StoredBlob | None:
            owner = repositories.find(db, repository)
            return None if owner is None else blobs.promised(db, owner.id, [digest], self._since(db)).get(digest)

        stored = await self.catalog.region(repository.region).read(promised)
        if stored is None or not await _is_sound(self.stores.region(repository.region), stored):
            return None
        return Layer(digest, stored.size)

    async def complete_parts(
        self,
        caller: Caller,
        repository: RepositoryId,
        upload_id: str,
        digests: Sequence[Digest],
    ) -> Layer:
        """Make a layer of an upload under ECR's own rules; one of `digests` must be right (CompleteLayerUpload).

        If the upload is gone, return the layer if it is there, as `complete` does.
        Raises UploadNotFound, EmptyUpload, LayerPartTooSmall, NoDigestMatches, LayerExists; the upload then
        stays as it was.
        """
        owner, found = await self._found(caller, (COMPLETE,), Asked(repository, upload_id))
        try:
            upload = await self._upload(caller, owner, found, upload_id)
            return await self._complete_parts(upload, digests)
        except UploadNotFound:
            # As in `complete`: the upload was completed, and the answer got lost.
            for digest in digests:
                if layer := await self._completed(caller, repository, digest):
                    return layer
            raise

    async def _complete_parts(self, upload: Upload, digests: Sequence[Digest]) -> Layer:
        repository = upload.repository.identity
        if upload.last is None:
            raise EmptyUpload(upload.id, repository.name, repository.account)
        await self._require_large(upload, _begin_of_last(upload))
        # A layer that a check would not have promised is no reason to refuse.
        held = await self.catalog.region(repository.region).read(
            lambda db: blobs.promised(db, upload.repository.id, digests, self._since(db))
        )
        for digest, stored in held.items():
            if await _is_sound(self.stores.region(repository.region), stored):
                raise LayerExists(str(digest), repository.name, repository.account)
        try:
            return await self._finish(upload, tuple(digests), None)
        except DigestMismatch as error:
            raise NoDigestMatches(error.declared, error.computed) from error

    async def upload_whole(
        self,
        caller: Caller,
        repository: RepositoryId,
        digest: Digest,
        pieces: AsyncIterator[bytes],
    ) -> Layer:
        """Store a layer sent in one request. Raises DigestMismatch, RepositoryNotFound.

        The gate admitted the caller to the repository that is there now; one that is recreated meanwhile is another.
        """
        owner, found = await self._found(caller, PUSH, Asked(repository, digest=digest))
        return await self._store_whole(owner, digest, pieces, found.standing)

    async def _store_whole(
        self, repository: Repository, digest: Digest, pieces: AsyncIterator[bytes], standing: StoredBlob | None
    ) -> Layer:
        """Store bytes that come at once: one file and one transaction. `standing` was read before they came."""
        registry = repository.registry
        async with self.stores.region(registry.region).create((digest.algorithm,)) as writer:
            await _take(writer, pieces)
            written = await writer.finish_as(digest)
        blob = NewBlob(digest, written.key, written.size)
        if standing is not None:
            blob = await self._new(registry, digest, written.key, written.size)
        stored = await self._name(
            repository.registry, blob.key, lambda db: uploads.store_whole(db, repository, blob, self.catalog.now(db))
        )
        return self._stored(repository.registry, blob, stored)

    def _since(self, db: Connection) -> datetime:
        """Return since when, at the earliest, a layer without an image may wait for one and still count as there."""
        return self.catalog.now(db) - self.retention.promise

    async def _found(self, caller: Caller, actions: tuple[str, ...], asked: Asked) -> tuple[Repository, Found]:
        """Read what a request names, and decide by it. Raises AccessDenied, RepositoryNotFound.

        The caller is admitted to the repository that is there now; one that is recreated meanwhile is another.
        """
        decide = await self.gate.decision(caller, actions, RepositoryResource(asked.repository))
        region = self.catalog.region(asked.repository.region)
        found = await region.read(lambda db: upload_requests.find(db, asked, self.quota))
        await decide(found.facts)
        if found.repository is None:
            raise RepositoryNotFound(asked.repository.name, asked.repository.account)
        return found.repository, found

    async def _upload(self, caller: Caller, repository: Repository, found: Found, upload_id: str) -> Upload:
        """Return the open upload of an id, which may be one that no byte has come for. Raises UploadNotFound."""
        if found.upload is not None:
            return found.upload
        if found.has_row or not await self.ids.is_issued(caller, repository, upload_id):
            raise UploadNotFound(upload_id, repository.name, repository.registry.account)
        return Upload(upload_id, repository, 0, None, is_new=True)

    def _cancel(self, db: Connection, upload: Upload) -> None:
        now = self.catalog.now(db)
        harmless_from = upload_ids.harmless_from(upload.id) or now
        if not (upload.is_new and uploads.cancel_new(db, upload, harmless_from, now, self.quota)):
            uploads.cancel(db, upload.repository.identity, upload.id, now, self.rows_at_once)

    async def _finish(self, upload: Upload, candidates: tuple[Digest, ...], last_part: Part | None) -> Layer:
        last = await _begun(last_part.pieces) if last_part else None
        if last is None and upload.last is not None and upload.last.first_byte == 0:
            return await self._finish_in_place(upload, upload.last, candidates)
        return await self._finish_joined(upload, candidates, last)

    async def _finish_in_place(self, upload: Upload, segment: Segment, candidates: tuple[Digest, ...]) -> Layer:
        """Finish an upload whose only segment is the layer. Its bytes stay in place, even if the rows are refused."""
        registry = upload.repository.registry
        digest = await _recognized(self.stores.region(registry.region), segment, candidates)
        blob = await self._new(registry, digest, segment.key, segment.size)
        stored = await self.catalog.region(registry.region).write(
            lambda db: uploads.finish(db, upload, blob, self.catalog.now(db))
        )
        self.running.ended(upload.id)
        return self._stored(registry, blob, stored)

    async def _finish_joined(
        self, upload: Upload, candidates: tuple[Digest, ...], last: AsyncIterator[bytes] | None
    ) -> Layer:
        registry, most = upload.repository.registry, self.rows_at_once
        store = self.stores.region(registry.region)
        async with self._joining(store, upload, candidates) as writer:
            async for segment in self._segments(upload):
                await writer.join(store, segment.key, segment.size)
            if last is not None:
                await _take(writer, last)
            written = await writer.finish_as(*candidates)
        digest = next(each for each in candidates if written.digests[each.algorithm] == each)
        blob = await self._new(registry, digest, written.key, written.size)
        stored = await self._name(
            registry, blob.key, lambda db: uploads.finish(db, upload, blob, self.catalog.now(db), most)
        )
        self.running.ended(upload.id)
        return self._stored(registry, blob, stored)

    async def _segments(self, upload: Upload) -> AsyncIterator[Segment]:
        """Yield the segments of an upload, read some rows at a time. Raises UploadNotFound if it ends meanwhile."""
        region, place = self.catalog.region(upload.repository.registry.region), 0
        while place < upload.size:
            page = await region.read(partial(uploads.segments, upload=upload, place=place, limit=self.rows_at_once))
            for segment in page:
                yield segment
            place = page[-1].first_byte + page[-1].size

    async def _require_large(self, upload: Upload, end: int) -> None:
        """Refuse an upload by ECR's rule if a part that begins before `end` is too small."""
        region = self.catalog.region(upload.repository.registry.region)
        if await region.read(lambda db: uploads.has_part_below(db, upload, LEAST_PART, end)):
            raise LayerPartTooSmall

    def _joining(
        self, store: BlobStore, upload: Upload, candidates: tuple[Digest, ...]
    ) -> AbstractAsyncContextManager[BlobWriter]:
        """Begin the blob of an upload: with the digest of its segments if it is known here, else by reading them."""
        algorithms = tuple({digest.algorithm for digest in candidates})
        known = self.running.of(upload)
        return store.create(algorithms) if known is None or algorithms != SHA256_ALONE else store.create_joined(known)

    async def _new(self, registry: Registry, digest: Digest, key: Key, size: int) -> NewBlob:
        """Describe durable bytes. They replace damaged ones, as far as a look at the file tells."""
        region = registry.region
        standing = await self.catalog.region(region).read(lambda db: blobs.named(db, digest))
        if standing is None or await _is_sound(self.stores.region(region), standing):
            return NewBlob(digest, key, size)
        return NewBlob(digest, key, size, instead_of=standing.key)

    def _stored(self, registry: Registry, new: NewBlob, stored: StoredBlob) -> Layer:
        if new.instead_of is not None and stored.key == new.key:
            telemetry.event(Event.BLOB_HEALED, region=registry.region, digest=str(new.digest), key=new.key)
        return Layer(new.digest, stored.size)

    async def _name(self, registry: Registry, key: Key, transaction: Callable[[Connection], T]) -> T:
        """Write the rows of durable bytes. If the write is refused, remove the bytes too."""
        try:
            return await self.catalog.region(registry.region).write(transaction)
        except OutcomeUnknown:
            # The rows may have been written: an orphaned file does no harm, missing bytes are data loss.
            raise
        except Refusal:
            with suppress(StorageUnavailable):
                await self.stores.region(registry.region).remove(key)
            raise


async def _is_sound(store: BlobReader, stored: StoredBlob) -> bool:
    return stored.damage is None and await has_whole(store, stored.key, stored.size)


def _require_end(upload: Upload, part: Part) -> None:
    if part.first_byte not in (None, upload.size):
        owner = upload.repository
        raise UploadOutOfOrder(upload.id, owner.name, owner.registry.account, upload.size)


def _begin_of_last(upload: Upload) -> int:
    return upload.last.first_byte if upload.last is not None else 0


async def _recognized(store: BlobStore, segment: Segment, candidates: tuple[Digest, ...]) -> Digest:
    """Return the digest that the segment has. Raises DigestMismatch."""
    computed = {segment.digest.algorithm: segment.digest}
    for algorithm in {digest.algorithm for digest in candidates} - computed.keys():
        computed[algorithm] = await store.digest(segment.key, algorithm)
    for digest in candidates:
        if computed[digest.algorithm] == digest:
            return digest
    raise DigestMismatch(", ".join(map(str, candidates)), ", ".join(map(str, computed.values())))


async def _no_pieces() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read a body to its end, because the client reads no answer before it has sent everything."""
    async for _ in pieces:
        pass


async def _take(writer: BlobWriter, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        await writer.write(piece)


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes] | None:
    """Wait for the first piece; None if there is none."""
    first = await anext(pieces, None)
    return None if first is None else _continued(first, pieces)


async def _continued(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece
