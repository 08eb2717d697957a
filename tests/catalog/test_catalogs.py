"""The contract of a catalog, on SQLite and on PostgreSQL: what is read, what a write promises, what was not written."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import get_ident
from typing import TypeVar

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError

from tests.catalogs import ENGINES, emptied, opened
from tests.waiting import PATIENCE_SECONDS
from twinport.catalog import clearing
from twinport.catalog.beginnings import era_of
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.engine import statements
from twinport.catalog.ports import Database, PartitionDatabase, WholeCatalog
from twinport.catalog.regional import blobs, reviews, schema
from twinport.catalog.regional.blobs import NewBlob
from twinport.clock import ManualClock
from twinport.model.content import Digest, Key
from twinport.model.names import RegionName
from twinport.processes import signals
from twinport.refusals.storage import CatalogClosed, OutcomeUnknown, StorageUnavailable, WriterDied

REGION = RegionName("eu-west-1")
T = TypeVar("T")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=ENGINES)
def catalog(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[WholeCatalog]:
    catalog = opened(request, tmp_path, clock)
    yield catalog
    catalog.close()


@pytest.fixture(params=ENGINES)
async def used(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[WholeCatalog]:
    """A catalog that need not be new, for what does not tell of its beginning."""
    catalog = await emptied(request, tmp_path, clock)
    yield catalog
    catalog.close()


def accounts(db: Connection) -> list[str]:
    return list(db.execute(select(schema.registry.c.account).order_by(schema.registry.c.account)).scalars())


def add(account: str, db: Connection) -> None:
    db.execute(insert(schema.registry).values(account=account))


def epoch(db: Connection) -> int:
    return int(db.execute(select(schema.history.c.epoch)).scalar_one())


async def test_reading_a_region_that_was_never_written_sees_it_empty_and_does_not_list_it(
    catalog: WholeCatalog,
) -> None:
    assert await catalog.region(REGION).read(accounts) == []
    assert await catalog.regions() == []


async def test_after_the_end_who_still_asks_is_told_of_it(catalog: WholeCatalog) -> None:
    region, never_used = catalog.region(REGION), catalog.region(RegionName("us-east-1"))
    await region.write(lambda db: add("1", db))
    catalog.close()
    for late in (region, never_used, catalog.partition):
        with pytest.raises(CatalogClosed, match="is ending"):
            await asyncio.wait_for(late.read(lambda db: db.execute(text("SELECT 1")).scalar()), PATIENCE_SECONDS)
        with pytest.raises(CatalogClosed, match="is ending"):
            await asyncio.wait_for(late.write(lambda db: db.execute(text("SELECT 1")).scalar()), PATIENCE_SECONDS)


async def test_the_first_write_lists_the_region(catalog: WholeCatalog) -> None:
    await catalog.region(REGION).write(lambda db: add("1", db))
    assert await catalog.regions() == [REGION]
    assert await catalog.region(REGION).read(accounts) == ["1"]


async def test_a_region_begins_once_however_many_write_first(catalog: WholeCatalog) -> None:
    await asyncio.gather(*(catalog.region(REGION).write(partial(add, str(n))) for n in range(8)))
    assert await catalog.region(REGION).read(accounts) == [str(n) for n in range(8)]
    assert await catalog.region(REGION).read(epoch) > 0


async def test_a_transaction_that_raises_leaves_nothing_and_disturbs_no_other(used: WholeCatalog) -> None:
    def fails(db: Connection) -> None:
        add("lost", db)
        raise ZeroDivisionError

    region = used.region(REGION)
    await region.write(lambda db: add("first", db))
    results = await asyncio.gather(
        region.write(lambda db: add("1", db)),
        region.write(fails),
        region.write(lambda db: add("first", db)),
        region.write(lambda db: add("2", db)),
        return_exceptions=True,
    )
    assert isinstance(results[1], ZeroDivisionError)
    assert isinstance(results[2], IntegrityError)
    assert await region.read(accounts) == ["1", "2", "first"]


async def test_each_partition_write_advances_the_generation_and_records_do_not(used: WholeCatalog) -> None:
    before = await used.partition.generation()
    await used.partition.write(lambda _: None)
    await used.partition.record(lambda _: None)
    assert await used.partition.generation() == before + 1


async def test_clearing_begins_a_new_epoch(used: WholeCatalog, clock: ManualClock) -> None:
    region = used.region(REGION)
    await region.write(lambda db: add("1", db))
    first = await region.read(epoch)
    clock.advance(by=timedelta(seconds=1))
    await clearing.clear(used)
    assert await region.read(accounts) == []
    assert await region.read(epoch) > first


async def test_clearing_forgets_what_is_dated_later_than_now(used: WholeCatalog, clock: ManualClock) -> None:
    region, blob = used.region(REGION), NewBlob(Digest.of(b"layer"), Key("0" * 32), 5)

    def let_go_tomorrow(db: Connection) -> None:
        blobs.record(db, blob, clock.now())
        reviews.review_blob(db, blob.digest, clock.now() + timedelta(days=1))

    await region.write(let_go_tomorrow)
    first = await region.read(epoch)
    await clearing.clear(used)
    assert await region.read(lambda db: blobs.named(db, blob.digest)) is None
    assert await region.read(epoch) > first, "no time has passed"


@dataclass(frozen=True)
class Noting:
    """A catalog that notes the generation after each transaction of a Region."""

    catalog: WholeCatalog
    seen: list[int] = field(default_factory=list)

    @property
    def partition(self) -> PartitionDatabase:
        return self.catalog.partition

    def region(self, name: RegionName) -> Database:
        return NotingDatabase(self, self.catalog.region(name))

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self.catalog.now(db)


@dataclass(frozen=True)
class NotingDatabase:
    noting: Noting
    database: Database

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        result = await self.database.write(transaction)
        self.noting.seen.append(await self.noting.partition.generation())
        return result


async def test_clearing_ends_with_an_era_in_which_no_region_has_its_old_keys(used: WholeCatalog) -> None:
    await used.region(REGION).write(lambda db: add("1", db))
    noting = Noting(used)
    await clearing.clear(noting)
    assert era_of(await used.partition.generation()) > era_of(max(noting.seen))


async def test_only_a_reset_begins_an_era(used: WholeCatalog) -> None:
    eras = []
    for _ in range(2):
        for _ in range(3):
            await used.partition.write(lambda _: None)
        eras.append(era_of(await used.partition.generation()))
        await clearing.clear(used)
    assert eras[1] == eras[0] + 1


async def test_names_are_in_the_order_of_their_bytes(used: WholeCatalog) -> None:
    names = ["a-b", "a/b", "B", "a_b", "ab", "é"]
    for name in names:
        await used.region(REGION).write(partial(add, name))
    assert await used.region(REGION).read(accounts) == sorted(names)


async def test_a_row_is_inserted_once_and_changed_where_it_is(used: WholeCatalog) -> None:
    def twice(db: Connection) -> tuple[bool, bool]:
        row = {"account": "1", "policy": "first"}
        return statements.insert_absent(db, schema.registry, row), statements.insert_absent(db, schema.registry, row)

    region = used.region(REGION)
    assert await region.write(twice) == (True, False)
    await region.write(lambda db: statements.upsert(db, schema.registry, {"account": "1"}, {"policy": "second"}))
    assert await region.read(lambda db: db.execute(select(schema.registry.c.policy)).scalars().all()) == ["second"]


async def test_reading_makes_no_folder(tmp_path: Path) -> None:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    await catalog.region(REGION).read(accounts)
    assert not (tmp_path / "regions").exists()
    catalog.close()


async def test_a_read_of_much_sees_every_write_that_returned_and_runs_in_a_thread(used: WholeCatalog) -> None:
    region = used.region(REGION)
    await region.write(lambda db: db.execute(insert(schema.registry).values(account="111111111111")))
    found = await region.read_much(
        lambda db: (list(db.execute(select(schema.registry.c.account)).scalars()), get_ident())
    )
    assert found[0] == ["111111111111"]
    assert found[1] != get_ident()


async def test_a_transaction_that_never_ends_keeps_no_writer_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinport.catalog.engine.sqlite.ANSWER_LIMIT", timedelta(milliseconds=100))
    catalog, began, released = EmbeddedCatalog(tmp_path, ManualClock()), threading.Event(), threading.Event()

    def hangs(_: Connection) -> None:
        began.set()
        released.wait(20)

    hanging = asyncio.create_task(catalog.partition.write(hangs))
    assert await asyncio.to_thread(began.wait, 10)
    waiting = asyncio.create_task(catalog.partition.write(lambda _: None))
    with pytest.raises(OutcomeUnknown):
        await hanging
    with pytest.raises(StorageUnavailable, match="did not take the change"):
        await waiting
    released.set()
    catalog.close()


async def test_a_writer_that_dies_leaves_no_caller_waiting_and_is_reported(tmp_path: Path) -> None:
    def dies(_: Connection) -> None:
        raise SystemExit

    catalog, heard = EmbeddedCatalog(tmp_path, ManualClock()), asyncio.Event()
    catalog.breakdown.on_report(signals.setter(heard))
    doomed = [catalog.partition.write(dies), *(catalog.partition.write(lambda _: None) for _ in range(3))]
    ends = await asyncio.wait_for(asyncio.gather(*doomed, return_exceptions=True), 10)
    assert all(isinstance(end, (OutcomeUnknown, WriterDied)) for end in ends)
    with pytest.raises(WriterDied):
        await catalog.partition.write(lambda _: None)
    await asyncio.wait_for(heard.wait(), 10)
    with pytest.raises(WriterDied):
        catalog.breakdown.check()
    catalog.close()
