"""How fast all stored bytes may be read through, without holding up clients that use the store at the same time."""

import asyncio
from dataclasses import dataclass

# The least cost of reading anything, in bytes: very many small things are as much work as a few large ones.
_LEAST = 64 << 10


@dataclass(frozen=True, slots=True)
class ThroughputLimit:
    """Waits as long as some bytes may take at this rate; without a limit, it does not wait."""

    bytes_a_second: int | None

    async def spend(self, size: int) -> None:
        if self.bytes_a_second is not None:
            await asyncio.sleep(size / self.bytes_a_second)


UNHURRIED = ThroughputLimit(None)


def cost_of(size: int) -> int:
    """Return how many bytes something of this size counts as."""
    return max(size, _LEAST)
