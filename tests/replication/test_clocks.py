"""Leases and due times are the database's: hosts whose clocks go wrong agree on who holds what, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.replication.world import FAR, HOME, NAME
from twinport.catalog import outbox
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import WallClock, WorldClock
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.replication import PlannedDelivery
from twinport.replication.outcomes import Hindered
from twinport.replication.post_office import LEASE, PostOffice

OWED = [PlannedDelivery(FAR, NAME, Digest.of(b"image"), "1")]


@dataclass(frozen=True)
class WrongClock(WallClock):
    """The clock of a host that is fast, or slow."""

    by: timedelta

    def now(self) -> datetime:
        return super().now() + self.by


class Host:
    def __init__(self, address: str, wrong_by: timedelta) -> None:
        self.world = WorldClock(WrongClock(wrong_by))
        self.catalog = PostgresCatalog(address, self.world)
        self.office = PostOffice(self.catalog, jitter=lambda: 0.0)

    async def owe(self) -> None:
        await self.catalog.region(HOME.region).write(
            lambda db: outbox.owe(db, HOME, OWED, Position(1, 1), self.catalog.now(db))
        )


@pytest.fixture
def hosts(postgres_address: str) -> Iterator[tuple[Host, Host]]:
    fast, slow = Host(postgres_address, timedelta(hours=3)), Host(postgres_address, -timedelta(hours=3))
    yield fast, slow
    fast.catalog.close()
    slow.catalog.close()


async def test_what_a_fast_host_owes_is_due_at_once_for_a_slow_one(hosts: tuple[Host, Host]) -> None:
    fast, slow = hosts
    await fast.owe()
    assert await slow.office.next_due_in() == timedelta(0)
    assert await slow.office.claim("slow") is not None


async def test_a_region_that_nobody_wrote_to_has_a_clock_too(hosts: tuple[Host, Host]) -> None:
    _, slow = hosts
    now = await slow.catalog.region(FAR.region).read(slow.catalog.now)
    assert datetime.now(UTC) - now > timedelta(hours=2)


async def test_a_fast_host_does_not_take_what_a_slow_one_leased(hosts: tuple[Host, Host]) -> None:
    fast, slow = hosts
    await slow.owe()
    batch = await slow.office.claim("slow")
    assert batch is not None
    assert await fast.office.claim("fast") is None
    left = await fast.office.next_due_in()
    assert left is not None
    assert timedelta(0) < left <= LEASE
    await slow.office.renew(batch)
    await slow.office.settle("slow", batch.deliveries[0], Hindered("disk full"))
    assert await fast.office.next_due_in() is not None


async def test_moving_the_world_moves_leases_with_it(hosts: tuple[Host, Host]) -> None:
    fast, slow = hosts
    await slow.owe()
    assert await slow.office.claim("slow") is not None
    fast.world.advance(LEASE)
    assert await fast.office.claim("fast") is not None
