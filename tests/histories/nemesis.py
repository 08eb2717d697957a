"""Kills at random moments whatever can be killed, and starts it again; or lets it stand still for a while."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import psycopg

from tests.histories.deployment import Deployment, Worker, kill, send

# Between one recovery and the next kill. Short enough to meet recoveries half done, long enough for acknowledgments.
PAUSE_SECONDS = (0.3, 4.0)
DOWN_SECONDS = (0.0, 1.0)
# A moment, or so long that what a process held has been given to another when it goes on.
MOMENT_SECONDS, LAPSE_SECONDS = (0.3, 3.0), (31.0, 36.0)
ONE_LAPSE_IN = 5


@dataclass
class Nemesis:
    """Counts what it does by name."""

    deployment: Deployment
    worker: Worker | None
    random: random.Random
    did: Counter[str] = field(default_factory=Counter)

    async def rage(self, is_over: Callable[[], bool]) -> None:
        """Go on until it is over; then everything runs again."""
        async with asyncio.TaskGroup() as standing_still:
            while not is_over():
                await asyncio.sleep(self.random.uniform(*PAUSE_SECONDS))
                blows = self._blows()
                name = self.random.choice([*blows, "standstill"])
                self.did[name] += 1
                if name == "standstill":
                    standing_still.create_task(self._stand_still())
                else:
                    await blows[name]()

    def _blows(self) -> dict[str, Callable[[], Awaitable[None]]]:
        blows: dict[str, Callable[[], Awaitable[None]]] = {"server": self._kill_server}
        if self.deployment.workers > 1:
            blows["process of the server"] = self._kill_a_process_of_the_server
        if self.worker is not None:
            blows["worker"] = self._kill_worker
        if self.deployment.postgres is not None:
            blows |= {"connection": self._kill_connection, "database": self._kill_database}
        return blows

    async def _stand_still(self) -> None:
        """One process does nothing for a while, as on a machine that sleeps; the others are killed meanwhile."""
        serving = self.deployment.children() or [self.deployment.server.pid]
        process = self.random.choice([*serving, *([self.worker.pid] if self.worker else [])])
        is_long = self.random.randrange(ONE_LAPSE_IN) == 0
        send(process, signal.SIGSTOP)
        try:
            await asyncio.sleep(self.random.uniform(*(LAPSE_SECONDS if is_long else MOMENT_SECONDS)))
        finally:
            send(process, signal.SIGCONT)

    async def _kill_server(self) -> None:
        self.deployment.kill_server()
        await self._wait()
        await asyncio.to_thread(self.deployment.start)

    async def _kill_a_process_of_the_server(self) -> None:
        """The parent begins another."""
        children = self.deployment.children()
        if children:
            kill(self.random.choice(children))

    async def _kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        await self._wait()
        self.worker.start()

    async def _kill_connection(self) -> None:
        """PostgreSQL ends all the others too, and recovers."""
        assert self.deployment.postgres is not None
        try:
            connections = await asyncio.to_thread(self.deployment.postgres.connections)
        except psycopg.OperationalError:
            # It has only now noticed the last blow, and recovers.
            connections = []
        if connections:
            kill(self.random.choice(connections))
        await asyncio.to_thread(self.deployment.postgres.wait)

    async def _kill_database(self) -> None:
        assert self.deployment.postgres is not None
        await asyncio.to_thread(self.deployment.postgres.kill)
        await self._wait()
        await asyncio.to_thread(self.deployment.postgres.start)

    async def _wait(self) -> None:
        await asyncio.sleep(self.random.uniform(*DOWN_SECONDS))
