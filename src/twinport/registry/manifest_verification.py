"""Verification of manifests: their bytes, which the catalog keeps, against their digests.

There is no quarantine. A manifest is hashed whenever it is read (docs/decisions/0019-damaged-manifests.md), so a
damaged one is never served, whether or not it was verified here. This module finds those that no client reads.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from twinport.blobs.throughput_limit import UNHURRIED, ThroughputLimit, cost_of
from twinport.catalog.engine import leases
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import chores, images, verification
from twinport.catalog.regional.verification import RecordedManifest, Scope
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.model.names import RegionName
from twinport.settings.retention import Retention

_ROUND = "manifest verification"
_AT_ONCE = 64
_FIRST = (0, "")


@dataclass(frozen=True, slots=True)
class ManifestFinding:
    """The result of verifying one manifest."""

    manifest: RecordedManifest
    is_damaged: bool


@dataclass(frozen=True, slots=True)
class ManifestVerification:
    """Verifies manifests. `holder` names this process among those that share the work."""

    catalog: Catalog
    retention: Retention
    holder: str

    async def verify_due(self, region: RegionName, pause: timedelta) -> int:
        """Go on with the round of all manifests, or begin one if the last ended `pause` ago.

        Tell how many manifests were verified. One process at a time does this.
        """
        limit, seen = ThroughputLimit(self.retention.verify_rate), 0
        while (place := await self._place(region, pause)) is not None:
            page = await self._page(region, Scope(), place)
            if not await self._lease(region, page):
                break
            for manifest in page:
                await self.verify(region, manifest, limit)
            await self._go_on(region, _text(page[-1].place) if page else "")
            seen += len(page)
        return seen

    async def verify_all(
        self, region: RegionName, scope: Scope, limit: ThroughputLimit
    ) -> AsyncIterator[ManifestFinding]:
        """Verify every manifest in `scope`, repository by repository, and yield each finding."""
        place = _FIRST
        while page := await self._page(region, scope, place):
            for manifest in page:
                yield await self.verify(region, manifest, limit)
            place = page[-1].place

    async def verify(
        self, region: RegionName, manifest: RecordedManifest, limit: ThroughputLimit = UNHURRIED
    ) -> ManifestFinding:
        """Verify one manifest, and raise an alarm if it is damaged. One that is gone by now is not damaged."""
        await limit.spend(cost_of(manifest.size))
        is_damaged = await self.catalog.region(region).read_much(lambda db: _is_damaged(db, manifest))
        names.VERIFIED.add("manifests")
        names.VERIFIED_BYTES.add(by=manifest.size)
        if is_damaged:
            where = {"account": manifest.account, "region": region, "repository": manifest.repository}
            telemetry.alarm(Event.MANIFEST_DAMAGED, **where, digest=str(manifest.digest))
        return ManifestFinding(manifest, is_damaged)

    async def _place(self, region: RegionName, pause: timedelta) -> tuple[int, str] | None:
        place = await self.catalog.region(region).read(
            lambda db: chores.place(db, _ROUND, self.catalog.now(db) - pause)
        )
        return None if place is None else _read(place)

    async def _go_on(self, region: RegionName, place: str) -> None:
        await self.catalog.region(region).write(lambda db: chores.go_on(db, _ROUND, place, self.catalog.now(db)))

    async def _page(self, region: RegionName, scope: Scope, place: tuple[int, str]) -> list[RecordedManifest]:
        return await self.catalog.region(region).read_much(
            lambda db: verification.manifests_after(db, scope, place, _AT_ONCE)
        )

    async def _lease(self, region: RegionName, page: list[RecordedManifest]) -> bool:
        """Take the work for as long as these manifests may take, and a while more."""
        cost = sum(cost_of(manifest.size) for manifest in page)
        lease = timedelta(seconds=2 * cost / self.retention.verify_rate) + timedelta(minutes=1)
        return await self.catalog.region(region).write(
            lambda db: leases.take(db, _ROUND, self.holder, self.catalog.now(db), lease=lease)
        )


def _is_damaged(db: Connection, manifest: RecordedManifest) -> bool:
    stored = images.stored(db, manifest.repository_id, manifest.digest)
    return stored is not None and not stored.digest.names(stored.content)


def _text(place: tuple[int, str]) -> str:
    repository, digest = place
    return f"{repository} {digest}"


def _read(text: str) -> tuple[int, str]:
    if not text:
        return _FIRST
    repository, _, digest = text.partition(" ")
    return int(repository), digest
