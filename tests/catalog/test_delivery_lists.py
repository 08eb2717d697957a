"""Lists of deliveries: by state, the newest first, in pages whose statements are bounded."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPICursor

from tests import catalogs, owing
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import delivery_lists, outbox
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import (
    Delivery,
    DeliveryState,
    FailureCode,
    Landed,
    Lane,
    ListedDelivery,
    PlannedDelivery,
)
from twinport.replication.listing import OPEN_STATES, DeliveryListing

HOME = Registry(AccountId("111111111111"), RegionName("eu-west-1"))
FAR = Registry(HOME.account, RegionName("us-east-1"))
OTHER = Registry(AccountId("222222222222"), HOME.region)
LANE = Lane(HOME, FAR)
LEASE = timedelta(seconds=60)


class Outbox:
    """The outbox of a Region, in which a test owes, claims and settles."""

    def __init__(self, catalog: WholeCatalog, clock: ManualClock) -> None:
        self.catalog, self.clock, self.sequence = catalog, clock, 0

    async def owe(self, count: int = 1, name: str = "team/api", source: Registry = HOME) -> None:
        for _ in range(count):
            self.sequence += 1
            tag, position = f"v{self.sequence}", Position(1, self.sequence)
            planned = [PlannedDelivery(FAR, RepositoryName(name), Digest.of(tag.encode()), tag)]
            await self._write(lambda db: owing.owe(db, source, planned, position, self.catalog.now(db)))  # noqa: B023 — called here

    async def fail(self, count: int) -> None:
        """Fail the oldest that wait."""
        code = FailureCode.DESTINATION_LIMIT_EXCEEDED
        claimed = await self.claim(count)

        def fail(db: Connection) -> None:
            for each in claimed:
                outbox.fail(db, each.id, "ann", self.catalog.now(db), code=code, reason="full")

        await self._write(fail)

    async def complete(self, count: int) -> None:
        claimed = await self.claim(count)

        def complete(db: Connection) -> None:
            for each in claimed:
                outbox.settle_complete(db, [(each, Landed(1, "arn"))], "ann", self.catalog.now(db))

        await self._write(complete)

    async def claim(self, count: int) -> list[Delivery]:
        return await self.catalog.region(HOME.region).write(
            lambda db: outbox.claim(db, LANE, "ann", self.catalog.now(db), lease=LEASE, limit=count)
        )

    async def postpone(self, after: timedelta) -> None:
        (each,) = await self.claim(1)
        await self._write(
            lambda db: outbox.postpone(db, each.id, "ann", self.catalog.now(db), after=after, reason="busy")
        )

    async def all_pages(self, limit: int, rows: int = 200, repository: str | None = None) -> list[list[str | None]]:
        """Return the tags of every page, until there is no next one."""
        listing, pages, after = DeliveryListing(self.catalog, rows), list[list[str | None]](), None
        while True:
            page = await listing.page(HOME, OPEN_STATES, limit, after, repository)
            pages.append([each.report.tag for each in page.deliveries])
            if (after := page.after) is None:
                return pages

    async def listed(self, *states: DeliveryState) -> list[ListedDelivery]:
        return list((await DeliveryListing(self.catalog).page(HOME, states, 100)).deliveries)

    async def _write(self, transaction: Callable[[Connection], None]) -> None:
        await self.catalog.region(HOME.region).write(transaction)


@pytest.fixture(params=catalogs.ENGINES)
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outbox]:
    clock = ManualClock()
    catalog = await catalogs.emptied(request, tmp_path, clock)
    yield Outbox(catalog, clock)
    catalog.close()


async def test_what_waits_and_what_failed_stand_in_one_order_the_newest_first(box: Outbox) -> None:
    await box.owe(3)
    await box.fail(2)
    await box.owe(1)
    assert await box.all_pages(10) == [["v4", "v3", "v2", "v1"]]


async def test_only_the_states_that_were_asked_for_are_listed(box: Outbox) -> None:
    await box.owe(3)
    await box.fail(1)
    await box.complete(1)
    found = {state: await box.listed(state) for state in DeliveryState}
    assert {state: [each.report.state for each in found[state]] for state in found} == {each: [each] for each in found}
    assert {each.report.tag for state in found for each in found[state]} == {"v1", "v2", "v3"}


async def test_pages_hold_everything_once(box: Outbox) -> None:
    await box.owe(7)
    await box.fail(3)
    assert await box.all_pages(3) == [["v7", "v6", "v5"], ["v4", "v3", "v2"], ["v1"]]


async def test_a_repository_is_found_among_many_others_by_statements_that_are_bounded(box: Outbox) -> None:
    await box.owe(1)
    await box.owe(50, name="other")
    pages = await box.all_pages(10, rows=2, repository="team/api")
    assert [tag for page in pages for tag in page] == ["v1"]
    assert len(pages) > 1


async def test_other_accounts_are_not_listed(box: Outbox) -> None:
    await box.owe(1, source=OTHER)
    assert await box.all_pages(10) == [[]]
    assert await DeliveryListing(box.catalog).registries(HOME.region) == [OTHER]


async def test_what_waits_says_when_it_is_tried_next(box: Outbox) -> None:
    await box.owe(1)
    await box.postpone(timedelta(minutes=5))
    [each] = await box.listed(DeliveryState.WAITING)
    assert (each.is_under_way, each.report.attempts, each.report.reason) == (False, 1, "busy")
    assert each.next_try_at is not None
    assert each.next_try_at - each.report.created_at >= timedelta(minutes=5)


async def test_what_is_under_way_or_settled_has_no_next_try(box: Outbox) -> None:
    await box.owe(2)
    await box.fail(1)
    await box.claim(1)
    [under_way], [failed] = [await box.listed(state) for state in OPEN_STATES]
    assert (under_way.is_under_way, under_way.next_try_at) == (True, None)
    assert (failed.is_under_way, failed.next_try_at) == (False, None)


async def test_a_page_of_a_long_history_is_read_from_the_index(tmp_path: Path) -> None:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    plans: list[str] = []

    def look(db: Connection) -> None:
        def before(_c: object, cursor: DBAPICursor, statement: str, values: tuple[object, ...], *_: object) -> None:
            if "FROM delivery" in statement and not statement.startswith("EXPLAIN"):
                plans.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values))

        event.listen(db, "before_cursor_execute", before)
        listing_of(db, catalog)

    await catalog.region(HOME.region).read(look)
    catalog.close()
    assert plans
    assert all("delivery_by_state" in plan and "SCAN" not in plan for plan in plans)
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


def listing_of(db: Connection, catalog: WholeCatalog) -> None:
    delivery_lists.listed(db, HOME, tuple(DeliveryState), (1, 1, 0, "x"), catalog.now(db), 10)
