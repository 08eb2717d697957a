"""No transaction's size grows with the data: what is counted is rows, never time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from tests.catalogs import ENGINES, opened
from tests.counted import CountedCatalog
from tests.fakes import ACCOUNT, NOW, REGION, REGISTRY
from tests.filled import fill
from twinport.catalog import chores, clearing, console_sessions, partition_schema, registries, repositories
from twinport.catalog import regional_schema as schema
from twinport.catalog.console_sessions import ConsoleSession
from twinport.catalog.embedded import WholeCatalog
from twinport.clock import ManualClock
from twinport.model.images import NewRepository
from twinport.model.names import RepositoryName
from twinport.replication.post_office import PostOffice

MANY, AT_ONCE = 1000, 50
API = RepositoryName("team/api")
KEPT = (partition_schema.generation, partition_schema.site_key, partition_schema.region, schema.history)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = opened(request, tmp_path, ManualClock())
    yield catalog
    catalog.close()


def owe(db: Connection, many: int) -> None:
    """Owe many copies."""
    place = {"source_account": ACCOUNT, "destination_region": "us-east-1", "destination_account": ACCOUNT}
    facts = {"repository": API, "digest": "sha256:0", "epoch": 1, "sequence": 1, "state": "waiting"}
    times = {"created_at": NOW, "due_at": NOW}
    db.execute(schema.delivery.insert(), [{"id": f"d{each}", **place, **facts, **times} for each in range(many)])
    db.execute(schema.lane.insert(), [{**place, "due_at": NOW}])


def offer(db: Connection, name: str, many: int) -> None:
    """Hold many blobs for one offer, whose time is over."""
    source = {"account": ACCOUNT, "source_region": "us-east-1", "source_account": ACCOUNT}
    db.execute(schema.offer.insert(), [{"id": name, **source, "expires_at": NOW.replace(year=2000)}])
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
    region, others = catalog.region(REGION), [RepositoryName(f"team/{each}") for each in range(AT_ONCE * 2)]
    await region.write(lambda db: chores.identity(db, "known to the store as this", NOW))
    await region.write(lambda db: chores.go_on(db, "some round", "half way", NOW))
    for name in (API, *others):
        await region.write(lambda db, name=name: repositories.insert(db, REGISTRY, name, NewRepository(), NOW))  # type: ignore[misc]
    await region.write(lambda db: fill(db, API, MANY))
    await region.write(lambda db: owe(db, MANY))
    await region.write(lambda db: offer(db, "o", MANY))
    await catalog.partition.write(lambda db: sign_in(db, MANY))
    before = await region.read(registries.epoch)

    counted = CountedCatalog(catalog)
    await clearing.clear(counted, NOW + timedelta(1), AT_ONCE)

    # A blob goes with the note of its review and leaves one for the sweep; and each write advances the generation.
    assert max(counted.counts) <= 3 * AT_ONCE + 1
    assert await catalog.partition.read(counts) == {}
    # The bytes of blobs, of the parts of an upload, and of the offer.
    assert await region.read(counts) == {"discarded_key": 3 * MANY, "chore": 1}
    assert await region.read(chores.known_identity) == "known to the store as this"
    assert (await region.read(registries.epoch) or 0) > (before or 0)


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
