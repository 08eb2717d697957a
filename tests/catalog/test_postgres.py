"""What PostgreSQL adds to the contract of a catalog: other processes, lost connections, deadlocks, its own refusals."""

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, insert, select, text, update

from tests.postgres import KeptDatabases, PostgresServer
from twinport.catalog.engine import waits
from twinport.catalog.engine.postgres import MAKING
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import schema
from twinport.clock import ManualClock
from twinport.errors import BadRequest
from twinport.model.names import RegionName
from twinport.refusals.storage import OutcomeUnknown, StorageUnavailable

REGION = RegionName("eu-west-1")


@pytest.fixture
def catalog(postgres_address: str) -> Iterator[PostgresCatalog]:
    catalog = PostgresCatalog(postgres_address, ManualClock())
    yield catalog
    catalog.close()


@pytest.fixture
def used(postgres_kept: KeptDatabases) -> Iterator[PostgresCatalog]:
    """A catalog in databases that other tests have used, for what does not tell of its beginning."""
    clock = ManualClock()
    postgres_kept.empty(clock.now())
    catalog = PostgresCatalog(postgres_kept.address, clock)
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


async def test_a_process_that_finds_everything_made_does_not_wait_for_one_that_makes_it(
    catalog: PostgresCatalog, postgres_address: str
) -> None:
    await catalog.region(REGION).write(partial(add, "1"))
    with psycopg.connect(postgres_address) as making:
        making.execute(f"SELECT pg_advisory_xact_lock({MAKING})".encode())
        other = PostgresCatalog(postgres_address, ManualClock())
        assert await other.region(REGION).read(accounts) == ["1"]
        other.close()


async def test_transactions_that_deadlock_are_done_one_after_the_other(used: PostgresCatalog) -> None:
    region = used.region(REGION)
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


async def test_connections_that_were_cut_are_replaced(used: PostgresCatalog, postgres: PostgresServer) -> None:
    region = used.region(REGION)
    await region.write(partial(add, "1"))
    postgres.run(sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    await region.write(partial(add, "2"))
    assert await region.read(accounts) == ["1", "2"]


async def test_a_character_that_cannot_be_stored_is_the_callers_mistake(used: PostgresCatalog) -> None:
    with pytest.raises(BadRequest):
        await used.region(REGION).write(partial(add, "a\0b"))


def test_a_server_that_is_not_there_is_unavailable_and_the_password_stays_unsaid() -> None:
    with pytest.raises(StorageUnavailable) as refused:
        PostgresCatalog("postgresql://ann:marked-secret@127.0.0.1:1/twinport", ManualClock())
    assert "refused" in refused.value.message
    assert "marked-secret" not in refused.value.message


def test_who_keeps_everything_in_files_loads_nothing_of_postgresql() -> None:
    mine = "any(word in name for word in ('psycopg', 'postgres', 'alembic'))"
    code = f"import sys, twinport.composition.app; print([name for name in sys.modules if {mine}])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"})
    assert done.stdout.strip() == "[]"


async def test_only_waiting_deliveries_are_indexed_by_time(used: PostgresCatalog) -> None:
    query = text("SELECT indexdef FROM pg_indexes WHERE indexname = 'delivery_waiting'")
    await used.region(REGION).write(partial(add, "1"))
    assert "WHERE (state = 'waiting'" in await used.region(REGION).read(lambda db: db.execute(query).scalar_one())


# --- a server that stands still ---------------------------------------------------------------------------


def stop_backend(db: Connection) -> int:
    """Let the process that serves this connection stand still, as on a host that hangs. Return its number."""
    pid = int(db.execute(text("SELECT pg_backend_pid()")).scalar_one())
    os.kill(pid, signal.SIGSTOP)
    return pid


@pytest.fixture
def stopped() -> Iterator[list[int]]:
    """The numbers of stopped processes, which go on at the end."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def hurried(catalog: PostgresCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for long, once the catalog is open."""
    del catalog
    monkeypatch.setattr(waits, "OPERATION", timedelta(seconds=0.5))


@pytest.mark.usefixtures("hurried")
async def test_a_read_of_a_server_that_stands_still_is_refused_in_time_and_the_next_one_succeeds(
    catalog: PostgresCatalog, stopped: list[int]
) -> None:
    def hangs(db: Connection) -> None:
        stopped.append(stop_backend(db))
        db.execute(text("SELECT 1"))

    with pytest.raises(StorageUnavailable):
        await asyncio.wait_for(catalog.partition.read(hangs), 10)
    assert await catalog.partition.read(lambda db: db.execute(text("SELECT 2")).scalar()) == 2


