"""History that is forgotten: settled deliveries, and what destinations remember so that no copy takes effect late.

It looks at everything once a day, some rows at a time, and goes on where it stopped after a restart.
docs/decisions/0029-what-is-forgotten.md says what is kept, and why.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from twinport.catalog.guarded import pauses_garbage
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import chores, forgetting
from twinport.catalog.regional.forgetting import Step
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.names import RegionName
from twinport.replication.rounds import every_region
from twinport.settings.retention import Retention

_PAUSE = timedelta(minutes=1)
_ROUND = timedelta(days=1)
# Between two steps other tasks have their turn.
_REST = timedelta(milliseconds=20)
_ROWS_AT_ONCE = 200
DELIVERIES, ARRIVALS, POSITIONS = "forget deliveries", "forget arrivals", "forget positions"
_Step = Callable[[RegionName, str], Awaitable[Step]]


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Visits every Region; several processes may. `rows_at_once` limits how many rows one transaction looks at.

    The Region that owes a delivery tells whether it may still be tried. If that Region cannot be reached, nothing is
    forgotten.
    """

    catalog: Catalog
    retention: Retention
    rows_at_once: int = _ROWS_AT_ONCE

    async def run(self) -> None:
        """Look at every Region again and again, until canceled."""
        await every_region(self.catalog, "forgetting", self.look, _PAUSE)

    async def look(self, region: RegionName) -> int:
        """Go on with the rounds of a Region that are due, to their ends. Tell how many rows were forgotten.

        A pause of garbage collection holds for them, too.
        """
        steps: dict[str, _Step] = {
            DELIVERIES: self._forget_deliveries,
            ARRIVALS: self._forget_arrivals,
            POSITIONS: self._forget_positions,
        }
        counts = {name: await self._go_round(region, name, step) for name, step in steps.items()}
        if any(counts.values()):
            words = {name.removeprefix("forget "): count for name, count in counts.items()}
            telemetry.event(Event.HISTORY_FORGOTTEN, region=region, **words)
        return sum(counts.values())

    async def _go_round(self, region: RegionName, name: str, step: _Step) -> int:
        database, forgotten = self.catalog.region(region), 0
        place = await database.read(lambda db: chores.place(db, name, self.catalog.now(db) - _ROUND))
        while place is not None and not await pauses_garbage(self.catalog):
            done = await step(region, place)
            forgotten += done.forgotten
            await database.write(lambda db, at=done.place: chores.go_on(db, name, at, self.catalog.now(db)))  # type: ignore[misc]
            place = done.place or None
            await asyncio.sleep(_REST.total_seconds())
        return forgotten

    async def _forget_deliveries(self, region: RegionName, place: str) -> Step:
        def forget(db: Connection) -> Step:
            before = self.catalog.now(db) - self.retention.history_age
            return forgetting.forget_deliveries(db, place, before, self.rows_at_once)

        return await self.catalog.region(region).write(forget)

    async def _forget_arrivals(self, region: RegionName, place: str) -> Step:
        database = self.catalog.region(region)
        before = await database.read(self.catalog.now) - self.retention.history_age
        ahead, old = await database.read(lambda db: forgetting.arrivals_after(db, place, before, self.rows_at_once))
        needed: set[str] = set()
        for source in await self.catalog.regions() if old else []:
            needed |= await self.catalog.region(source).read(partial(forgetting.unforgettable, ids=old, since=before))
        gone = [each for each in old if each not in needed]
        return Step(ahead, await database.write(lambda db: forgetting.forget_arrivals(db, gone)) if gone else 0)

    async def _forget_positions(self, region: RegionName, place: str) -> Step:
        database = self.catalog.region(region)
        ahead, found = await database.read(lambda db: forgetting.positions_after(db, place, self.rows_at_once))
        oldest = {
            lane: await self.catalog.region(lane.source.region).read(partial(forgetting.oldest_open, lane=lane))
            for lane in {each.lane(region) for each in found}
        }

        def review(db: Connection) -> int:
            now = self.catalog.now(db)
            before = now - self.retention.history_age
            return forgetting.review_positions(db, found, oldest, region, now=now, before=before)

        return Step(ahead, await database.write(review) if found else 0)
