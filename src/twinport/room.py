"""Memory for what must be read whole before it can be understood: bounded for all together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from twinport.errors import Unavailable

# Clients try again by themselves: better soon than after they gave up.
_PATIENCE = timedelta(seconds=20)


class RoomTaken(Unavailable):
    """Others are sending so much that there was no room for this request within the wait."""

    def __init__(self) -> None:
        super().__init__("too much is being sent at once to read this request too; try again")


class Room:
    """So many bytes. Who finds too few of them free waits, and not for ever."""

    def __init__(self, size: int, patience: timedelta = _PATIENCE) -> None:
        self._size = self._free = size
        self._patience = patience
        self._waiting: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncIterator[None]:
        """Hold so many bytes, of all that there are at most. Raises RoomTaken."""
        size = min(size, self._size)
        await self._take(size)
        try:
            yield
        finally:
            self._give_back(size)

    async def _take(self, size: int) -> None:
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                while self._free < size:
                    await self._change()
        except TimeoutError:
            raise RoomTaken from None
        self._free -= size

    async def _change(self) -> None:
        change = asyncio.get_running_loop().create_future()
        self._waiting.add(change)
        try:
            await change
        finally:
            self._waiting.discard(change)

    def _give_back(self, size: int) -> None:
        self._free += size
        for change in self._waiting:
            if not change.done():
                change.set_result(None)
