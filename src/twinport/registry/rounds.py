"""A loop that looks at each Region in turn, at once again while there is work, and else after a pause or a wake-up."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from twinport.catalog.ports import Catalog
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.names import RegionName

PAUSE = timedelta(minutes=1)
# Does some of a Region's work, and tells whether there may be more.
Look = Callable[[RegionName], Awaitable[bool]]


async def run(catalog: Catalog, worker: str, look: Look, due: asyncio.Event) -> None:
    """Look at every Region, again and again, until canceled."""
    while True:
        due.clear()
        if any([await _look_unless_hindered(worker, look, region) for region in await catalog.regions()]):
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSE.total_seconds()):
                await due.wait()


def tell_hindered(worker: str, hindered: Sequence[Unavailable], *, has_done: bool) -> None:
    """Tell the log of what hindered a part of the work. Raise it if nothing was done, so that the loop waits."""
    if hindered and not has_done:
        raise hindered[0]
    for reason in sorted({refusal.message for refusal in hindered}):
        telemetry.warning(Event.WORKER_HINDERED, worker=worker, reason=reason)


async def _look_unless_hindered(worker: str, look: Look, region: RegionName) -> bool:
    try:
        return await look(region)
    except Unavailable as refusal:
        telemetry.warning(Event.WORKER_HINDERED, worker=worker, reason=refusal.message)
        return False
