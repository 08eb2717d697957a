"""Verification: rows against bytes, and bytes against digests; slowly in the background, or when asked for.

This module verifies blobs, and `manifest_verification` manifests; one loop runs both.

A damaged blob is put into quarantine: its row says so, and it is not served, mounted or replicated until a client
pushes its bytes again, or until its own bytes are found to be whole (a disk that was away is back).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from twinport.blobs.damage import damage_of
from twinport.blobs.store import BlobStores
from twinport.blobs.throughput_limit import UNHURRIED, ThroughputLimit, cost_of
from twinport.catalog.engine import leases
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import verification
from twinport.catalog.regional.verification import Change, RecordedBlob, Scope
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.model.content import Damage
from twinport.model.names import RegionName
from twinport.refusals.storage import StorageUnavailable
from twinport.registry.manifest_verification import ManifestVerification
from twinport.settings.retention import Retention

_LEASE = "verification"
_AT_ONCE = 64
_PAUSE = timedelta(minutes=1)
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of verifying one blob, and what it changed."""

    blob: RecordedBlob
    damage: Damage | None
    change: Change


@dataclass(frozen=True, slots=True)
class Verification:
    """Verifies blobs. `holder` names this process among those that share the work."""

    catalog: Catalog
    stores: BlobStores
    retention: Retention
    holder: str

    @property
    def manifests(self) -> ManifestVerification:
        return ManifestVerification(self.catalog, self.retention, self.holder)

    async def run(self) -> None:
        """Verify everything in every Region once in each round, until canceled. One process at a time does this."""
        while True:
            if self.retention.verify_round is not None:
                for region in await self.catalog.regions():
                    await self._verify_unless_hindered(region, self.retention.verify_round)
            await asyncio.sleep(_PAUSE.total_seconds())

    async def verify_due(self, region: RegionName, unseen_for: timedelta) -> int:
        """Verify blobs that were not verified for `unseen_for`, unless another process does so. Tell how many."""
        limit, seen = ThroughputLimit(self.retention.verify_rate), 0
        while (due := await self._due(region, unseen_for)) and await self._lease(region, due):
            for blob in due:
                await self.verify(region, blob, limit)
            seen += len(due)
        return seen

    async def verify_all(self, region: RegionName, scope: Scope, limit: ThroughputLimit) -> AsyncIterator[Finding]:
        """Verify every blob in `scope`, in the order of digests, and yield each finding."""
        last = ""
        while True:
            page = await self._page(region, scope, last)
            for blob in page:
                yield await self.verify(region, blob, limit)
            if not page:
                return
            last = str(page[-1].digest)

    async def verify(self, region: RegionName, blob: RecordedBlob, limit: ThroughputLimit = UNHURRIED) -> Finding:
        """Verify one blob, and quarantine or release it. Raises StorageUnavailable if the whole store is missing."""
        store = self.stores.region(region)
        damage = await damage_of(store, blob.key, blob.size, blob.digest, limit)
        if damage is Damage.MISSING and not await store.is_there():
            raise StorageUnavailable(f"the folder of the blobs of Region '{region}' is missing")
        change = await self.catalog.region(region).write(
            lambda db: verification.settle(db, blob, damage, self.catalog.now(db))
        )
        names.VERIFIED.add("layers")
        names.VERIFIED_BYTES.add(by=blob.size)
        if change is Change.QUARANTINED:
            names.QUARANTINED.add()
        await self._tell(region, Finding(blob, damage, change))
        return Finding(blob, damage, change)

    async def _due(self, region: RegionName, unseen_for: timedelta) -> list[RecordedBlob]:
        return await self.catalog.region(region).read(
            lambda db: verification.longest_unseen(db, self.catalog.now(db) - unseen_for, _AT_ONCE)
        )

    async def _page(self, region: RegionName, scope: Scope, last: str) -> list[RecordedBlob]:
        return await self.catalog.region(region).read(lambda db: verification.after(db, scope, last, _AT_ONCE))

    async def _lease(self, region: RegionName, due: list[RecordedBlob]) -> bool:
        """Take the work for as long as these blobs may take, and a while more."""
        cost = sum(cost_of(blob.size) for blob in due)
        lease = timedelta(seconds=2 * cost / self.retention.verify_rate) + timedelta(minutes=1)
        return await self.catalog.region(region).write(
            lambda db: leases.take(db, _LEASE, self.holder, self.catalog.now(db), lease=lease)
        )

    async def _tell(self, region: RegionName, finding: Finding) -> None:
        digest = str(finding.blob.digest)
        if finding.change is Change.RELEASED:
            telemetry.event(Event.BLOB_RELEASED, region=region, digest=digest)
        elif finding.change is Change.QUARANTINED and finding.damage is not None:
            held = await self.catalog.region(region).read(
                lambda db: verification.holders(db, finding.blob.digest, _NAMED)
            )
            names = ", ".join(f"{account}/{name}" for account, name in held)
            facts = {"reason": finding.damage.value, "repositories": names, "key": finding.blob.key}
            telemetry.alarm(Event.BLOB_QUARANTINED, region=region, digest=digest, **facts)

    async def _verify_unless_hindered(self, region: RegionName, unseen_for: timedelta) -> None:
        try:
            if manifests := await self.manifests.verify_due(region, unseen_for):
                telemetry.event(Event.MANIFESTS_VERIFIED, region=region, manifests=manifests)
            if blobs := await self.verify_due(region, unseen_for):
                telemetry.event(Event.BLOBS_VERIFIED, region=region, blobs=blobs)
        except Unavailable as refusal:
            telemetry.warning(Event.WORKER_HINDERED, region=region, reason=refusal.message)
