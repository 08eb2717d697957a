"""What a pull reads of its Region: once its verb asks for it, or begun before, while the credentials are looked at.

IAM and a Region are two databases. On PostgreSQL each of them is a round trip away, so the door of the registry
protocol sends both questions at once (`oci/early_pulls.py`). A decision is made after both answers, as ever: what is
begun early is the same statement, of the same request, and is used for the same question alone.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twinport.access import lasting
from twinport.catalog import pulls
from twinport.catalog.ports import Catalog
from twinport.catalog.pulls import FoundBlob, FoundManifest
from twinport.model.content import Digest
from twinport.model.images import ImageId
from twinport.model.names import RepositoryId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A manifest or a blob of a repository, whether or not it is there."""

    repository: RepositoryId
    item: ImageId | Digest


@dataclass(frozen=True, slots=True)
class _Begun(Generic[T]):
    """A read that is under way in this request."""

    wanted: Wanted
    answer: asyncio.Task[T]


_manifest: ContextVar[_Begun[FoundManifest] | None] = ContextVar("manifest", default=None)
_blob: ContextVar[_Begun[FoundBlob] | None] = ContextVar("blob", default=None)


@dataclass(frozen=True, slots=True)
class PullReads:
    """The reads of pulls. What was begun in this request is awaited, once, instead of read again."""

    catalog: Catalog

    async def manifest(self, repository: RepositoryId, image: ImageId) -> FoundManifest:
        """Find an image, with the facts that decide about it."""
        begun = _taken(_manifest, repository, image)
        found = await (self._manifest(repository, image) if begun is None else begun)
        lasting.found(repository.region, found.version)
        return found

    async def blob(self, repository: RepositoryId, digest: Digest) -> FoundBlob:
        """Find a blob, with the facts that decide about it."""
        begun = _taken(_blob, repository, digest)
        found = await (self._blob(repository, digest) if begun is None else begun)
        lasting.found(repository.region, found.version)
        return found

    @contextmanager
    def begun(self, wanted: Wanted) -> Iterator[None]:
        """Begin to read. What was not awaited by the end of the block is given up."""
        if isinstance(wanted.item, Digest):
            beginning = _beginning(_blob, wanted, self._blob(wanted.repository, wanted.item))
        else:
            beginning = _beginning(_manifest, wanted, self._manifest(wanted.repository, wanted.item))
        with beginning:
            yield

    async def _manifest(self, repository: RepositoryId, image: ImageId) -> FoundManifest:
        return await self.catalog.region(repository.region).read(lambda db: pulls.manifest(db, repository, image))

    async def _blob(self, repository: RepositoryId, digest: Digest) -> FoundBlob:
        return await self.catalog.region(repository.region).read(lambda db: pulls.blob(db, repository, digest))


@contextmanager
def _beginning(begun: ContextVar[_Begun[T] | None], wanted: Wanted, reading: Coroutine[Any, Any, T]) -> Iterator[None]:
    answer = asyncio.create_task(reading)
    before = begun.set(_Begun(wanted, answer))
    try:
        yield
    finally:
        begun.reset(before)
        answer.add_done_callback(_heed)
        answer.cancel()


def _taken(
    begun: ContextVar[_Begun[T] | None], repository: RepositoryId, item: ImageId | Digest
) -> asyncio.Task[T] | None:
    """Return the read that was begun for what is wanted, the first time. It is never the answer to a later question."""
    found = begun.get()
    if found is None or found.wanted != Wanted(repository, item):
        return None
    begun.set(None)
    return found.answer


def _heed(given_up: asyncio.Task[Any]) -> None:
    """Look at the error of a read that no verb awaited: asyncio reports one that nothing has looked at."""
    if not given_up.cancelled():
        given_up.exception()
