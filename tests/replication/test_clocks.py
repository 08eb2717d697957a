"""Leases, due times and the age of garbage are told by the database: hosts whose clocks go wrong agree about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import owing
from tests.fakes import AllowAll, caller
from tests.registry.dump import pieces_of
from tests.replication.world import FAR, HOME, NAME
from tests.upload_ids import PlainUploadIds
from twinport.blobs.files import FileBlobStores
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import WallClock, WorldClock
from twinport.model.content import Digest
from twinport.model.images import NewRepository, Position
from twinport.model.replication import PlannedDelivery
from twinport.registry.garbage import Garbage, Swept
from twinport.registry.layers import AvailableLayer, Layers
from twinport.registry.orphans import Orphans
from twinport.registry.repositories import Repositories
from twinport.registry.uploads import Part, Uploads
from twinport.replication.outcomes import Hindered
from twinport.replication.post_office import LEASE, PostOffice
from twinport.settings.retention import Retention

ME, DEFAULT = caller(), Retention()
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

    def uploads(self, folder: Path) -> Uploads:
        return Uploads(self.catalog, FileBlobStores(folder), AllowAll(), PlainUploadIds(self.world))

    def garbage(self, folder: Path, retention: Retention = DEFAULT) -> Garbage:
        return Garbage(self.catalog, FileBlobStores(folder), retention)

    def orphans(self, folder: Path) -> Orphans:
        return Orphans(self.catalog, FileBlobStores(folder), self.world, self.world.wall, DEFAULT)

    async def has(self, folder: Path, digest: Digest, retention: Retention = DEFAULT) -> bool:
        layers = Layers(self.catalog, FileBlobStores(folder), AllowAll(), self.world, retention)
        [state] = await layers.check(ME, HOME.repository(NAME), [str(digest)])
        return isinstance(state, AvailableLayer)

    async def push(self, folder: Path) -> Digest:
        """Make the repository, and store a layer in it."""
        repositories = Repositories(AllowAll(), self.catalog, self.world, (HOME.region,))
        await repositories.create(ME, HOME.repository(NAME), NewRepository())
        content = b"layer"
        layer = await self.uploads(folder).upload_whole(
            ME, HOME.repository(NAME), Digest.of(content), pieces_of(content)
        )
        return layer.digest

    async def begin(self, folder: Path) -> str:
        """Begin an upload, and leave it."""
        uploads = self.uploads(folder)
        upload = await uploads.start(ME, HOME.repository(NAME))
        await uploads.append(ME, HOME.repository(NAME), upload.id, Part(pieces_of(b"part")))
        return upload.id

    async def owe(self) -> None:
        await self.catalog.region(HOME.region).write(
            lambda db: owing.owe(db, HOME, OWED, Position(1, 1), self.catalog.now(db))
        )


@pytest.fixture
def hosts(postgres_address: str) -> Iterator[tuple[Host, Host]]:
    fast, slow = Host(postgres_address, timedelta(days=3)), Host(postgres_address, -timedelta(days=3))
    yield fast, slow
    fast.catalog.close()
    slow.catalog.close()


async def test_what_a_fast_host_owes_is_due_at_once_for_a_slow_one(hosts: tuple[Host, Host]) -> None:
    fast, slow = hosts
    await fast.owe()
    assert await slow.office.next_due_in() == timedelta(0)
    assert await slow.office.claim("slow") is not None


async def test_a_host_that_is_fast_takes_no_fresh_layer(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    fast, slow = hosts
    digest = await slow.push(tmp_path)
    upload_id = await slow.begin(tmp_path)
    assert await fast.garbage(tmp_path).sweep(HOME.region) == Swept()
    async with FileBlobStores(tmp_path).region(HOME.region).create() as writer:
        await writer.write(b"not recorded yet")
        written = await writer.finish()
    assert await fast.orphans(tmp_path).find(HOME.region, written.key[:2]) == []
    assert await fast.has(tmp_path, digest)
    assert (await fast.uploads(tmp_path).status(ME, HOME.repository(NAME), upload_id)).size > 0


async def test_a_host_that_is_slow_promises_no_layer_that_may_go(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    fast, slow = hosts
    digest = await fast.push(tmp_path)
    assert await slow.has(tmp_path, digest)
    assert not await slow.has(tmp_path, digest, Retention(garbage_delay=timedelta(0)))


async def test_what_a_fast_host_discards_goes_when_its_time_is_over(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    fast, slow = hosts
    await fast.push(tmp_path)
    upload_id = await fast.begin(tmp_path)
    await fast.uploads(tmp_path).cancel(ME, HOME.repository(NAME), upload_id)
    swept = await slow.garbage(tmp_path, Retention(reader_grace=timedelta(0))).sweep(HOME.region)
    assert swept == Swept(keys=1)


async def test_a_region_that_was_never_written_to_has_a_clock_too(hosts: tuple[Host, Host]) -> None:
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
    await slow.office.settle("slow", [(batch.deliveries[0], Hindered("disk full"))])
    assert await fast.office.next_due_in() is not None


async def test_moving_the_world_moves_leases_with_it(hosts: tuple[Host, Host]) -> None:
    fast, slow = hosts
    await slow.owe()
    assert await slow.office.claim("slow") is not None
    fast.world.advance(LEASE)
    assert await fast.office.claim("fast") is not None
