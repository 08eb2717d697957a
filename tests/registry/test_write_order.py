"""Bytes before rows: pushes are killed and hindered at each of their operations, and nothing promised is lost."""

import errno
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection, select

from tests.blobs.forgetful_disk import Crash, ForgetfulDisk, Killed, Plan, failing_at, killed_at, works
from tests.fakes import NOW, REGISTRY, AllowAll, caller
from twinport.blobs.files import FileBlobStores
from twinport.catalog import repositories, schema
from twinport.catalog.database import Database
from twinport.catalog.embedded import EmbeddedCatalog, PartitionDatabase
from twinport.clock import ManualClock
from twinport.model.content import Digest, Key
from twinport.model.images import NewRepository
from twinport.model.names import RegionName, RepositoryName
from twinport.refusals.storage import StorageUnavailable
from twinport.registry.layers import Layers
from twinport.registry.uploads import Part, Uploads

T = TypeVar("T")
ME = caller()
NAME = RepositoryName("team/api")
SMALL, LARGE = b"a small layer", bytes(range(256)) * (17 << 10)
FIRST, SECOND = b"first part, ", b"second part"


@dataclass(frozen=True)
class MortalDatabase:
    """The process may end before a transaction, and after one whose outcome it then never hears."""

    database: Database
    disk: ForgetfulDisk

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        self.disk.step("begin")
        result = await self.database.write(transaction)
        self.disk.step("committed")
        return result


@dataclass(frozen=True)
class MortalCatalog:
    catalog: EmbeddedCatalog
    disk: ForgetfulDisk

    @property
    def partition(self) -> PartitionDatabase:
        return self.catalog.partition

    def region(self, name: RegionName) -> Database:
        return MortalDatabase(self.catalog.region(name), self.disk)

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self.catalog.now(db)


@dataclass
class Site:
    """A registry that can go down and come up again over what its disk then holds."""

    folder: Path
    disk: ForgetfulDisk = field(default_factory=ForgetfulDisk)
    promised: list[Digest] = field(default_factory=list)
    checked: set[Key] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self.come_up()
        await self.catalog.region(REGISTRY.region).write(
            lambda db: repositories.insert(db, REGISTRY, NAME, NewRepository(), NOW)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.catalog.close()

    def come_up(self) -> None:
        self.catalog = EmbeddedCatalog(self.folder, ManualClock())
        self.stores = FileBlobStores(self.folder, self.disk)
        mortal = MortalCatalog(self.catalog, self.disk)
        self.uploads = Uploads(mortal, self.stores, AllowAll(), ManualClock())
        self.layers = Layers(self.catalog, self.stores, AllowAll(), ManualClock())

    def go_down(self, crash: Crash) -> None:
        self.catalog.close()
        self.disk.crash(crash)

    async def push(self, plan: Plan, mark: bytes) -> None:
        """Push layers in every way there is while the disk acts on `plan`, and remember what was promised."""
        self.disk.plan = plan
        self.disk.operations.clear()
        await self.whole(SMALL + mark)
        await self.parts(LARGE + mark)
        await self.parts(FIRST, SECOND + mark)
        await self.whole(SMALL + mark)

    async def whole(self, content: bytes) -> None:
        layer = await self.uploads.upload_whole(ME, REGISTRY, NAME, Digest.of(content), pieces_of(content))
        self.promised.append(layer.digest)

    async def parts(self, *parts: bytes) -> None:
        upload = await self.uploads.start(ME, REGISTRY, NAME)
        for part in parts:
            await self.uploads.append(ME, REGISTRY, NAME, upload.id, Part(pieces_of(part)))
        digest = Digest.of(b"".join(parts))
        await self.uploads.complete(ME, REGISTRY, NAME, upload.id, digest, None)
        self.promised.append(digest)

    async def check_that_rows_name_whole_bytes(self) -> None:
        store = self.stores.region(REGISTRY.region)
        for digest, key in await self.catalog.region(REGISTRY.region).read(named_bytes):
            assert store.path(key).is_file()
            if key not in self.checked:
                assert await store.digest(key, digest.algorithm) == digest
                self.checked.add(key)

    async def check_that_promises_are_kept(self) -> None:
        for digest in self.promised:
            assert (await self.layers.find(ME, REGISTRY, NAME, digest)).digest == digest

    async def check_that_every_file_is_known(self) -> None:
        known = await self.catalog.region(REGISTRY.region).read(known_keys)
        assert {path.name for path in self.folder.rglob("blobs/*/*")} == known


def only_on_disk(plan: Plan) -> Plan:
    """Spare the catalog, whose refusals are its own."""
    return lambda n, operation: None if operation in ("begin", "committed") else plan(n, operation)


async def pieces_of(content: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(content), 1 << 18):
        yield content[first : first + (1 << 18)]


def named_bytes(db: Connection) -> list[tuple[Digest, Key]]:
    tables = (schema.blob, schema.upload_segment)
    rows = [row for table in tables for row in db.execute(select(table.c.digest, table.c.key))]
    return [(Digest.parse(row.digest), Key(row.key)) for row in rows]


def known_keys(db: Connection) -> set[str]:
    tables = (schema.blob, schema.upload_segment, schema.discarded_key)
    return {key for table in tables for key in db.execute(select(table.c.key)).scalars()}


async def test_wherever_a_push_is_killed_rows_name_whole_bytes_and_promises_are_kept(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        for n in itertools.count(1):
            try:
                await site.push(killed_at(n), str(n).encode())
            except Killed:
                site.go_down(Crash.UNSYNCED_IS_LOST)
                site.come_up()
                await site.check_that_rows_name_whole_bytes()
                await site.check_that_promises_are_kept()
            else:
                break
        assert n > 30


async def test_wherever_the_disk_refuses_nothing_is_left_and_the_next_try_succeeds(tmp_path: Path) -> None:
    codes = itertools.cycle([errno.ENOSPC, errno.EIO, errno.EROFS])
    async with Site(tmp_path) as site:
        for n in itertools.count(1):
            with suppress(StorageUnavailable):
                await site.push(only_on_disk(failing_at(n, next(codes))), str(n).encode())
            await site.check_that_every_file_is_known()
            if n > len(site.disk.operations):
                break
            await site.push(works, str(n).encode())
        await site.check_that_rows_name_whole_bytes()
        await site.check_that_promises_are_kept()
