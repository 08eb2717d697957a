"""Read-only mode and the pause of garbage collection, as an operator orders them for a whole deployment."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from twinport.catalog.partition import maintenance
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import WallClock, WorldClock
from twinport.composition.databases import join_catalog
from twinport.errors import Conflict
from twinport.model.maintenance import Maintenance
from twinport.settings.loading import Settings

T = TypeVar("T")


class GarbagePaused(Conflict):
    """The operator has paused garbage collection. Nothing was deleted."""

    def __init__(self) -> None:
        super().__init__("garbage collection is paused: 'twinport gc resume' ends the pause, and then this deletes")


async def read_only(settings: Settings, *, on: bool) -> str:
    """Begin or end read-only mode. Return what is so now, in a sentence."""

    def change(db: Connection, catalog: Catalog) -> str:
        if on:
            since = maintenance.begin_read_only(db, catalog.now(db))
            return f"read-only since {since:%Y-%m-%d %H:%M:%S} UTC: every process refuses writes within a second"
        was_on = maintenance.end_read_only(db)
        return "not read-only any more" if was_on else "it was not read-only"

    return await _written(settings, change)


async def pause_garbage(settings: Settings, duration: timedelta | None) -> str:
    """Pause garbage collection, until it is resumed or for a time. Return what is so now, in a sentence."""

    def pause(db: Connection, catalog: Catalog) -> str:
        now = catalog.now(db)
        until = None if duration is None else now + duration
        maintenance.pause_garbage(db, now, until)
        end = "'twinport gc resume'" if until is None else f"{until:%Y-%m-%d %H:%M:%S} UTC"
        return f"paused: no process removes rows or bytes of garbage until {end}"

    return await _written(settings, pause)


async def resume_garbage(settings: Settings) -> str:
    """End the pause. Return what is so now, in a sentence."""

    def resume(db: Connection, _: Catalog) -> str:
        maintenance.resume_garbage(db)
        return "resumed: garbage is collected"

    return await _written(settings, resume)


async def orders(settings: Settings) -> Maintenance:
    """Return the orders in force."""
    async with _joined(settings) as catalog:
        return await catalog.partition.read(maintenance.read)


def words_of_read_only(found: Maintenance) -> str:
    since = found.read_only_since
    return "not read-only" if since is None else f"read-only since {since:%Y-%m-%d %H:%M:%S} UTC"


async def _written(settings: Settings, change: Callable[[Connection, Catalog], str]) -> str:
    async with _joined(settings) as catalog:
        # A write, not a record: it advances the generation, as every change that requests notice does.
        return await catalog.partition.write(lambda db: change(db, catalog))


@asynccontextmanager
async def _joined(settings: Settings) -> AsyncIterator[Catalog]:
    catalog = join_catalog(settings, WorldClock(WallClock()))
    try:
        yield catalog
    finally:
        catalog.close()
