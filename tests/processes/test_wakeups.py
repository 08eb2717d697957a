"""The contract of wake-ups between processes, by sockets in the data folder and by PostgreSQL."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from tests.catalogs import ENGINES, SQLITE
from tests.waiting import PATIENCE_SECONDS
from twinport.catalog.notifications import Notifications
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import ManualClock
from twinport.processes.peers import Peers
from twinport.processes.wakeups import Messenger, Topic, Wakeups


class Deployment(Protocol):
    """Where processes join each other."""

    def join(self) -> Messenger: ...

    def close(self) -> None: ...


class OneFolder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._joined: list[Peers] = []

    def join(self) -> Messenger:
        process = Peers(self._folder / "processes", "host")
        process.open()
        self._joined.append(process)
        return process

    def close(self) -> None:
        for process in self._joined:
            process.close()


class OnePostgres:
    def __init__(self, address: str) -> None:
        self._address = address
        self._catalog = PostgresCatalog(address, ManualClock())

    def join(self) -> Messenger:
        return Notifications(self._catalog.partition, self._address, secrets.token_hex(8))

    def close(self) -> None:
        self._catalog.close()


class Process:
    """Who waits in one process, and what for."""

    def __init__(self, messenger: Messenger) -> None:
        self.wakeups = Wakeups(messenger)
        self.woken = {topic: asyncio.Event() for topic in Topic}
        for topic, event in self.woken.items():
            self.wakeups.on(topic, event.set)

    async def hears_when_it_is_rung(self, topic: Topic, by: "Process") -> None:
        """Ring until it is heard: when others begin to listen is not known here."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.woken[topic].is_set():
                by.wakeups.ring(topic)
                await asyncio.sleep(0.05)


@pytest.fixture(params=ENGINES)
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    if request.param == SQLITE:
        deployment: Deployment = OneFolder(tmp_path)
    else:
        deployment = OnePostgres(request.getfixturevalue("postgres_address"))
    yield deployment
    deployment.close()


@asynccontextmanager
async def running(*processes: Process) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.wakeups.run()) for each in processes]
        yield
        for task in tasks:
            task.cancel()


async def test_what_one_process_rings_wakes_who_waits_in_every_other(deployment: Deployment) -> None:
    ann, bob, eve = (Process(deployment.join()) for _ in range(3))
    async with running(ann, bob, eve):
        await bob.hears_when_it_is_rung(Topic.DELIVERIES, by=ann)
        await eve.hears_when_it_is_rung(Topic.DELIVERIES, by=ann)
        await ann.hears_when_it_is_rung(Topic.DELETIONS, by=eve)


async def test_who_rings_wakes_its_own_process_without_any_messenger(deployment: Deployment) -> None:
    ann = Process(deployment.join())
    ann.wakeups.ring(Topic.DELETIONS)
    assert ann.woken[Topic.DELETIONS].is_set()
    assert not ann.woken[Topic.DELIVERIES].is_set()


async def test_a_listener_whose_connection_was_cut_listens_again(postgres_address: str) -> None:
    deployment = OnePostgres(postgres_address)
    ann, bob = Process(deployment.join()), Process(deployment.join())
    async with running(ann, bob):
        await bob.hears_when_it_is_rung(Topic.DELIVERIES, by=ann)
        with psycopg.connect(postgres_address, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE starts_with(query, 'LISTEN') AND datname = current_database()"
            )
        for event in bob.woken.values():
            event.clear()
        await bob.hears_when_it_is_rung(Topic.DELETIONS, by=ann)
    deployment.close()
