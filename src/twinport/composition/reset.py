"""Empties a development deployment."""

import asyncio
from dataclasses import dataclass, field

from twinport.catalog import clearing
from twinport.composition.ground import Ground
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.refusals.storage import ResetBrokenOff
from twinport.registry.garbage import Garbage
from twinport.replication import worker


@dataclass(frozen=True, slots=True)
class Reset:
    """Removes all rows and bytes. One reset runs after the other. Each stops the couriers, and starts them again."""

    ground: Ground
    couriers: worker.ReplicationWorker
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Raise ResetBrokenOff if the database or the disk fails meanwhile: some of the state may be left then."""
        async with self._turn:
            # Stop the couriers, so that no delivery arrives in the empty state. They may be another process's.
            is_carrying = self.couriers.is_running
            await self.couriers.stop()
            try:
                await self._remove()
            except Unavailable as refusal:
                raise ResetBrokenOff(refusal) from refusal
            finally:
                if is_carrying:
                    await self.couriers.start()
            telemetry.event(Event.STATE_RESET)

    async def _remove(self) -> None:
        """Remove rows before bytes (law 1)."""
        garbage = Garbage(self.ground.catalog, self.ground.stores, self.ground.settings.retention)
        await clearing.clear(self.ground.catalog)
        for name in await self.ground.catalog.regions():
            await garbage.remove_bytes(name)
