"""The partition's generation: every change of IAM begins a new one, and what was loaded at one is true until the next.

A caller of this module reads the generation before it loads what it keeps. docs/decisions/0044-cached-decisions.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Generic, TypeVar

from twinport.access import lasting
from twinport.catalog.ports import Catalog
from twinport.model.identities import Caller, Reading

K = TypeVar("K")
V = TypeVar("V")
# How long a request may use the generation that was read for its credentials. A request that waits for its client in
# between reads the generation again.
SAME_REQUEST = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class Generations:
    """Reads the generation once a request. `elapsed` counts seconds."""

    catalog: Catalog
    elapsed: Callable[[], float] = monotonic

    async def read(self) -> Reading:
        """Return the generation of now, or that which is noted for this request (`access/lasting.py`) and still young.

        A generation is as old as the database's answer, however long the question took.
        """
        before = lasting.reading()
        if before is not None and self._is_of_now(before):
            return before
        reading = Reading(await self.catalog.partition.generation(), self.elapsed())
        lasting.has_read(reading)
        return reading

    async def at(self, caller: Caller) -> int:
        """Return the generation that was read for the caller's credentials, or read it again if that was long ago."""
        reading = caller.reading
        if reading is None or not self._is_of_now(reading):
            reading = await self.read()
        return reading.generation

    def _is_of_now(self, reading: Reading) -> bool:
        return self.elapsed() - reading.at < SAME_REQUEST.total_seconds()


@dataclass(slots=True)
class ByGeneration(Generic[K, V]):
    """What was loaded at the newest generation, at most `most` entries. A newer generation voids all of them.

    What lasts longer is kept by its era instead (`catalog/beginnings.py`).
    """

    most: int
    _generation: int = 0
    _entries: dict[K, V] = field(default_factory=dict, repr=False)

    def get(self, generation: int, key: K) -> V | None:
        return self._entries.get(key) if generation == self._generation else None

    def last(self, key: K) -> V | None:
        """Return what was kept last, which may be void since: for what decides nothing."""
        return self._entries.get(key)

    def keep(self, generation: int, key: K, value: V) -> None:
        """Keep what was loaded after `generation` was read. What belongs to an older generation is not kept."""
        if generation < self._generation:
            return
        if generation > self._generation or len(self._entries) >= self.most:
            self._entries = {}
        self._generation = generation
        self._entries[key] = value
