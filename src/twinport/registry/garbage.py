"""Garbage collection: remains of deleted repositories, abandoned uploads, layers without image, bytes without row.

Rows are deleted before bytes (law 1). Possible garbage waits in a queue from the moment that it may be garbage
(catalog/regional/reviews.py), and is checked again under lock after a delay. If it is garbage, its row is deleted then,
and the bytes of exactly that key later, when no reader can be left. See docs/write-order.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import partial

from twinport.blobs.store import BlobStores
from twinport.catalog.guarded import pauses_garbage
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import endings, garbage, removals
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.model.names import RegionName
from twinport.registry.running_uploads import RunningUploads
from twinport.settings.retention import Retention

_LEASE = timedelta(minutes=1)
_AT_ONCE = 100
_ROWS_AT_ONCE = 500
_LONGEST_PAUSE, _SHORTEST_PAUSE = timedelta(minutes=1), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """How much was removed: repositories (deleted before), uploads, layers and blobs are rows; keys are files."""

    repositories: int = 0
    uploads: int = 0
    layers: int = 0
    blobs: int = 0
    keys: int = 0

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Garbage:
    """Sweeps every Region; several sweepers may do so at once, in one process or in several.

    `rows_at_once` limits how many rows of a deleted repository, or of uploads, one transaction deletes. `running` is
    what this process remembers of uploads.
    """

    catalog: Catalog
    stores: BlobStores
    retention: Retention
    rows_at_once: int = _ROWS_AT_ONCE
    running: RunningUploads = field(default_factory=RunningUploads)

    async def run(self) -> None:
        """Sweep every Region again and again, until canceled."""
        pause = self.retention.pause(_SHORTEST_PAUSE, _LONGEST_PAUSE)
        while True:
            for region in await self.catalog.regions():
                await self._sweep_unless_hindered(region)
            await asyncio.sleep(pause.total_seconds())

    async def sweep(self, region: RegionName) -> Swept:
        """Remove everything that is old enough, a bounded number of rows at a time. Tell how much was removed."""
        self.running.expire(self.retention.upload_expiry)
        if not await self._has_work(region) or await pauses_garbage(self.catalog):
            return Swept()
        swept = Swept(
            repositories=await self._go_on(lambda: self.remove_repositories(region)),
            uploads=await self._end_uploads(region),
            layers=await self._go_on(lambda: self.review_layers(region)),
            blobs=await self._go_on(lambda: self.review_blobs(region)),
            keys=await self._go_on(lambda: self.sweep_keys(region)),
        )
        if swept != Swept():
            counts = {each.name: getattr(swept, each.name) for each in fields(swept)}
            telemetry.event(Event.GARBAGE_SWEPT, region=region, **counts)
            for kind, count in counts.items():
                names.GARBAGE.add(kind, by=count)
        return swept

    async def remove_repositories(self, region: RegionName) -> tuple[int, int]:
        """Delete some rows of a repository that was deleted. Its layers may become garbage from now on."""
        now = await self._now(region)
        done = await self.catalog.region(region).write(lambda db: removals.remove_some(db, now, self.rows_at_once))
        return done.rows, done.repositories

    async def expire_uploads(self, region: RegionName) -> tuple[int, int]:
        """End some uploads that no client continues. Tell how many were looked at, and how many ended."""
        now, most = await self._now(region), self.rows_at_once
        before = now - self.retention.upload_expiry
        expired = await self.catalog.region(region).write(lambda db: endings.expire(db, before, now, most))
        return expired, expired

    async def empty_uploads(self, region: RegionName) -> tuple[int, int]:
        """Delete some segments of uploads that ended. These uploads were counted when they ended."""
        now, most = await self._now(region), self.rows_at_once
        return await self.catalog.region(region).write(lambda db: endings.go_on(db, now, most)), 0

    async def review_layers(self, region: RegionName) -> tuple[int, int]:
        """Unlink some layers of one repository that none of its images names."""
        database, before = self.catalog.region(region), await self._now(region) - self.retention.garbage_delay
        repository_id = await database.read(lambda db: garbage.next_repository(db, before))
        if repository_id is None:
            return 0, 0
        done = await database.write(lambda db: garbage.review_layers(db, repository_id, before, _AT_ONCE))
        return done.looked_at, done.gone

    async def review_blobs(self, region: RegionName) -> tuple[int, int]:
        """Forget some blobs that no repository holds; their bytes are left to `sweep_keys`."""
        now = await self._now(region)
        before = now - self.retention.garbage_delay
        done = await self.catalog.region(region).write(lambda db: garbage.review_blobs(db, before, now, _AT_ONCE))
        return done.looked_at, done.gone

    async def sweep_keys(self, region: RegionName) -> tuple[int, int]:
        """Remove the bytes of some keys that were discarded so long ago that no reader is left."""
        return await self._sweep_keys(region, await self._now(region) - self.retention.reader_grace)

    async def remove_bytes(self, region: RegionName) -> int:
        """Remove the bytes of every discarded key at once, even if they are being read. Tell how many."""
        return await _until_none(lambda: self._sweep_keys(region, garbage.ALWAYS))

    async def _sweep_keys(self, region: RegionName, before: datetime) -> tuple[int, int]:
        """Remove the bytes of some keys. After a crash, another sweeper removes the rest when the lease has lapsed."""
        database, store, now = self.catalog.region(region), self.stores.region(region), await self._now(region)
        keys = await database.write(lambda db: garbage.lease_discarded(db, before, now, now + _LEASE, _AT_ONCE))
        for key in keys:
            await store.remove(key)
        if keys:
            await database.write(lambda db: garbage.forget(db, keys))
        return len(keys), len(keys)

    async def _end_uploads(self, region: RegionName) -> int:
        expired = await self._go_on(lambda: self.expire_uploads(region))
        return expired + await self._go_on(lambda: self.empty_uploads(region))

    async def _go_on(self, step: Callable[[], Awaitable[tuple[int, int]]]) -> int:
        """As `_until_none`, but take no further step once the operator has paused the collection."""
        return await _until_none(step, partial(pauses_garbage, self.catalog))

    async def _has_work(self, region: RegionName) -> bool:
        """Look before writing: an idle Region costs only reads, and one that was never written to is not made."""
        now, retention = await self._now(region), self.retention
        layers, uploads, keys = (
            now - retention.garbage_delay,
            now - retention.upload_expiry,
            now - retention.reader_grace,
        )
        return await self.catalog.region(region).read(lambda db: garbage.has_work(db, now, layers, uploads, keys))

    async def _now(self, region: RegionName) -> datetime:
        """Return the time of the database, which all hosts share: a host with a fast clock removes nothing early."""
        return await self.catalog.region(region).read(self.catalog.now)

    async def _sweep_unless_hindered(self, region: RegionName) -> None:
        try:
            await self.sweep(region)
        except Unavailable as refusal:
            telemetry.warning(Event.WORKER_HINDERED, region=region, reason=refusal.message)


async def _never() -> bool:
    return False


async def _until_none(
    step: Callable[[], Awaitable[tuple[int, int]]], is_over: Callable[[], Awaitable[bool]] = _never
) -> int:
    """Take steps until one finds nothing to look at, or `is_over` says so. Tell how much went in all."""
    total = 0
    while not await is_over():
        looked_at, gone = await step()
        total += gone
        if looked_at == 0:
            return total
    return total
