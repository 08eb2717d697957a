"""The loops that run beside the requests, such as deletion tasks. A loop that fails is reported and restarted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from twinport.errors import reason_of, split
from twinport.logs import telemetry
from twinport.logs.telemetry import Event

_PAUSE_AFTER_FAILURE = timedelta(seconds=1)

Loop = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Loops:
    """Runs each loop until it is canceled. Unfinished work stays as a lease or a task row, and continues later."""

    loops: Mapping[str, Loop]
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run_all())

    async def stop(self) -> None:
        """Cancel every loop and wait until all have ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name, loop in self.loops.items():
                group.create_task(_keep(name, loop))


async def _keep(name: str, loop: Loop) -> None:
    told = None
    while True:
        try:
            await loop()
        except Exception as error:  # noqa: BLE001 — a defect in one loop must not end it, nor the others
            refusals, defect = split(error)
            # The loop tries again each second, but reports the same reason only once.
            if refusals and reason_of(refusals) != told:
                told = reason_of(refusals)
                telemetry.warning(Event.WORKER_HINDERED, worker=name, reason=told)
            if defect is not None:
                telemetry.failure(Event.WORKER_FAILED, defect, worker=name)
        await asyncio.sleep(_PAUSE_AFTER_FAILURE.total_seconds())
