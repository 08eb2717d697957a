"""How fast what is kept may be read through, beside those who want something of it."""

import asyncio
from dataclasses import dataclass

# What looking at anything costs at least, in bytes: very many small things are as much work as a few large ones.
_LEAST = 64 << 10


@dataclass(frozen=True, slots=True)
class Pace:
    """Takes as long for some bytes as they may take; without a limit, no time."""

    bytes_a_second: int | None

    async def spend(self, size: int) -> None:
        if self.bytes_a_second is not None:
            await asyncio.sleep(size / self.bytes_a_second)


UNHURRIED = Pace(None)


def cost_of(size: int) -> int:
    """Tell as how many bytes something of this size counts."""
    return max(size, _LEAST)
