"""Pages of the history of deliveries, and what they cost: what one page reads, however long the history is."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Connection

from tests import owing
from tests.catalogs import ENGINES, emptied
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT, OTHER_REGION, REGION, REGISTRY
from tests.reading import plans, settle_statistics, work
from twinport.catalog.engine import statements
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import delivery_lists, delivery_reports, forgetting, outbox, schema
from twinport.catalog.regional.delivery_lists import Place
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.images import Position
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import DeliveryReport, DeliveryState, Lane, PlannedDelivery, ReplicationConfiguration
from twinport.refusals.requests import DeliveryUnknown
from twinport.replication.status import DeliveryStatus

FAR, PARTNER = Registry(ACCOUNT, OTHER_REGION), Registry(OTHER_ACCOUNT, REGION)
NAME, IMAGE = RepositoryName("team/api"), Digest.of(b"image")
SHORT, LONG = 300, 6_000
NO_RULES = ReplicationConfiguration()
Query = Callable[[Connection], object]


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock())
    yield catalog
    catalog.close()


def owe(db: Connection, sequence: int, *destinations: Registry, tag: str | None = "1.4") -> None:
    planned = [PlannedDelivery(each, NAME, IMAGE, tag) for each in destinations]
    owing.owe(db, REGISTRY, planned, Position(1, sequence), NOW)


def carry(db: Connection, first: int, last: int) -> None:
    """Make a history: the same image was carried again and again to two places, mostly under another tag."""
    for place in (FAR, PARTNER):
        names = {"destination_region": place.region, "destination_account": place.account}
        statements.insert_absent(db, schema.lane, {"source_account": ACCOUNT, **names})
        db.execute(schema.delivery.insert(), [_carried(number, place) for number in range(first, last)])


def _carried(number: int, place: Registry) -> dict[str, object]:
    whereto = {"destination_region": place.region, "destination_account": place.account}
    facts = {"repository": NAME, "digest": str(IMAGE), "tag": f"t{number % 50}", "epoch": 1, "sequence": number}
    times = {"created_at": NOW, "due_at": NOW, "settled_at": NOW}
    own = {"id": f"{place.region}-{number}", "source_account": ACCOUNT, "state": "complete"}
    return {**own, **whereto, **facts, **times}


def spread(db: Connection) -> None:
    """Let as many deliveries wait and have failed as are complete."""
    delivery = schema.delivery
    for remainder, state in enumerate((DeliveryState.WAITING, DeliveryState.FAILED)):
        settled_at = None if state is DeliveryState.WAITING else NOW
        some = delivery.update().where(delivery.c.sequence % 3 == remainder)
        db.execute(some.values(state=state.value, settled_at=settled_at))


async def test_walking_the_pages_meets_every_delivery_once_the_newest_first(catalog: WholeCatalog) -> None:
    def owe_some(db: Connection) -> None:
        for sequence in range(1, 6):
            owe(db, sequence, FAR, PARTNER)

    await catalog.region(REGION).write(owe_some)
    met = await walk(DeliveryStatus(catalog), limit=3)
    assert [each.position.sequence for each in met] == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert len({each.id for each in met}) == len(met)


async def test_a_delivery_that_comes_meanwhile_is_on_no_later_page(catalog: WholeCatalog) -> None:
    status, region = DeliveryStatus(catalog), catalog.region(REGION)

    def owe_two(db: Connection) -> None:
        owe(db, 1, FAR)
        owe(db, 2, FAR)

    await region.write(owe_two)
    first = await status.page(REGISTRY, 1, None)
    await region.write(lambda db: owe(db, 3, FAR))
    following = await status.page(REGISTRY, 1, first.next)
    assert ([each.position.sequence for each in following.reports], following.next) == ([1], None)


async def test_a_page_begins_after_no_delivery_of_another_registry(catalog: WholeCatalog) -> None:
    foreign = Registry(OTHER_ACCOUNT, REGION)
    await catalog.region(REGION).write(lambda db: owe(db, 1, FAR))
    [own] = (await DeliveryStatus(catalog).page(REGISTRY, 1, None)).reports
    for before in (own.id, str(UUID(int=0))):
        with pytest.raises(DeliveryUnknown):
            await DeliveryStatus(catalog).page(foreign, 1, before)


async def test_the_status_of_an_image_is_its_newest_delivery_to_each_destination(catalog: WholeCatalog) -> None:
    def owe_some(db: Connection) -> list[DeliveryReport]:
        owe(db, 1, FAR, PARTNER)
        owe(db, 2, FAR, tag="2")
        return delivery_reports.statuses(db, ACCOUNT, NAME, IMAGE)

    found = await catalog.region(REGION).write(owe_some)
    assert [(each.destination, each.position.sequence) for each in found] == [(PARTNER, 1), (FAR, 2)]


async def test_the_status_under_a_tag_is_that_of_no_other_tag(catalog: WholeCatalog) -> None:
    def owe_some(db: Connection) -> list[DeliveryReport]:
        owe(db, 1, FAR, PARTNER)
        owe(db, 2, FAR, tag="2")
        return delivery_reports.statuses(db, ACCOUNT, NAME, IMAGE, "1.4")

    found = await catalog.region(REGION).write(owe_some)
    assert [(each.destination, each.position.sequence) for each in found] == [(PARTNER, 1), (FAR, 1)]


def listed(db: Connection, after: Place | None) -> object:
    return delivery_lists.listed(db, REGISTRY, tuple(DeliveryState), after, NOW, 10)


READS: dict[str, Query] = {
    "the first page": lambda db: listed(db, None),
    "a page in the middle": lambda db: listed(db, delivery_lists.place_behind(db, ACCOUNT, f"{OTHER_REGION}-100")),
    "the status of an image": lambda db: delivery_reports.statuses(db, ACCOUNT, NAME, IMAGE),
    "the status of an image under a rare tag": lambda db: delivery_reports.statuses(db, ACCOUNT, NAME, IMAGE, "t7"),
    "the status under a tag that was never carried": lambda db: delivery_reports.statuses(
        db, ACCOUNT, NAME, IMAGE, "x"
    ),
    "how many wait": lambda db: delivery_reports.unsettled(db, ACCOUNT),
    "what removed rules cancel": lambda db: outbox.cancel_removed(db, ACCOUNT, NO_RULES, NOW, place="", limit=10),
    "what failed": lambda db: outbox.failed(db, ACCOUNT, [PlannedDelivery(FAR, NAME, IMAGE, "t7")]),
    "what failed without a tag": lambda db: outbox.failed(db, ACCOUNT, [PlannedDelivery(FAR, NAME, IMAGE, None)]),
    "what may be tried": lambda db: forgetting.oldest_open(db, Lane(REGISTRY, FAR)),
}


async def test_what_is_read_does_not_grow_with_the_history(catalog: WholeCatalog) -> None:
    def measure(db: Connection) -> dict[str, int]:
        settle_statistics(db)
        return {name: work(db, read) for name, read in READS.items()}

    region = catalog.region(REGION)
    await region.write(lambda db: carry(db, 0, SHORT))
    short = await region.write(measure)
    await region.write(lambda db: carry(db, SHORT, LONG))
    long = await region.write(measure)
    assert [name for name in READS if long[name] > short[name] * 1.2] == []


async def test_a_page_is_read_from_the_index_of_lists(catalog: WholeCatalog) -> None:
    def explain(db: Connection) -> str:
        carry(db, 0, SHORT)
        # Of a state that has no delivery PostgreSQL may sort the nothing that it finds.
        spread(db)
        settle_statistics(db)
        return plans(db, READS["a page in the middle"])

    plan = await catalog.region(REGION).write(explain)
    assert "delivery_by_state" in plan
    assert "TEMP B-TREE" not in plan
    assert '"Sort"' not in plan, "the index gives the order too"


async def walk(status: DeliveryStatus, limit: int) -> list[DeliveryReport]:
    met: list[DeliveryReport] = []
    page = await status.page(REGISTRY, limit, None)
    while page.next is not None:
        assert len(page.reports) == limit
        met += page.reports
        page = await status.page(REGISTRY, limit, page.next)
    return [*met, *page.reports]
