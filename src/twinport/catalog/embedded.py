"""The embedded catalog: a data folder with `global.db`, and `catalog.db` for each Region that was written to."""

import asyncio
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TypeVar

from sqlalchemy import Connection

from twinport.catalog import region_identity
from twinport.catalog.beginnings import (
    Partition,
    begin_history,
    list_region,
    listed_regions,
)
from twinport.catalog.engine.sqlite import SqliteDatabase, data_version, look_into
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.ports import CLOSING_LIMIT, Database
from twinport.catalog.regional import schema as regional_schema
from twinport.clock import Clock
from twinport.files import disks
from twinport.model.names import RegionName
from twinport.processes.breakdown import Breakdown
from twinport.processes.pools import DATABASES
from twinport.refusals.storage import CatalogClosed, RegionLost

T = TypeVar("T")
PARTITION_FILE = "global.db"


def region_file(folder: Path, name: RegionName) -> Path:
    """Return where a Region's database is in a data folder."""
    return folder / "regions" / name / "catalog.db"


class EmbeddedCatalog:
    """SQLite files beneath one folder.

    Raises StorageUnavailable, DatabaseNewer and DatabaseUnrecognized.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock, self.breakdown = folder, clock, Breakdown()
        self._global = SqliteDatabase(folder / PARTITION_FILE, partition_schema.partition, breakdown=self.breakdown)
        self.partition = Partition(self._global)
        self._empty = SqliteDatabase(Path(":memory:"), regional_schema.regional)
        self._regions: dict[RegionName, _EmbeddedRegion] = {}
        try:
            self._open_regions()
        except BaseException:
            self.close()
            raise

    def _open_regions(self) -> None:
        """Upgrade every Region, or refuse, before the server answers any request."""
        for name in self._global.read_now(listed_regions):
            expected = self._global.read_now(partial(region_identity.known, name=name))
            found = self._region(name).open_if_there(expected)
            if expected is None and found is not None:
                self._global.write_now(partial(region_identity.learn, name=name, identity=found))

    def now(self, db: Connection) -> datetime:
        # Processes on one SQLite file are on one host, and so is its clock.
        del db
        return self._clock.now()

    def region(self, name: RegionName) -> Database:
        return self._region(name)

    def _region(self, name: RegionName) -> "_EmbeddedRegion":
        if name not in self._regions:
            path = region_file(self._folder, name)
            self._regions[name] = _EmbeddedRegion(name, path, self)
        return self._regions[name]

    def version(self, region: RegionName) -> int | None:
        return self._region(region).version()

    async def regions(self) -> list[RegionName]:
        return await self.partition.read(listed_regions)

    async def check(self) -> None:
        self._global.check()
        disks.check(self._folder)

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        end = monotonic() + within.total_seconds()
        databases: list[_EmbeddedRegion | SqliteDatabase] = [*self._regions.values(), self._empty, self._global]
        for database in databases:
            database.close(timedelta(seconds=max(0.0, end - monotonic())))


class _EmbeddedRegion:
    """Opens its file at the first write, or at a read once the file is there: this process or another made it."""

    def __init__(self, name: RegionName, path: Path, catalog: EmbeddedCatalog) -> None:
        self._name, self._path, self._catalog = name, path, catalog
        self._database: SqliteDatabase | None = None
        self._opening, self._one_thread = asyncio.Lock(), Lock()
        self._is_closed = False
        self._file: tuple[int, int] | None = None

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await (await self._readable()).read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await (await self._readable()).read_much(query)

    def version(self) -> int | None:
        self._require_same_file()
        return None if self._database is None else self._database.read_now(data_version)

    async def _readable(self) -> SqliteDatabase:
        self._require_same_file()
        if self._database is None and (self._path.exists() or await self._identity() is not None):
            return await self._open()
        return self._database or self._catalog._empty  # noqa: SLF001 — of this module

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        self._require_same_file()
        if self._database is None:
            now = self._now()
            # Law of section 7: the partition lists a Region before that Region's first write.
            await self._catalog.partition.record(lambda db: list_region(db, self._name, now))
        return await (self._database or await self._open()).write(transaction)

    def open_if_there(self, expected: str | None) -> str | None:
        """Open and upgrade the file if this Region was ever written to, before the server answers any request.

        Return the identity of the database. Raises RegionLost if another one is expected.
        """
        if self._path.exists():
            return self._opened(expected)[1]
        region_identity.require(self._name, expected, None)
        return None

    def close(self, within: timedelta) -> None:
        self._is_closed = True
        if self._database is not None:
            self._database.close(within)

    async def _open(self) -> SqliteDatabase:
        """Open the file outside the event loop: a migration, or a process that holds its folder, may delay it."""
        async with self._opening:
            if self._database is not None:
                return self._database
            expected = await self._identity()
            if not self._path.exists():
                region_identity.require(self._name, expected, None)
            database, identity = await DATABASES.run(partial(self._opened, expected))
            if expected is None and identity is not None:
                learning = partial(region_identity.learn, name=self._name, identity=identity)
                await self._catalog.partition.record(learning)
            return database

    async def _identity(self) -> str | None:
        return await self._catalog.partition.read(partial(region_identity.known, name=self._name))

    def _require_open(self) -> None:
        if self._is_closed:
            raise CatalogClosed

    def _require_same_file(self) -> None:
        """Raise RegionLost if the file that is open is not the one of this name any more: its writes would be lost."""
        if self._file is not None and _file_at(self._path) != self._file:
            raise RegionLost(self._name, "missing" if _file_at(self._path) is None else "another one")

    def _opened(self, expected: str | None) -> tuple[SqliteDatabase, str | None]:
        # A caller that was canceled has left the asynchronous lock, and its thread may still be in here.
        with self._one_thread:
            if self._database is None:
                if expected is not None and not look_into(self._path, regional_schema.regional, lambda _: True):
                    # An empty file counts as missing; the next step would create its tables.
                    region_identity.require(self._name, expected, None)
                opened = self._new()
                try:
                    identity = opened.read_now(region_identity.own)
                    region_identity.require(self._name, expected, identity)
                    self._require_open()
                except BaseException:
                    opened.close()
                    raise
                self._file, self._database = _file_at(self._path), opened
                return opened, identity
            return self._database, None

    def _new(self) -> SqliteDatabase:
        now, breakdown = self._now(), self._catalog.breakdown
        return SqliteDatabase(
            self._path, regional_schema.regional, lambda db: begin_history(db, now), breakdown=breakdown
        )

    def _now(self) -> datetime:
        return self._catalog._clock.now()  # noqa: SLF001 — of this module


def _file_at(path: Path) -> tuple[int, int] | None:
    """Return the device and inode of the file at a path, None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 — in every request, and twice as fast
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