@pytest.mark.usefixtures("hurried")
async def test_a_commit_that_gets_no_answer_has_an_unknown_outcome(
    catalog: PostgresCatalog, stopped: list[int]
) -> None:
    def hangs(db: Connection) -> None:
        db.execute(text("CREATE TABLE anything ()"))
        stopped.append(stop_backend(db))

    with pytest.raises(OutcomeUnknown):
        await asyncio.wait_for(catalog.partition.record(hangs), 10)


async def test_the_end_waits_for_no_server_that_stands_still(postgres_address: str, stopped: list[int]) -> None:
    catalog = PostgresCatalog(postgres_address, ManualClock())
    began = threading.Event()

    def hangs(db: Connection) -> None:
        stopped.append(stop_backend(db))
        began.set()
        db.execute(text("SELECT 1"))

    asking = asyncio.create_task(catalog.partition.read(hangs))
    assert await asyncio.to_thread(began.wait, 10)
    await asyncio.wait_for(asyncio.to_thread(catalog.close, timedelta(seconds=0.4)), 5)
    with pytest.raises(StorageUnavailable):
        await asyncio.wait_for(asking, 5)
    assert catalog._pools.threads._count == 0


# --- a bound over all connections -------------------------------------------------------------------------


def connected(db: Connection) -> int:
    """Count this deployment's connections, and take a while."""
    base = str(db.engine.url.database).partition("_")[0]
    db.execute(text("SELECT pg_sleep(0.05)"))
    query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :base OR datname LIKE :regions")
    return int(db.execute(query, {"base": base, "regions": f"{base}\\_%"}).scalar_one())


@pytest.fixture
def narrow(postgres_address: str) -> Iterator[PostgresCatalog]:
    catalog = PostgresCatalog(postgres_address, ManualClock(), 2)
    yield catalog
    catalog.close()


async def test_all_databases_together_have_no_more_connections_than_the_bound(narrow: PostgresCatalog) -> None:
    regions = [narrow.region(RegionName(name)) for name in ("eu-west-1", "us-east-1", "us-west-2")]
    for region in regions:
        await region.write(partial(add, "1"))
    databases = [narrow.partition, *regions]
    counts = await asyncio.gather(*(each.read(connected) for each in databases for _ in range(5)))
    assert len(counts) == 20
    assert max(counts) <= 2


async def test_who_waits_too_long_for_a_connection_is_refused(narrow: PostgresCatalog) -> None:
    threads = narrow._pools.threads
    threads.limits = dataclasses.replace(threads.limits, begin=timedelta(milliseconds=100))
    released = threading.Event()
    holding = [asyncio.create_task(narrow.partition.read(lambda _: released.wait(10))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StorageUnavailable, match="all 2 connections to the database were in use"):
        await narrow.partition.read(accounts)
    released.set()
    assert await asyncio.gather(*holding) == [True, True]


async def test_a_connection_that_was_idle_for_long_is_closed(narrow: PostgresCatalog) -> None:
    connections = narrow._pools.connections
    await asyncio.gather(*(narrow.partition.generation() for _ in range(2)))
    assert connections.open > 0
    connections.idle_limit = timedelta(0)
    connections.tidy()
    assert connections.open == 0


async def test_work_whose_caller_left_before_it_began_is_dropped(narrow: PostgresCatalog) -> None:
    released, ran = threading.Event(), threading.Event()
    holding = [asyncio.create_task(narrow.partition.read(lambda _: released.wait(10))) for _ in range(2)]
    leaving = asyncio.create_task(narrow.partition.read(lambda _: ran.set()))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    released.set()
    await asyncio.gather(*holding)
    await narrow.partition.generation()
    assert not ran.is_set()


# --- what the log says ------------------------------------------------------------------------------------


def test_the_log_names_the_cause_and_neither_address_nor_password(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StorageUnavailable):
        PostgresCatalog("postgresql://ann:marked-secret@127.0.0.1:1/twinport", ManualClock())
    [line] = [line for line in capsys.readouterr().err.splitlines() if "database.refused" in line]
    assert "Connection refused" in line
    assert "marked-secret" not in line
    assert "127.0.0.1" not in line


async def test_a_missing_privilege_is_unavailable_and_not_a_defect(used: PostgresCatalog) -> None:
    def forbidden(db: Connection) -> None:
        db.execute(text("CREATE ROLE powerless"))
        db.execute(text("SET LOCAL ROLE powerless"))
        db.execute(text("DELETE FROM generation"))

    with pytest.raises(StorageUnavailable, match="42501"):
        await used.partition.record(forbidden)
