"""No transaction's size grows with the data: what is counted is rows, never time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select

from tests.breaking import Breaking
from tests.catalogs import ENGINES, emptied
from tests.counted import CountedCatalog
from tests.fakes import ACCOUNT, NOW, OTHER_REGION, REGION, REGISTRY, AllowAll, caller
from tests.filled import fill
from tests.no_roles import NoRoles
from twinport.catalog import clearing
from twinport.catalog.deletions import usage_and_fence
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import console_sessions
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.partition.console_sessions import ConsoleSession
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import cancellations, chores, delivery_reports, outbox, registries, repositories, schema
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.deletions import MOST_COUNTED, DeletionTask, Fenced, InUse
from twinport.model.images import NewRepository
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import FailureCode, ReplicationConfiguration, ReplicationRule
from twinport.refusals.storage import StorageUnavailable
from twinport.registry.replication import Replication
from twinport.replication.destination import MOST_IMAGES
from twinport.replication.post_office import PostOffice
from twinport.replication.status import DeliveryStatus

pytestmark = pytest.mark.large

MANY, AT_ONCE = 400, 50
FAR, NO_RULES = Registry(ACCOUNT, OTHER_REGION), ReplicationConfiguration()
API, LONG_AGO = RepositoryName("team/api"), NOW.replace(year=2000)
LAST = schema.delivery.c.id == f"d{MANY - 1}"
KEPT = (partition_schema.generation, partition_schema.site_key, partition_schema.region, schema.history)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock())
    yield catalog
    catalog.close()


def owe(db: Connection, many: int) -> None:
    """Owe many copies."""
    place = {"source_account": ACCOUNT, "destination_region": "us-east-1", "destination_account": ACCOUNT}
    facts = {"repository": API, "digest": str(Digest.of(b"")), "epoch": 1, "sequence": 1, "state": "waiting"}
    times = {"created_at": LONG_AGO, "due_at": LONG_AGO}
    db.execute(schema.delivery.insert(), [{"id": f"d{each}", **place, **facts, **times} for each in range(many)])
    db.execute(schema.lane.insert(), [{**place, "due_at": LONG_AGO}])


def offer(db: Connection, name: str, many: int) -> None:
    """Hold many blobs for one offer, whose time is over."""
    source = {"account": ACCOUNT, "source_region": "us-east-1", "source_account": ACCOUNT}
    db.execute(schema.offer.insert(), [{"id": name, **source, "expires_at": LONG_AGO}])
    blobs = [{"offer_id": name, "digest": str(each), "key": f"{name} {each}", "size": 1} for each in range(many)]
    db.execute(schema.offer_blob.insert(), blobs)


def sign_in(db: Connection, many: int) -> None:
    """Make many users, and as many sessions of the console that have expired."""
    facts = {"account": ACCOUNT, "path": "/", "created_at": NOW}
    users = [{"unique_id": f"u{each}", "name": f"u{each}", "name_key": f"u{each}", **facts} for each in range(many)]
    db.execute(partition_schema.user.insert(), users)
    times = {"created_at": NOW, "expires_at": NOW}
    sessions = [{"token_hash": f"t{each}", "principal_id": f"u{each}", **times} for each in range(many)]
    db.execute(partition_schema.console_session.insert(), sessions)


def counts(db: Connection) -> dict[str, int]:
    """Count the rows of each table that has some."""
    metadata = schema.regional if db.dialect.has_table(db, "blob") else partition_schema.partition
    tables = [table for table in metadata.sorted_tables if table not in KEPT]
    found = {table.name: db.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}
    return {name: count for name, count in found.items() if count}


async def test_a_reset_takes_everything_and_no_transaction_more_rows_than_its_bound(catalog: WholeCatalog) -> None:
    region, names = catalog.region(REGION), [API, *(RepositoryName(f"team/{each}") for each in range(AT_ONCE * 2))]
    await region.write(lambda db: chores.identity(db, "known to the store as this", NOW))
    await region.write(lambda db: chores.go_on(db, "some round", "half way", NOW))
    await region.write(
        lambda db: [repositories.insert(db, REGISTRY.repository(name), NewRepository(), NOW) for name in names]
    )
    await region.write(lambda db: fill(db, API, MANY))
    await region.write(lambda db: owe(db, MANY))
    await region.write(lambda db: offer(db, "o", MANY))
    await catalog.partition.write(lambda db: sign_in(db, MANY))
    before = await region.read(registries.epoch)

    counted = CountedCatalog(catalog)
    await clearing.clear(counted, AT_ONCE)

    # A blob goes with the note of its review and leaves one for the sweep; and each write advances the generation.
    assert max(counted.counts) <= 3 * AT_ONCE + 1
    assert await catalog.partition.read(counts) == {}
    # The bytes of blobs, of the parts of an upload, and of the offer.
    assert await region.read(counts) == {"discarded_key": 3 * MANY, "chore": 1}
    assert await region.read(chores.known_identity) == "known to the store as this"
    assert (await region.read(registries.epoch) or 0) > (before or 0)


async def test_a_reset_that_breaks_off_is_ended_by_the_next_one(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(lambda db: repositories.insert(db, REGISTRY.repository(API), NewRepository(), NOW))
    await region.write(lambda db: fill(db, API, AT_ONCE))
    await catalog.partition.write(lambda db: sign_in(db, AT_ONCE))
    for writes in count(1):
        try:
            await clearing.clear(Breaking(catalog, writes), 10)
        except StorageUnavailable:
            continue
        break
    assert writes > 10, "it broke off often"
    assert await catalog.partition.read(counts) == {}
    assert await region.read(counts) == {"discarded_key": 2 * AT_ONCE}


async def test_offers_that_expire_go_in_small_transactions(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    for name in ("a", "b", "c"):
        await region.write(lambda db, name=name: offer(db, name, MANY))  # type: ignore[misc]
    counted = CountedCatalog(catalog)
    await PostOffice(counted, rows_at_once=AT_ONCE).sweep_offers()
    assert max(counted.counts) <= 2 * AT_ONCE
    assert await region.read(counts) == {"discarded_key": 3 * MANY}


async def test_a_new_session_forgets_some_of_those_that_expired(catalog: WholeCatalog) -> None:
    await catalog.partition.write(lambda db: sign_in(db, MANY))
    counted = CountedCatalog(catalog)
    later = NOW + timedelta(1)
    for each in range(3):
        session = ConsoleSession(f"new {each}", "u1", None, later, later + timedelta(1))
        await counted.partition.write(lambda db, session=session: console_sessions.add(db, session))  # type: ignore[misc]
    assert max(counted.counts) < AT_ONCE
    assert (await catalog.partition.read(counts))["console_session"] < MANY


async def test_deliveries_of_rules_that_are_removed_are_canceled_in_small_transactions(catalog: WholeCatalog) -> None:
    await catalog.region(REGION).write(lambda db: owe(db, MANY))
    counted = CountedCatalog(catalog)
    await Replication(AllowAll(), counted, NoRoles(), [REGION], AT_ONCE).put(caller(), REGISTRY, NO_RULES)
    # Beside the deliveries: their lane, the registry, and the note that there are more.
    assert max(counted.counts) <= AT_ONCE + 4
    assert await catalog.region(REGION).read(lambda db: delivery_reports.unsettled(db, ACCOUNT)) == 0
    reports = (await DeliveryStatus(catalog).page(REGISTRY, MANY, None)).reports
    assert {each.failure_code for each in reports} == {FailureCode.REPLICATION_CONFIGURATION_REMOVED}


async def test_each_waiting_delivery_is_looked_at_once_after_a_change_of_the_rules(catalog: WholeCatalog) -> None:
    region, rules = catalog.region(REGION), ReplicationConfiguration((ReplicationRule((FAR,), ("team/",)),))
    await region.write(lambda db: owe(db, MANY))
    await region.write(lambda db: db.execute(schema.delivery.update().where(LAST).values(repository="other/api")))
    await region.write(lambda db: registries.set_replication(db, ACCOUNT, rules, "AROA"))
    await region.write(lambda db: cancellations.begin(db, ACCOUNT, NOW))
    looks = 1
    while await region.write(lambda db: cancellations.go_on(db, ACCOUNT, NOW, AT_ONCE)):
        looks += 1
    assert looks == MANY / AT_ONCE + 1, "the last one finds nothing"
    assert await region.read(lambda db: delivery_reports.unsettled(db, ACCOUNT)) == MANY - 1


async def test_waiting_deliveries_are_read_in_the_order_of_their_index(tmp_path: Path) -> None:
    """Each look then costs the same, however many wait."""
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    statements: list[tuple[str, Any]] = []

    def plans(db: Connection) -> list[str]:
        owe(db, 2)
        following = outbox.cancel_removed(db, ACCOUNT, NO_RULES, NOW, 1).place
        note = lambda _c, _cursor, text, values, *_: statements.append((text, values))  # noqa: E731
        event.listen(db, "before_cursor_execute", note)
        outbox.cancel_removed(db, ACCOUNT, NO_RULES, NOW, 1, following)
        event.remove(db, "before_cursor_execute", note)
        text, values = statements[0]
        return [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]

    try:
        [plan] = await catalog.region(REGION).write(plans)
    finally:
        catalog.close()
    assert "USING INDEX delivery_waiting (source_account=? AND (destination_region" in plan


async def test_rules_that_are_replaced_again_restart_the_round(catalog: WholeCatalog) -> None:
    region, rules = catalog.region(REGION), ReplicationConfiguration((ReplicationRule((FAR,)),))
    await region.write(lambda db: owe(db, AT_ONCE * 2))
    await region.write(lambda db: registries.set_replication(db, ACCOUNT, rules, "AROA"))
    await region.write(lambda db: cancellations.begin(db, ACCOUNT, NOW))
    assert await region.write(lambda db: cancellations.go_on(db, ACCOUNT, NOW, AT_ONCE))
    await Replication(AllowAll(), catalog, NoRoles(), [REGION], AT_ONCE).put(caller(), REGISTRY, NO_RULES)
    assert await region.read(lambda db: delivery_reports.unsettled(db, ACCOUNT)) == 0


async def test_no_more_deliveries_are_counted_than_are_told_apart(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(lambda db: owe(db, MOST_COUNTED + 1))
    assert await region.read(lambda db: delivery_reports.unsettled(db, ACCOUNT)) == MOST_COUNTED


async def test_the_role_is_in_use_until_the_last_delivery_is_canceled(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(lambda db: owe(db, MANY))
    task = DeletionTask("t", ACCOUNT, "AROA", "name", NOW, NOW)
    await region.write(lambda db: cancellations.begin(db, ACCOUNT, NOW))
    assert await region.write(lambda db: cancellations.go_on(db, ACCOUNT, NOW, AT_ONCE))
    # Here the process dies that replaced the rules.
    in_use = InUse(configured=False, deliveries=MANY - AT_ONCE)
    assert await region.write(lambda db: usage_and_fence(db, task)) == in_use
    await PostOffice(catalog, rows_at_once=AT_ONCE).cancel_removed()
    assert await region.write(lambda db: usage_and_fence(db, task)) == Fenced()
    assert await region.read(cancellations.accounts) == []


async def test_what_is_still_to_be_canceled_is_not_carried(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(lambda db: owe(db, MANY))
    await region.write(lambda db: cancellations.begin(db, ACCOUNT, NOW))
    counted = CountedCatalog(catalog)
    claimed = [await PostOffice(counted).claim("ann") for _ in range(3)]
    assert claimed == [None, None, None]
    assert max(counted.counts) <= MOST_IMAGES + 1, "a claim has a bound of its own; and there is the lane"
    left = await region.read(lambda db: delivery_reports.unsettled(db, ACCOUNT))
    assert 0 < left < MANY


async def test_what_the_new_rules_ask_for_too_is_carried_meanwhile(catalog: WholeCatalog) -> None:
    region, rules = catalog.region(REGION), ReplicationConfiguration((ReplicationRule((FAR,)),))
    await region.write(lambda db: owe(db, 1))
    await region.write(lambda db: registries.set_replication(db, ACCOUNT, rules, "AROA"))
    await region.write(lambda db: cancellations.begin(db, ACCOUNT, NOW))
    batch = await PostOffice(catalog).claim("ann")
    assert batch is not None
    assert batch.ids == ["d0"]
