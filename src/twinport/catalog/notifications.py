"""Wake-ups between processes on one PostgreSQL: NOTIFY after the commit, in the partition's database.

It does not notify within the transaction, because a lock of the whole server serializes commits that notify.
"""

import asyncio
import contextlib

import psycopg
from psycopg import conninfo
from sqlalchemy import Connection, text

from twinport.catalog.engine import waits
from twinport.catalog.ports import PartitionDatabase
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.processes.wakeups import Heard, Topic

_CHANNEL = "twinport"
_NOTIFY = text(f"SELECT pg_notify('{_CHANNEL}', :word)")
_PAUSE_SECONDS = 1.0
_BEGIN_SECONDS = 10.0


class Notifications:
    """One connection listens; when it is lost, it is made again."""

    def __init__(self, partition: PartitionDatabase, address: str, name: str) -> None:
        """`name` is this process's, so that it does not wake itself."""
        self._partition, self._address, self._name = partition, address, name

    async def tell(self, topic: Topic) -> None:
        word = f"{topic.value} {self._name}"
        # A lost wake-up costs little; callers that need the database handle its absence themselves.
        with contextlib.suppress(Unavailable):
            await self._partition.read(lambda db: _notify(db, word))

    async def listen(self, heard: Heard) -> None:
        while True:
            try:
                await self._listen_once(heard)
            except (psycopg.Error, OSError) as error:  # a deadline that passed is an OSError, too
                reason = type(error).__name__
                telemetry.warning(Event.WORKER_HINDERED, worker="wake-ups", reason=reason)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen_once(self, heard: Heard) -> None:
        # This connection may be silent for long; keepalives detect that its other end is gone.
        address = conninfo.make_conninfo(self._address, **waits.ON_THE_SERVER)
        async with asyncio.timeout(_BEGIN_SECONDS):
            connection = await psycopg.AsyncConnection.connect(address, autocommit=True)
        async with connection:
            async with asyncio.timeout(_BEGIN_SECONDS):
                await connection.execute(f"LISTEN {_CHANNEL}")
            for topic in Topic:  # another process may have sent any of them while this one did not listen
                heard(topic)
            async for notification in connection.notifies():
                word, _, name = notification.payload.partition(" ")
                if name != self._name:
                    with contextlib.suppress(ValueError):
                        heard(Topic(word))


def _notify(db: Connection, word: str) -> None:
    db.execute(_NOTIFY, {"word": word})
