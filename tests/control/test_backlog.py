"""What the database alone knows: bounded series, lanes alone, at most every ten seconds."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, event

from tests.catalogs import ENGINES, emptied
from tests.fakes import OTHER_REGION, REGION
from tests.scraping import Scraped
from twinport.catalog.ports import Database, PartitionDatabase, WholeCatalog
from twinport.catalog.regional import schema
from twinport.clock import ManualClock
from twinport.control.backlog import KEPT_FOR, MOST_ACCOUNTS, BacklogReader
from twinport.metrics import exposition
from twinport.model.names import RegionName
from twinport.refusals.storage import StorageUnavailable

T = TypeVar("T")
ACCOUNTS = 10_000
UNSERVED = "me-central-1"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, clock)
    yield catalog
    catalog.close()


@dataclass
class Ticks:
    """A monotonic clock that stands until it is told."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def reader(catalog: WholeCatalog, clock: ManualClock, ticks: Callable[[], float] | None = None) -> BacklogReader:
    return BacklogReader(catalog, clock, {REGION, OTHER_REGION}, ticks or Ticks())


async def scraped(reader: BacklogReader) -> Scraped:
    return Scraped(exposition.render([], await reader.snapshot()).decode())


def lanes(clock: ManualClock) -> list[dict[str, object]]:
    """Lanes of ten thousand accounts: account number N owes N deliveries, for N seconds, to two destinations."""
    return [
        {
            "source_account": f"{number:012}",
            "destination_region": region,
            "destination_account": f"{number:012}",
            "waiting": number,
            "oldest": clock.now() - timedelta(seconds=number),
        }
        for number in range(1, ACCOUNTS + 1)
        for region in (OTHER_REGION, UNSERVED)
    ]


async def test_ten_thousand_accounts_are_a_hundred_series_and_one_and_none_is_forgotten(
    catalog: WholeCatalog, clock: ManualClock
) -> None:
    rows = lanes(clock)
    await catalog.region(REGION).write(lambda db: db.execute(schema.lane.insert(), rows))
    found = await scraped(reader(catalog, clock))
    labels = found.values("account")
    total = ACCOUNTS * (ACCOUNTS + 1)
    assert (len(labels), max(labels - {"other"})) == (MOST_ACCOUNTS + 1, f"{ACCOUNTS:012}")
    assert found.number("twinport_account_deliveries_waiting") == total
    assert found.number("twinport_account_deliveries_oldest_seconds", account=f"{ACCOUNTS:012}") == ACCOUNTS


async def test_a_region_that_is_not_served_is_no_label(catalog: WholeCatalog, clock: ManualClock) -> None:
    rows = lanes(clock)[:4]
    await catalog.region(REGION).write(lambda db: db.execute(schema.lane.insert(), rows))
    found = await scraped(reader(catalog, clock))
    assert found.values("destination") == {OTHER_REGION, "other"}
    assert found.number("twinport_deliveries_waiting", destination="other") == 3
    assert found.number("twinport_deliveries_oldest_seconds", destination=OTHER_REGION) == 2


async def test_what_is_owed_in_several_regions_is_added_up(catalog: WholeCatalog, clock: ManualClock) -> None:
    rows = lanes(clock)[-2:]
    for region in (REGION, OTHER_REGION):
        await catalog.region(region).write(lambda db: db.execute(schema.lane.insert(), rows))
    found = await scraped(reader(catalog, clock))
    assert found.number("twinport_account_deliveries_waiting", account=f"{ACCOUNTS:012}") == 4 * ACCOUNTS


async def test_figures_are_read_again_after_ten_seconds_and_not_before(
    catalog: WholeCatalog, clock: ManualClock
) -> None:
    ticks = Ticks()
    figures = reader(catalog, clock, ticks)
    first = await figures.snapshot()
    await catalog.region(REGION).write(lambda db: db.execute(schema.lane.insert(), lanes(clock)[:1]))
    ticks.now = KEPT_FOR.total_seconds() - 0.1
    assert await figures.snapshot() == first
    ticks.now = KEPT_FOR.total_seconds()
    assert await figures.snapshot() != first


async def test_a_scrape_makes_six_statements_of_a_region_and_none_of_them_reads_deliveries_or_manifests(
    catalog: WholeCatalog, clock: ManualClock
) -> None:
    await catalog.region(REGION).write(lambda db: db.execute(schema.lane.insert(), lanes(clock)[:100]))
    watched = Watched(catalog)
    await BacklogReader(watched, clock, {REGION}, Ticks()).snapshot()
    asked = [statement for statement in watched.statements if "lane" in statement]
    assert (len(asked), len(watched.statements)) == (2, 6)
    assert [each for each in watched.statements if "delivery" in each or "manifest" in each] == []


async def test_a_database_that_refuses_is_said_and_nothing_is_made_up(
    catalog: WholeCatalog, clock: ManualClock
) -> None:
    await catalog.region(REGION).write(lambda db: db.execute(schema.lane.insert(), lanes(clock)[:1]))
    found = await scraped(BacklogReader(Watched(catalog, is_away=True), clock, {REGION}, Ticks()))
    assert found.number("twinport_backlog_readable") == 0
    assert found.values("destination") == set()


@dataclass
class Watched:
    """A catalog that writes down what its Regions are asked; one that is away refuses to answer."""

    catalog: WholeCatalog
    is_away: bool = False
    statements: list[str] = field(default_factory=list)

    @property
    def partition(self) -> PartitionDatabase:
        return self.catalog.partition

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self.catalog.now(db)

    def region(self, name: RegionName) -> Database:
        return WatchedDatabase(self.catalog.region(name), self)


@dataclass
class WatchedDatabase:
    database: Database
    watched: Watched

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        return await self.database.write(transaction)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        if self.watched.is_away:
            raise StorageUnavailable("the database is away")

        def watching(db: Connection) -> T:
            event.listen(db, "before_cursor_execute", note)
            try:
                return query(db)
            finally:
                event.remove(db, "before_cursor_execute", note)

        def note(_db: object, _cursor: object, statement: str, *_: object) -> None:
            self.watched.statements.append(statement)

        return await self.database.read_much(watching)
