"""Builds what runs beside the requests: couriers, and loops that upkeep and other processes need."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from twinport.access.sessions import Sessions
from twinport.blobs.store import WholeBlobStores
from twinport.catalog.guarded import Orders
from twinport.catalog.ports import WholeCatalog
from twinport.clock import WallClock
from twinport.composition.access import Access
from twinport.composition.databases import claim_stores, note_catalog
from twinport.composition.ground import Ground
from twinport.ecr import door as ecr
from twinport.identities.deletion import DeletionRunner
from twinport.processes.loops import Loop, Loops
from twinport.processes.peers import Peers
from twinport.processes.scrapes import ScrapedProcesses
from twinport.processes.wakeups import Topic
from twinport.registry.garbage import Garbage
from twinport.registry.lifecycle_runs import LifecycleRuns
from twinport.registry.orphans import Orphans
from twinport.registry.pulls import Pulls
from twinport.registry.scan_documents import DocumentScanner
from twinport.registry.scan_runs import ScanRuns
from twinport.registry.storage_moves import StorageMoves
from twinport.registry.verification import Verification
from twinport.replication import worker
from twinport.replication.forgetting import Forgetting
from twinport.replication.reclaiming import Reclaiming
from twinport.replication.reopening import Reopening
from twinport.settings.loading import Settings


@dataclass(frozen=True, slots=True)
class BackgroundTasks:
    """The tasks that run beside the requests.

    `carries` tells whether couriers run in this process. They stop in their own way: they get a moment to finish their
    transfers.
    """

    settings: Settings
    catalog: WholeCatalog
    stores: WholeBlobStores
    sessions: Sessions
    peers: Peers
    scraped: ScrapedProcesses
    couriers: worker.ReplicationWorker
    carries: bool
    notes: Loops
    loops: Loops
    orders: Orders

    async def start(self) -> None:
        """Raise ConfigurationWrong, StoresOfAnother if the folder, the database and the store do not belong together.

        Also raises StorageUnavailable: a process that cannot ask whose the objects of a bucket are stores none there.
        """
        await self.orders.read()
        await self.sessions.open()
        await note_catalog(self.settings, self.catalog)
        await claim_stores(self.stores, self.catalog)
        self.peers.open()
        await self.scraped.open()
        if self.carries:
            await self.couriers.start()
        await self.notes.start()
        await self.loops.start()

    async def give_up(self) -> None:
        """Take on no more deliveries and chores, and give back the leases of the deliveries. Requests are served on."""
        await self.loops.stop()
        await self.couriers.stop()

    async def take_up(self) -> None:
        """Work again, after `give_up`."""
        if self.carries:
            await self.couriers.start()
        await self.loops.start()

    async def stop(self, within: timedelta) -> None:
        """Stop in an orderly way. What still runs after `within` ends with the process."""
        self.orders.release()
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await self.give_up()
                await self.notes.stop()
        await self.stores.close()
        await self.scraped.close()
        self.peers.close()


def notes(ground: Ground, access: Access, pulls: Pulls) -> Loops:
    """Build the loops that requests depend on: what they noted, the operator's orders, and wake-ups."""
    return Loops(
        {"uses": access.uses.run, "pulls": pulls.run, "orders": ground.orders.run, "wake-ups": ground.wakeups.run}
    )


def loops(ground: Ground, verbs: ecr.Verbs, pulls: Pulls) -> Loops:
    """Build every loop that does work of its own beside the requests: a process that drains runs none."""
    return Loops({**_lifecycle(ground, pulls), **_between_processes(ground), **_upkeep(ground, verbs)})


def _lifecycle(ground: Ground, pulls: Pulls) -> dict[str, Loop]:
    """Return the loops that apply lifecycle policies, and that move images out of the archive."""
    wakeups, due, asked = ground.wakeups, asyncio.Event(), asyncio.Event()
    wakeups.on(Topic.LIFECYCLE, due.set)
    wakeups.on(Topic.LIFECYCLE, asked.set)
    owed = partial(wakeups.ring, Topic.DELIVERIES)
    return {
        "lifecycle": LifecycleRuns(ground.catalog, ground.peers.name, pulls, due).run,
        "storage moves": StorageMoves(ground.catalog, ground.peers.name, asked, owed).run,
    }


def _between_processes(ground: Ground) -> dict[str, Loop]:
    """Return the loops that share work with other processes or notify them."""
    wakeups, submitted = ground.wakeups, asyncio.Event()
    wakeups.on(Topic.DELETIONS, submitted.set)
    requested = asyncio.Event()
    wakeups.on(Topic.SCANS, requested.set)
    due_again = partial(wakeups.ring, Topic.DELIVERIES)
    scanner = DocumentScanner(ground.settings.scan_findings)
    return {
        "scanning": ScanRuns(ground.catalog, scanner, ground.peers.name, requested).run,
        "deletions": DeletionRunner(ground.catalog, submitted, ground.peers.name).run,
        "reclaiming": Reclaiming(ground.catalog, ground.peers, due_again).run,
        "reopening": Reopening(ground.catalog, ground.stores, due_again).run,
    }


def _upkeep(ground: Ground, verbs: ecr.Verbs) -> dict[str, Loop]:
    """Return the loops that collect garbage and verify stored data. Any number of processes may run them."""
    catalog, stores, retention = ground.catalog, ground.stores, ground.settings.retention
    return {
        "garbage": Garbage(catalog, stores, retention, running=verbs.uploads.running).run,
        "orphans": Orphans(catalog, stores, ground.world, WallClock(), retention).run,
        "forgetting": Forgetting(catalog, retention).run,
        "verification": Verification(catalog, stores, retention, ground.peers.name).run,
    }
