"""Memory for bodies that must be read whole before they are parsed: bounded in total and for each party.

`gateway.py` sets the amounts.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from twinport.errors import Unavailable

# Clients try again by themselves, so an early refusal is better than one after the client gave up.
_LONGEST_WAIT = timedelta(seconds=20)


class MemoryTaken(Unavailable):
    """Other requests took so much memory that none was free for this request in time."""

    def __init__(self) -> None:
        super().__init__("too much is being sent at once to read this request too; try again")


class MemoryBudget:
    """A budget of bytes. A request waits for a limited time until enough bytes are free.

    A party holds at most `share` bytes, or one larger request.
    """

    def __init__(self, size: int, longest_wait: timedelta = _LONGEST_WAIT, share: int | None = None) -> None:
        self._size = self._free = size
        self._longest_wait = longest_wait
        self._share = size if share is None else share
        self._held: Counter[str] = Counter()
        self._waiting: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def taken(self, size: int, party: str = "") -> AsyncIterator[None]:
        """Hold `size` bytes for a party, at most the whole budget. Raises MemoryTaken."""
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
            raise MemoryTaken from None
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
