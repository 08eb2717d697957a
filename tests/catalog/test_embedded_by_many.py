"""One data folder, several processes: each opens it as if it were alone, and none loses what another wrote."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select

from tests.fakes import REGION
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.engine import folders
from twinport.catalog.engine.sqlite import SqliteDatabase
from twinport.catalog.regional import registries, schema
from twinport.clock import ManualClock
from twinport.model.names import AccountId
from twinport.refusals.storage import StorageUnavailable

PROCESSES, WRITES = 3, 25


def add(account: str, db: Connection) -> None:
    registries.next_position(db, AccountId("111122223333"))
    db.execute(insert(schema.registry).values(account=account))


async def begin_and_write(folder: Path, process: str) -> None:
    """What each process does: it opens the folder, which may be new, and writes to a Region, which may be, too."""
    catalog = EmbeddedCatalog(folder, ManualClock())
    await asyncio.gather(
        *(catalog.region(REGION).write(partial(add, f"{process}-{number}")) for number in range(WRITES))
    )
    await catalog.partition.write(lambda _: None)
    catalog.close()


async def test_processes_that_begin_at_once_on_a_new_folder_lose_no_write(tmp_path: Path) -> None:
    program = (
        "import asyncio, pathlib, sys; from tests.catalog.test_embedded_by_many import begin_and_write; "
        "asyncio.run(begin_and_write(pathlib.Path(sys.argv[1]), sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data")]
    processes = [
        await asyncio.create_subprocess_exec(*command, str(number), stderr=subprocess.PIPE)
        for number in range(PROCESSES)
    ]
    for process in processes:
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
    catalog = EmbeddedCatalog(tmp_path / "data", ManualClock())
    assert await catalog.region(REGION).read(count) == PROCESSES * WRITES
    assert await catalog.region(REGION).read(position) == PROCESSES * WRITES
    assert await catalog.partition.generation() == PROCESSES
    catalog.close()


def test_who_waits_in_vain_for_the_folder_of_a_database_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with folders.alone(tmp_path, timedelta()), pytest.raises(StorageUnavailable, match="another process"):
        SqliteDatabase(path, schema.regional, longest_wait=timedelta(milliseconds=50))
    assert not path.exists()
    SqliteDatabase(path, schema.regional, longest_wait=timedelta(milliseconds=50)).close()


async def test_a_region_that_another_process_made_is_read_and_written_at_once(tmp_path: Path) -> None:
    ann, bob = (EmbeddedCatalog(tmp_path, ManualClock()) for _ in range(2))
    assert await bob.region(REGION).read(count) == 0
    await ann.region(REGION).write(partial(add, "ann"))
    assert await bob.regions() == [REGION]
    assert await bob.region(REGION).read(count) == 1
    await bob.region(REGION).write(partial(add, "bob"))
    assert await ann.region(REGION).read(position) == 2
    ann.close()
    bob.close()


async def test_a_region_whose_maker_died_before_its_first_write_has_its_history_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "regions" / REGION
    folder.mkdir(parents=True)
    (folder / "catalog.db").touch()
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    assert await catalog.region(REGION).read(count) == 0
    await catalog.region(REGION).write(partial(add, "ann"))
    assert await catalog.region(REGION).read(position) == 1
    catalog.close()


async def test_a_write_in_one_process_voids_what_another_decided_before(tmp_path: Path) -> None:
    ann, bob = (EmbeddedCatalog(tmp_path, ManualClock()) for _ in range(2))
    before = await bob.partition.generation()
    await ann.partition.write(lambda _: None)
    assert await bob.partition.generation() == before + 1
    ann.close()
    bob.close()


def count(db: Connection) -> int:
    return db.execute(
        select(func.count()).select_from(schema.registry).where(schema.registry.c.account != "111122223333")
    ).scalar_one()


def position(db: Connection) -> int:
    query = select(schema.registry.c.sequence).where(schema.registry.c.account == "111122223333")
    return int(db.execute(query).scalar_one())
