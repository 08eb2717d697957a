"""Wake-ups: code that creates work notifies the loops that wait for it, in this process and in the others.

No result depends on a wake-up: a waiting loop also checks now and then. A lost wake-up only costs the rest of that
pause.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Protocol

# The pause between two messages to the other processes: a thousand pushes a second do not need a thousand messages.
_PAUSE = timedelta(milliseconds=20)


class Topic(Enum):
    """The kinds of work to wait for."""

    DELIVERIES = "deliveries"
    DELETIONS = "deletions"
    SCANS = "scans"
    LIFECYCLE = "lifecycle"


Heard = Callable[[Topic], None]


class Messenger(Protocol):
    """Sends wake-ups to the other processes of a deployment. Any wake-up may be lost, and some may come twice."""

    async def tell(self, topic: Topic) -> None:
        """Notify every other process that listens now."""
        ...

    async def listen(self, heard: Heard) -> None:
        """Call `heard` for each message of another process, until canceled."""
        ...


@dataclass(slots=True)
class Wakeups:
    """Connects the waiting loops of this process with the code that rings, here or in another process."""

    messenger: Messenger
    _waiting: dict[Topic, list[Callable[[], None]]] = field(default_factory=dict)
    _untold: set[Topic] = field(default_factory=set)
    _something: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, topic: Topic, wake: Callable[[], None]) -> None:
        """Call `wake` at each wake-up, soon after the commit of the new work."""
        self._waiting.setdefault(topic, []).append(wake)

    def ring(self, topic: Topic) -> None:
        """Wake this process's waiting loops at once, and other processes a moment later. Call it after the commit."""
        self._wake(topic)
        self._untold.add(topic)
        self._something.set()

    async def run(self) -> None:
        """Send and receive messages until canceled."""
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
