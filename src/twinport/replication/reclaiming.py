"""Frees the leases of a dead process at once: the other processes on its host need not wait for them to lapse."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol

from twinport.catalog.engine import leases
from twinport.catalog.ports import Catalog, Connection, Database
from twinport.catalog.regional import outbox
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event

_PAUSE = timedelta(seconds=1)


class Peers(Protocol):
    """The other processes on this host (`processes.peers.Peers`)."""

    def dead(self) -> list[str]: ...

    def forget(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Reclaiming:
    """Looks for dead processes. Several processes may find the same one: each step may be done twice."""

    catalog: Catalog
    peers: Peers
    freed: Callable[[], None]

    async def run(self) -> None:
        """Look again and again, until canceled."""
        while True:
            try:
                await self.reclaim()
            except Unavailable as refusal:
                telemetry.warning(Event.WORKER_HINDERED, worker="reclaiming", reason=refusal.message)
            await asyncio.sleep(_PAUSE.total_seconds())

    async def reclaim(self) -> None:
        """Free the leases of processes that are dead now, and forget them. The attempts that they began still count."""
        for name in self.peers.dead():
            freed = [await self._free(self.catalog.region(region), name) for region in await self.catalog.regions()]
            await self.catalog.partition.record(partial(leases.lapse, holder=name))
            # Forgotten last: if this process dies before, the next one that looks does the rest.
            self.peers.forget(name)
            telemetry.warning(Event.HOLDER_DIED, holder=name, deliveries=sum(freed))
            self.freed()

    async def _free(self, region: Database, name: str) -> int:
        def free(db: Connection) -> int:
            leases.lapse(db, name)
            return outbox.free(db, name, self.catalog.now(db))

        return await region.write(free)
