"""What PostgreSQL adds to the contract of a catalog: other processes, lost connections, deadlocks, its own refusals."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, insert, select, text, update

from tests.postgres import PostgresServer
from twinport.catalog import regional_schema as schema
from twinport.catalog.postgres import _MAKING, PostgresCatalog
from twinport.clock import ManualClock
from twinport.errors import BadRequest
from twinport.model.names import RegionName
from twinport.refusals.storage import StorageUnavailable

REGION = RegionName("eu-west-1")


@pytest.fixture
def catalog(postgres_address: str) -> Iterator[PostgresCatalog]:
    catalog = PostgresCatalog(postgres_address, ManualClock())
    yield catalog
    catalog.close()


def add(account: str, db: Connection) -> None:
    db.execute(insert(schema.registry).values(account=account))


def accounts(db: Connection) -> list[str]:
    return list(db.execute(select(schema.registry.c.account).order_by(schema.registry.c.account)).scalars())


async def test_reading_creates_no_database(
    catalog: PostgresCatalog, postgres: PostgresServer, postgres_address: str
) -> None:
    base = postgres_address.rpartition("?")[0].rpartition("/")[2]
    assert await catalog.region(REGION).read(accounts) == []
    assert postgres.databases(base) == [base]
    await catalog.region(REGION).write(partial(add, "1"))
    assert postgres.databases(base) == [base, f"{base}_eu-west-1"]


async def test_two_processes_begin_a_region_together(catalog: PostgresCatalog, postgres_address: str) -> None:
    other = PostgresCatalog(postgres_address, ManualClock())
    await asyncio.gather(catalog.region(REGION).write(partial(add, "1")), other.region(REGION).write(partial(add, "2")))
    assert await catalog.region(REGION).read(accounts) == await other.region(REGION).read(accounts) == ["1", "2"]
    other.close()


async def test_a_reader_finds_the_region_that_another_process_began(
    catalog: PostgresCatalog, postgres_address: str
) -> None:
    other = PostgresCatalog(postgres_address, ManualClock())
    assert await other.region(REGION).read(accounts) == []
    await catalog.region(REGION).write(partial(add, "1"))
    assert await other.region(REGION).read(accounts) == ["1"]
    other.close()


async def test_who_finds_everything_made_waits_for_nobody_who_makes_it(
    catalog: PostgresCatalog, postgres_address: str
) -> None:
    await catalog.region(REGION).write(partial(add, "1"))
    with psycopg.connect(postgres_address) as making:
        making.execute(f"SELECT pg_advisory_xact_lock({_MAKING})".encode())
        other = PostgresCatalog(postgres_address, ManualClock())
        assert await other.region(REGION).read(accounts) == ["1"]
        other.close()


async def test_transactions_that_deadlock_are_done_one_after_the_other(catalog: PostgresCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(partial(add, "1"))
    await region.write(partial(add, "2"))

    def crossing(db: Connection, *, first: str, then: str) -> None:
        for account in (first, then):
            row = update(schema.registry).where(schema.registry.c.account == account)
            db.execute(row.values(sequence=schema.registry.c.sequence + 1))
            db.execute(text("SELECT pg_sleep(0.1)"))

    await asyncio.gather(
        region.write(partial(crossing, first="1", then="2")), region.write(partial(crossing, first="2", then="1"))
    )
    assert await region.read(lambda db: db.execute(select(schema.registry.c.sequence)).scalars().all()) == [2, 2]


async def test_connections_that_were_cut_are_made_anew(catalog: PostgresCatalog, postgres: PostgresServer) -> None:
    region = catalog.region(REGION)
    await region.write(partial(add, "1"))
    postgres.run(sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    await region.write(partial(add, "2"))
    assert await region.read(accounts) == ["1", "2"]


async def test_a_character_that_cannot_be_stored_is_the_callers_mistake(catalog: PostgresCatalog) -> None:
    with pytest.raises(BadRequest):
        await catalog.region(REGION).write(partial(add, "a\0b"))


def test_a_server_that_is_not_there_is_unavailable_and_the_password_stays_unsaid() -> None:
    with pytest.raises(StorageUnavailable) as refused:
        PostgresCatalog("postgresql://ann:marked-secret@127.0.0.1:1/twinport", ManualClock())
    assert "refused" in refused.value.message
    assert "marked-secret" not in refused.value.message


def test_who_keeps_everything_in_files_loads_nothing_of_postgresql() -> None:
    mine = "any(word in name for word in ('psycopg', 'postgres', 'alembic'))"
    code = f"import sys, twinport.app; print([name for name in sys.modules if {mine}])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"})
    assert done.stdout.strip() == "[]"


async def test_only_waiting_deliveries_are_indexed_by_time(catalog: PostgresCatalog) -> None:
    query = text("SELECT indexdef FROM pg_indexes WHERE indexname = 'delivery_waiting'")
    await catalog.region(REGION).write(partial(add, "1"))
    assert "WHERE (state = 'waiting'" in await catalog.region(REGION).read(lambda db: db.execute(query).scalar_one())
