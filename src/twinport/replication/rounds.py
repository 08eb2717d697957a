"""Visits to the Regions of a deployment, again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from twinport.catalog.ports import Catalog
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.names import RegionName


async def every_region(
    catalog: Catalog, worker: str, look: Callable[[RegionName], Awaitable[object]], pause: timedelta
) -> None:
    """Look at every Region again and again, until canceled. An unavailable Region does not delay the others."""
    while True:
        for region in await catalog.regions():
            try:
                await look(region)
            except Unavailable as refusal:
                telemetry.warning(Event.WORKER_HINDERED, worker=worker, reason=refusal.message)
        await asyncio.sleep(pause.total_seconds())
