"""Memory for what must be read whole before it can be understood: bounded for all together, and for each party."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from twinport.errors import Unavailable

# Clients try again by themselves: better soon than after they gave up.
_LONGEST_WAIT = timedelta(seconds=20)


class RoomTaken(Unavailable):
    """Others are sending so much that there was no room for this request within the wait."""

    def __init__(self) -> None:
        super().__init__("too much is being sent at once to read this request too; try again")


class Room:
    """So many bytes. A request that finds too few of them free waits, and not for ever.

    A party holds at most `share` bytes, or one request that is larger.
    """

    def __init__(self, size: int, longest_wait: timedelta = _LONGEST_WAIT, share: int | None = None) -> None:
        self._size = self._free = size
        self._longest_wait = longest_wait
        self._share = size if share is None else share
        self._held: Counter[str] = Counter()
        self._waiting: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def taken(self, size: int, party: str = "") -> AsyncIterator[None]:
        """Hold so many bytes for a party, of all that there are at most. Raises RoomTaken."""
        size = min(size, self._size)
        await self._take(size, party)
        try:
            yield
        finally:
            self._give_back(size, party)

    async def _take(self, size: int, party: str) -> None:
        try:
            async with asyncio.timeout(self._longest_wait.total_seconds()):
                while self._free < size or not self._is_within_share(size, party):
                    await self._change()
        except TimeoutError:
            raise RoomTaken from None
        self._free -= size
        self._held[party] += size

    def _is_within_share(self, size: int, party: str) -> bool:
        held = self._held[party]
        return held == 0 or held + size <= self._share

    async def _change(self) -> None:
        change = asyncio.get_running_loop().create_future()
        self._waiting.add(change)
        try:
            await change
        finally:
            self._waiting.discard(change)

    def _give_back(self, size: int, party: str) -> None:
        self._free += size
        self._held[party] -= size
        if not self._held[party]:
            del self._held[party]
        for change in self._waiting:
            if not change.done():
                change.set_result(None)
