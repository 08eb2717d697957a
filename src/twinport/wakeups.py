"""Wake-ups: whoever made something that others wait for says so, in this process and to the others.

Nothing depends on a wake-up: who waits also looks by itself now and then. A lost one costs that pause, and no more.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Protocol

# Between one word to the other processes and the next: a thousand pushes a second need not be told a thousand times.
_PAUSE = timedelta(milliseconds=20)


class Topic(Enum):
    """What may be waited for."""

    DELIVERIES = "deliveries"
    DELETIONS = "deletions"


Heard = Callable[[Topic], None]


class Messenger(Protocol):
    """Brings wake-ups to the other processes of a deployment. Any of them may be lost, and some may come twice."""

    async def tell(self, topic: Topic) -> None:
        """Tell every other process that listens now."""
        ...

    async def listen(self, heard: Heard) -> None:
        """Call `heard` for what others tell, until cancelled."""
        ...


@dataclass(slots=True)
class Wakeups:
    """Joins those who wait in this process with whoever rings, here or elsewhere."""

    messenger: Messenger
    _waiting: dict[Topic, list[Callable[[], None]]] = field(default_factory=dict)
    _untold: set[Topic] = field(default_factory=set)
    _something: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, topic: Topic, wake: Callable[[], None]) -> None:
        """Have `wake` called at each wake-up, soon after what it is about was committed."""
        self._waiting.setdefault(topic, []).append(wake)

    def ring(self, topic: Topic) -> None:
        """Wake who waits here at once, and the other processes a moment later. Call it after the commit."""
        self._wake(topic)
        self._untold.add(topic)
        self._something.set()

    async def run(self) -> None:
        """Tell and listen, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.messenger.listen(self._wake))
            group.create_task(self._tell())

    async def _tell(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            topics, self._untold = self._untold, set()
            for topic in topics:
                await self.messenger.tell(topic)
            await asyncio.sleep(_PAUSE.total_seconds())

    def _wake(self, topic: Topic) -> None:
        for wake in self._waiting.get(topic, ()):
            wake()
