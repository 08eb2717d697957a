"""Notes in memory that one write stores a little later: docs/decisions/0011-last-use-is-written-later.md."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Generic, TypeVar

from twinport.errors import Unavailable

Key = TypeVar("Key")
Value = TypeVar("Value")

# The pause between two writes, however many notes come meanwhile.
PAUSE = timedelta(seconds=5)


class LateWrites(Generic[Key, Value]):
    """Notes by their keys, of which the last one counts. Past `most` unwritten keys, notes of others are dropped."""

    def __init__(self, store: Callable[[Mapping[Key, Value]], Awaitable[None]], most: int) -> None:
        self._store = store
        self._most = most
        self._unwritten: dict[Key, Value] = {}
        self._something = asyncio.Event()
        # Under this lock, a call of `write` that finds nothing to write has waited for a write in progress.
        self._writing = asyncio.Lock()

    def add(self, key: Key, value: Value) -> None:
        if len(self._unwritten) < self._most:
            self._unwritten[key] = value
            self._something.set()

    async def write(self) -> None:
        """Write the notes, and return when that is done. After a failure they stay noted for the next write."""
        async with self._writing:
            if not self._unwritten:
                return
            taken, self._unwritten = self._unwritten, {}
            try:
                await self._store(taken)
            except BaseException:
                self._unwritten = {**taken, **self._unwritten}
                self._something.set()
                raise

    async def settle(self) -> None:
        """As `write`, before a read that does not depend on it: an unavailable database is no error."""
        with contextlib.suppress(Unavailable):
            await self.write()

    async def run(self) -> None:
        """Write now and then until canceled, and once more at the end."""
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                await self.settle()
                await asyncio.sleep(PAUSE.total_seconds())
        finally:
            await self.settle()
