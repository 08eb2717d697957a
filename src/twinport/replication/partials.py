"""Blobs that have arrived in part, each as an open file of this process, until the rest comes.

If the process ends, they are orphaned files, and the next answer to their courier says that nothing is held.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from twinport.blobs.store import BlobStore, BlobWriter, WrittenBlob
from twinport.refusals.images import SizeMismatch
from twinport.refusals.storage import ArrivalBusy
from twinport.replication.destination import OfferedBlob

_MOST = 64
# Shorter than any age at which a file without a row counts as orphaned.
_LONGEST_PAUSE = timedelta(hours=1)
_TURN = timedelta(seconds=20)


@dataclass(slots=True)
class Partial:
    """The bytes of one blob so far. One call at a time has its turn with them."""

    touched_at: datetime
    callers: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _writer: BlobWriter | None = None
    _opened: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def size(self) -> int:
        return 0 if self._writer is None else self._writer.size

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    async def take(self, store: BlobStore, blob: OfferedBlob, pieces: AsyncIterator[bytes]) -> WrittenBlob | None:
        """Take more bytes. Once all have come, make them durable and return them, if they have the blob's digest.

        If the sender fails, the bytes so far stay. If the store fails, or the bytes are not those of the blob, none do.
        """
        if self._writer is None:
            self._writer = await self._opened.enter_async_context(store.create((blob.digest.algorithm,)))
        writer = self._writer
        async for piece in pieces:
            await self._write(writer, piece, blob.size)
        if writer.size < blob.size:
            return None
        try:
            return await writer.finish_as(blob.digest)
        finally:
            await self.drop()

    async def _write(self, writer: BlobWriter, piece: bytes, limit: int) -> None:
        size = writer.size + len(piece)
        if size > limit:
            await self.drop()
            raise SizeMismatch(limit, size)
        try:
            await writer.write(piece)
        except BaseException:
            await self.drop()
            raise

    async def drop(self) -> None:
        """Remove what has come and was not finished."""
        self._writer = None
        await self._opened.aclose()


@dataclass(slots=True)
class Partials:
    """The blobs under way to this process: at most `most` of them, none for longer than a pause of an hour."""

    now: Callable[[], datetime]
    most: int = _MOST
    turn: timedelta = _TURN
    _known: dict[OfferedBlob, Partial] = field(default_factory=dict)

    @asynccontextmanager
    async def of(self, blob: OfferedBlob) -> AsyncIterator[Partial]:
        """Wait for the turn with the bytes of a blob. Raises ArrivalBusy."""
        await self._evict(blob)
        partial = self._known.setdefault(blob, Partial(self.now()))
        partial.callers += 1
        try:
            await self._wait(partial, blob)
            try:
                yield partial
            finally:
                partial.turn.release()
        finally:
            partial.callers -= 1
            partial.touched_at = self.now()
            if not partial.callers and not partial.is_open:
                self._known.pop(blob, None)

    async def _wait(self, partial: Partial, blob: OfferedBlob) -> None:
        try:
            async with asyncio.timeout(self.turn.total_seconds()):
                await partial.turn.acquire()
        except TimeoutError:
            raise ArrivalBusy(str(blob.digest), "another request is sending them") from None

    async def _evict(self, blob: OfferedBlob) -> None:
        """Drop what no courier continued for long, and the oldest if there are too many. Raises ArrivalBusy."""
        surplus = 0 if blob in self._known else len(self._known) + 1 - self.most
        for key in sorted(self._known, key=lambda each: self._known[each].touched_at):
            partial = self._known.get(key)
            if partial is None or partial.callers:
                continue
            if surplus > 0 or partial.touched_at + _LONGEST_PAUSE <= self.now():
                surplus -= 1
                await self._known.pop(key).drop()
        if blob not in self._known and len(self._known) >= self.most:
            raise ArrivalBusy(str(blob.digest), f"{self.most} others are under way")
