"""A Region's database that is missing or another is refused and never recreated, on both databases."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, insert, select, text

from tests.catalogs import ENGINES, SQLITE
from tests.postgres import PostgresServer
from twinport.catalog import region_identity
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.postgres import PostgresCatalog
from twinport.catalog.regional import schema
from twinport.clock import ManualClock
from twinport.model.names import RegionName
from twinport.refusals.storage import RegionLost

FORGET = "UPDATE region SET identity = NULL"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> 'postgres'"
HOME, AWAY = RegionName("eu-west-1"), RegionName("us-east-1")


class Deployment:
    """A deployment whose databases a test can lose, whether or not a process has them open."""

    def __init__(self, folder: Path, server: PostgresServer | None, address: str) -> None:
        self.folder, self._server, self._address = folder, server, address

    def open(self) -> WholeCatalog:
        if self._server is None:
            return EmbeddedCatalog(self.folder, ManualClock())
        return PostgresCatalog(self._address, ManualClock())

    def lose(self, region: RegionName) -> None:
        if self._server is None:
            shutil.rmtree(self.folder / "regions" / region)
        else:
            self._server.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(self._name(region)))

    def exists(self, region: RegionName) -> bool:
        if self._server is None:
            return (self.folder / "regions" / region / "catalog.db").exists()
        return f"{self._base}_{region}" in self._server.databases(self._base)

    def exchange(self, region: RegionName, other: RegionName) -> None:
        """Put the database of another Region in the place of this one's."""
        self.lose(region)
        if self._server is None:
            shutil.copytree(self.folder / "regions" / other, self.folder / "regions" / region)
        else:
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(self._name(region), self._name(other))
            self._server.run(
                sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> 'postgres'")
            )
            self._server.run(copy)

    def forget_identities(self) -> None:
        """Make the partition that of an earlier version, which knew of no identities."""
        if self._server is None:
            with closing(sqlite3.connect(self.folder / "global.db")) as file, file:
                file.execute(FORGET)
            return
        with psycopg.connect(self._address) as db:
            db.execute(FORGET.encode())

    @property
    def _base(self) -> str:
        return self._address.rpartition("?")[0].rpartition("/")[2]

    def _name(self, region: RegionName) -> sql.Identifier:
        return sql.Identifier(f"{self._base}_{region}")


@pytest.fixture(params=ENGINES)
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Deployment:
    """A deployment with an account in each of two Regions, which no process has open."""
    if request.param == SQLITE:
        made = Deployment(tmp_path, None, "")
    else:
        made = Deployment(tmp_path, request.getfixturevalue("postgres"), request.getfixturevalue("postgres_address"))
    asyncio.run(filled(made))
    return made


async def filled(deployment: Deployment) -> None:
    catalog = deployment.open()
    for region in (HOME, AWAY):
        await catalog.region(region).write(add)
    catalog.close()


def add(db: Connection) -> None:
    db.execute(insert(schema.registry).values(account="1"))


def accounts(db: Connection) -> list[str]:
    return list(db.execute(select(schema.registry.c.account)).scalars())


def test_a_deployment_that_lacks_a_listed_regions_database_does_not_open_and_makes_none(
    deployment: Deployment,
) -> None:
    deployment.lose(HOME)
    with pytest.raises(RegionLost, match="the database of Region 'eu-west-1' is missing: restore it"):
        deployment.open()
    assert not deployment.exists(HOME)


def test_a_deployment_with_another_database_for_a_region_does_not_open(deployment: Deployment) -> None:
    deployment.exchange(HOME, AWAY)
    with pytest.raises(RegionLost, match="the database of Region 'eu-west-1' is another one"):
        deployment.open()


async def test_a_region_that_is_lost_while_it_is_open_is_refused_and_the_others_are_served(
    deployment: Deployment,
) -> None:
    catalog = deployment.open()
    await catalog.region(HOME).read(accounts)
    deployment.lose(HOME)
    for asked in (catalog.region(HOME).read(accounts), catalog.region(HOME).write(add)):
        with pytest.raises(RegionLost, match="the database of Region 'eu-west-1' is missing"):
            await asked
    assert not deployment.exists(HOME)
    assert await catalog.region(AWAY).read(accounts) == ["1"]
    catalog.close()


async def test_a_region_whose_database_is_exchanged_while_it_is_open_is_refused(deployment: Deployment) -> None:
    catalog = deployment.open()
    await catalog.region(HOME).read(accounts)
    deployment.exchange(HOME, AWAY)
    with pytest.raises(RegionLost):
        await catalog.region(HOME).read(accounts)
    catalog.close()


async def test_a_deployment_of_an_earlier_version_is_adopted_once(deployment: Deployment) -> None:
    deployment.forget_identities()
    catalog = deployment.open()
    assert await catalog.region(HOME).read(accounts) == ["1"]
    known = await catalog.partition.read(partial(region_identity.known, name=HOME))
    assert known is not None
    assert await catalog.region(HOME).read(lambda db: db.execute(select(schema.history.c.identity)).scalar()) == known
    catalog.close()
    deployment.lose(HOME)
    with pytest.raises(RegionLost):
        deployment.open()


async def test_a_region_that_was_listed_and_never_begun_begins_with_its_first_write(deployment: Deployment) -> None:
    catalog = deployment.open()
    listing = text("INSERT INTO region (name, created_at) SELECT 'us-west-2', created_at FROM region LIMIT 1")
    await catalog.partition.record(lambda db: db.execute(listing))
    catalog.close()
    catalog = deployment.open()
    begun = catalog.region(RegionName("us-west-2"))
    assert await begun.read(accounts) == []
    await begun.write(add)
    assert await begun.read(accounts) == ["1"]
    catalog.close()
