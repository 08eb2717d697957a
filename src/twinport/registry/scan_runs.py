"""Runs the scans that are owed, beside the requests: a few at once, and not too many a second. Registries take turns.

A scan stays owed until its end is stored. So another process repeats one whose process died, once the lease has lapsed.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from twinport.catalog.engine import leases
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import registries, repositories, scans
from twinport.catalog.regional.scans import Ending, OwedScan
from twinport.errors import Unavailable, reason_of, split
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.model.names import RegionName
from twinport.model.scanning import SCAN_INTERVAL, Findings, ScanFrequency, ScanState
from twinport.refusals.scanning import ScanImpossible
from twinport.registry.scanner import Scanner

COMPLETED = "The scan was completed successfully."
CONTINUOUS = "Continuous scan is selected for image."
DEFECTIVE = "The scanner failed in a way that its server's log describes."
_LEASE = "scanning"
_LEASE_TIME = timedelta(minutes=2)
# One scan takes at most this long, so a batch ends within its lease.
_DEADLINE = timedelta(seconds=20)
_AT_ONCE = 4
_BATCH = 16
_A_SECOND = 50
# After so many batches of one Region the others have their turn.
_BATCHES = 20
# The turns of registries are those of so long ago at most: a queue takes long to sort, and a slow scanner long to ask.
_TURNS_HOLD = timedelta(seconds=5)
_LOOK = timedelta(seconds=5)
# Every push wakes the loop. Many pushes a second need not have it look so often.
_PAUSE = timedelta(milliseconds=200)
_LATER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class ScanRuns:
    """Scans what is owed. `holder` names this process among those that share the work; `requested` wakes it."""

    catalog: Catalog
    scanner: Scanner
    holder: str
    requested: asyncio.Event

    async def run(self) -> None:
        """Scan what is owed in every Region, until canceled. One process at a time does this for a Region."""
        while True:
            self.requested.clear()
            for region in await self.catalog.regions():
                await self._scan_unless_hindered(region)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK.total_seconds()):
                    await self.requested.wait()
            await asyncio.sleep(_PAUSE.total_seconds())

    async def scan_due(self, region: RegionName) -> int:
        """Run the scans that are due, a number of them at most, unless another process does so. Tell how many."""
        done = 0
        waiting: list[OwedScan] = []
        loop, sorted_at = asyncio.get_running_loop(), 0.0
        for _ in range(_BATCHES):
            if not waiting or loop.time() - sorted_at > _TURNS_HOLD.total_seconds():
                waiting, sorted_at = await self._due(region), loop.time()
            due, waiting = waiting[:_BATCH], waiting[_BATCH:]
            if not due or not await self._lease(region):
                return done
            await self._scan_each(region, due)
            done += len(due)
            await asyncio.sleep(len(due) / _A_SECOND)
        self.requested.set()
        return done

    async def _scan_each(self, region: RegionName, due: Sequence[OwedScan]) -> None:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def scan(owed: OwedScan) -> None:
            async with turns:
                await self._scan(region, owed)

        async with asyncio.TaskGroup() as group:
            for owed in due:
                group.create_task(scan(owed))

    async def _scan(self, region: RegionName, owed: OwedScan) -> None:
        try:
            async with asyncio.timeout(_DEADLINE.total_seconds()):
                outcome: Findings | str = await self.scanner.scan(owed.image, owed.scan_type)
        except TimeoutError:
            outcome = f"The scanner did not answer within {_DEADLINE.total_seconds():g} seconds."
        except ScanImpossible as refusal:
            outcome = refusal.message
        except Unavailable as refusal:
            telemetry.warning(Event.WORKER_HINDERED, worker=_LEASE, region=region, reason=refusal.message)
            await self._postpone(region, owed)
            return
        except Exception as defect:  # noqa: BLE001 — a defect in one scan must not end the others
            telemetry.failure(Event.WORKER_FAILED, defect, worker=_LEASE)
            outcome = DEFECTIVE
        await self._end(region, owed, outcome)

    async def _end(self, region: RegionName, owed: OwedScan, outcome: Findings | str) -> None:
        def end(db: Connection) -> Ending | None:
            now = self.catalog.now(db)
            ending = _ending(db, owed, outcome, now)
            return ending if scans.end(db, owed, ending, now) else None

        ending = await self.catalog.region(region).write(end)
        if ending is not None:
            names.SCANS.add(owed.scan_type.value, ending.state.value)
            _tell(owed, ending)

    async def _postpone(self, region: RegionName, owed: OwedScan) -> None:
        await self.catalog.region(region).write(lambda db: scans.postpone(db, owed, self.catalog.now(db) + _LATER))

    async def _due(self, region: RegionName) -> list[OwedScan]:
        most = _BATCHES * _BATCH
        return await self.catalog.region(region).read_much(lambda db: scans.due(db, region, self.catalog.now(db), most))

    async def _lease(self, region: RegionName) -> bool:
        return await self.catalog.region(region).write(
            lambda db: leases.take(db, _LEASE, self.holder, self.catalog.now(db), lease=_LEASE_TIME)
        )

    async def _scan_unless_hindered(self, region: RegionName) -> None:
        try:
            await self.scan_due(region)
        except* Unavailable as hindrances:
            refusals, _ = split(hindrances)
            telemetry.warning(Event.WORKER_HINDERED, worker=_LEASE, region=region, reason=reason_of(refusals))


def _ending(db: Connection, owed: OwedScan, outcome: Findings | str, now: datetime) -> Ending:
    """Decide how a scan ends. An image that is scanned continuously is owed another scan a day later."""
    is_continuous = _is_continuous(db, owed)
    due_at = now + SCAN_INTERVAL if is_continuous else None
    if isinstance(outcome, str):
        return Ending(ScanState.FAILED, outcome, due_at=due_at)
    if is_continuous:
        return Ending(ScanState.ACTIVE, CONTINUOUS, outcome, due_at)
    return Ending(ScanState.COMPLETE, COMPLETED, outcome)


def _is_continuous(db: Connection, owed: OwedScan) -> bool:
    configuration = registries.settings(db, owed.image.repository.account).scanning
    repository = repositories.find(db, owed.image.repository)
    if repository is None or configuration.scan_type is not owed.scan_type:
        return False
    applied = configuration.applied(repository.name, scan_on_push=repository.scan_on_push)
    return applied.frequency is ScanFrequency.CONTINUOUS_SCAN


def _tell(owed: OwedScan, ending: Ending) -> None:
    image = owed.image
    telemetry.event(
        Event.SCAN_ENDED,
        account=image.repository.account,
        region=image.repository.region,
        repository=image.repository.name,
        digest=str(image.digest),
        scan_type=owed.scan_type.value,
        state=ending.state.value,
        findings=None if ending.findings is None else len(ending.findings.entries),
        reason=ending.description if ending.findings is None else None,
    )
