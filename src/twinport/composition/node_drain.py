"""Draining a process: SIGUSR1 begins it and SIGUSR2 undoes it, as `twinport drain` sends them."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

from twinport.composition.app import App
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.processes.draining import DrainNote
from twinport.processes.signals import call_at

# How often a process that drains looks whether anything is under way.
_PAUSE = timedelta(seconds=0.2)
# A client may be between two requests of one push; a process that was silent for this long has nothing under way.
_QUIET = timedelta(seconds=1)


@dataclass(slots=True)
class NodeDrain:
    """Drains a process at SIGUSR1, and takes up work at SIGUSR2. An order that comes early waits for the start."""

    app: App
    note: DrainNote = field(init=False)
    _is_wanted: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        tasks = self.app.tasks
        self.note = DrainNote(tasks.settings.data / "draining", tasks.peers.name)

    def listen(self) -> None:
        """Take orders from now on, which is before other processes see this one: the signals would end it otherwise."""
        call_at((signal.SIGUSR1,), lambda: self.order(on=True))
        call_at((signal.SIGUSR2,), lambda: self.order(on=False))

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Follow the orders while the block runs. The work beside the requests has begun."""
        running = asyncio.create_task(self.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait({running})
            self.note.remove()

    def order(self, *, on: bool) -> None:
        self._is_wanted = on
        self._changed.set()

    async def run(self) -> None:
        """Follow the orders one after the other, until canceled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._is_wanted == self.app.draining.is_on:
                continue
            self.app.draining.is_on = self._is_wanted
            if self._is_wanted:
                await self._drain()
            else:
                self.note.remove()
                await self.app.tasks.take_up()
                telemetry.event(Event.DRAIN_UNDONE)

    async def _drain(self) -> None:
        """Give up the work beside the requests, then tell when nothing is under way, until another order comes."""
        telemetry.event(Event.DRAIN_BEGUN)
        self._tell(is_done=False)
        await self.app.tasks.give_up()
        quiet = timedelta()
        while not self._changed.is_set():
            quiet = quiet + _PAUSE if self.app.draining.requests == 0 else timedelta()
            self._tell(is_done=quiet >= _QUIET)
            await asyncio.sleep(_PAUSE.total_seconds())

    def _tell(self, *, is_done: bool) -> None:
        try:
            self.note.write(is_done=is_done)
        except OSError as error:
            telemetry.warning(Event.WORKER_HINDERED, worker="drain", reason=str(error))
