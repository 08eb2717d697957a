"""What a part of an upload costs, however many came before it: counted in rows and steps, never in time."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, REGISTRY, AllowAll, caller
from tests.reading import settle_statistics, work
from tests.upload_ids import PlainUploadIds, open_upload
from twinport.blobs.files import FileBlobStores
from twinport.catalog.ports import Database, PartitionDatabase, WholeCatalog
from twinport.catalog.regional import repositories, schema
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import NewRepository
from twinport.model.names import RegionName, RepositoryName
from twinport.registry.uploads import Part, Uploads

T = TypeVar("T")
ME, NAME, ID = caller(), RepositoryName("team/api"), "one"
FEW, MANY = 5, 1000


@dataclass(frozen=True)
class MeasuredRegion:
    """Measures each query and transaction in a rehearsal that is rolled back, and then runs it."""

    database: Database
    costs: list[int]

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.write(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.write(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        def measured(db: Connection) -> T:
            with db.begin_nested() as rehearsal:
                self.costs.append(work(db, transaction))
                rehearsal.rollback()
            return transaction(db)

        return await self.database.write(measured)


@dataclass(frozen=True)
class MeasuredCatalog:
    catalog: WholeCatalog
    costs: list[int] = field(default_factory=list)

    @property
    def partition(self) -> PartitionDatabase:
        return self.catalog.partition

    def region(self, name: RegionName) -> Database:
        return MeasuredRegion(self.catalog.region(name), self.costs)

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self.catalog.now(db)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock(NOW))
    yield catalog
    catalog.close()


def begin(db: Connection) -> None:
    repositories.insert(db, REGISTRY.repository(NAME), NewRepository(), NOW)
    open_upload(db, REGISTRY.repository(NAME), ID, NOW)


def grow(db: Connection, first: int, parts: int) -> None:
    """Let parts of one byte be there from the byte `first`."""
    rows = [
        {"upload_id": ID, "first_byte": each, "size": 1, "key": f"key-{each}", "digest": str(Digest.of(b"x"))}
        for each in range(first, first + parts)
    ]
    db.execute(schema.upload_segment.insert(), rows)
    db.execute(schema.upload.update().values(size=first + parts))
    settle_statistics(db)


async def piece() -> AsyncIterator[bytes]:
    yield b"x"


async def test_the_thousandth_part_costs_what_the_first_ones_cost(catalog: WholeCatalog, tmp_path: Path) -> None:
    async def cost_of_a_part() -> list[int]:
        measured = MeasuredCatalog(catalog)
        door = Uploads(measured, FileBlobStores(tmp_path), AllowAll(), PlainUploadIds())
        await door.append(ME, REGISTRY.repository(NAME), ID, Part(piece()))
        await door.status(ME, REGISTRY.repository(NAME), ID)
        return measured.costs

    region = catalog.region(REGISTRY.region)
    await region.write(begin)
    await region.write(lambda db: grow(db, 0, FEW))
    early = await cost_of_a_part()
    await region.write(lambda db: grow(db, FEW + 1, MANY))
    late = await cost_of_a_part()
    assert len(late) == len(early) > 0, "as many transactions"
    assert sum(late) <= sum(early) * 1.2
