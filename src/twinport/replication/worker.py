"""The worker: runs couriers as tasks while the process lives. It relies on polling; a wake-up only makes it faster."""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from twinport.errors import Unavailable, reason_of, split
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.replication import Delivery, Landed
from twinport.replication.courier import Courier
from twinport.replication.outcomes import Hindered, Outcome
from twinport.replication.post_office import LEASE, Batch, PostOffice
from twinport.settings.retention import Retention

T = TypeVar("T")
_COURIERS = 4
_POLL = timedelta(seconds=1)
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)
# An orderly end may take five seconds: this much for couriers to finish, and this much to give back what they hold.
_GRACE = timedelta(seconds=3)
_LAST_GRACE = timedelta(seconds=1)


@dataclass(slots=True)
class ReplicationWorker:
    """Claims batches and has couriers carry them, a few at a time. Runs beside the requests (app.Background).

    `retention` says how often the worker looks for offers that have expired.
    """

    office: PostOffice
    courier: Courier
    holder: str
    retention: Retention = field(default_factory=Retention)
    poll: timedelta = _POLL
    grace: timedelta = _GRACE
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_COURIERS))
    _is_stopping: bool = False
    _task: "asyncio.Task[None] | None" = None

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Begin to work, perhaps again, in a task that this object owns and that ends in `stop`."""
        self._is_stopping = False
        self._task = asyncio.create_task(self.run())

    async def stop(self) -> None:
        """Claim nothing more, let couriers finish for a moment, then give back what they still hold."""
        if self._task is None:
            return
        self._is_stopping = True
        self.wake()
        await asyncio.wait([self._task], timeout=self.grace.total_seconds())
        self._task.cancel()
        await asyncio.wait([self._task], timeout=_LAST_GRACE.total_seconds())

    def wake(self) -> None:
        """Say that something may be due now. Nothing depends on it."""
        self._woken.set()

    async def run(self) -> None:
        """Work until `stop` or cancellation."""
        async with asyncio.TaskGroup() as group:
            sweeping = group.create_task(self._sweep_now_and_then())
            while not self._is_stopping:
                await self._free.acquire()
                batch = await self._claim_or_rest()
                if batch is None:
                    self._free.release()
                else:
                    group.create_task(self._carry(batch)).add_done_callback(lambda _: self._free.release())
            sweeping.cancel()

    async def deliver_what_is_due(self) -> int:
        """Carry, one batch after the other, everything that is due now; return the number of attempts."""
        attempts = 0
        while batch := await self.office.claim(self.holder):
            await self._carry(batch)
            attempts += len(batch.deliveries)
        return attempts

    async def _claim_or_rest(self) -> Batch | None:
        """Return a batch; if there is none, or if looking for one is hindered, wait until it is worth looking again."""
        # Cleared before looking: a delivery that is owed after this line wakes the worker again.
        self._woken.clear()
        batch, pause = await _unless_hindered(self._look()) or (None, self.poll)
        if batch is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self._woken.wait()
        return batch

    async def _look(self) -> tuple[Batch | None, timedelta]:
        """Return a batch, or None and how long to wait before the next look."""
        batch = await self.office.claim(self.holder)
        pause = None if batch else await self.office.next_due_in()
        return batch, self.poll if pause is None else min(self.poll, pause)

    async def _carry(self, batch: Batch) -> None:
        """Carry a batch. Whatever happens, its deliveries end settled, postponed, given back, or free by lapse."""
        open_batch = _OpenBatch(self.office, batch, {delivery.id: delivery for delivery in batch.deliveries})
        try:
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(open_batch.renew())
                await self.courier.carry(batch.lane, batch.deliveries, open_batch.report)
                renewing.cancel()
        except asyncio.CancelledError:
            await _unless_hindered(self.office.release(batch))
            raise
        except Exception as error:  # noqa: BLE001 — a defect hinders one batch, not the worker
            reason = _told(error, destination=str(batch.lane.destination))
            if reason is None:
                await _unless_hindered(open_batch.postpone_the_rest("an unexpected error occurred; the log has it"))
            else:
                # The recorded refusal may hinder this as well; then the lease lapses.
                with contextlib.suppress(Unavailable):
                    await open_batch.postpone_the_rest(reason)

    async def _sweep_now_and_then(self) -> None:
        pause = self.retention.pause(_SHORTEST_PAUSE, _LONGEST_PAUSE)
        while True:
            await _unless_hindered(self.office.sweep_offers())
            await _unless_hindered(self.office.cancel_removed())
            await asyncio.sleep(pause.total_seconds())


@dataclass(frozen=True, slots=True)
class _OpenBatch:
    """A batch under way. `open` has the deliveries that were not reported on yet."""

    office: PostOffice
    batch: Batch
    open: dict[str, Delivery]

    async def report(self, outcomes: Sequence[tuple[Delivery, Outcome]]) -> None:
        """Settle what landed together, and each of the others; all are tried before the first error is raised."""
        landed = [each for each in outcomes if isinstance(each[1], Landed)]
        others = [[each] for each in outcomes if not isinstance(each[1], Landed)]
        # These run together, so that they share a commit.
        settling = [self._settle(each) for each in [landed, *others] if each]
        for result in await asyncio.gather(*settling, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _settle(self, outcomes: Sequence[tuple[Delivery, Outcome]]) -> None:
        await self.office.settle(self.batch.holder, outcomes)
        for delivery, _ in outcomes:
            del self.open[delivery.id]

    async def renew(self) -> None:
        """Renew the lease until the batch is done."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await _unless_hindered(self.office.renew(self.batch))

    async def postpone_the_rest(self, reason: str) -> None:
        await self.report([(delivery, Hindered(reason)) for delivery in self.open.values()])


async def _unless_hindered(work: Awaitable[T]) -> T | None:
    """Do work that the worker repeats anyway: an error is recorded, and the worker tries again later."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 — a defect must not end the worker
        _told(error)
    return None


def _told(error: Exception, **facts: str) -> str | None:
    """Record the refusals in an error in one line, and defects with their traceback.

    Return what the refusals say, None if there is a defect.
    """
    refusals, defect = split(error)
    if refusals:
        telemetry.warning(Event.WORKER_HINDERED, reason=reason_of(refusals), **facts)
    if defect is None:
        return reason_of(refusals)
    telemetry.failure(Event.WORKER_FAILED, defect, **facts)
    return None
