"""Last uses: noted at once, written seldom, never backwards."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from tests.catalogs import ENGINES, emptied
from tests.fakes import ACCOUNT, NOW, caller
from twinport.access.uses import COARSENESS, Uses
from twinport.catalog.partition import access_keys, service_uses
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.clock import ManualClock
from twinport.identities.rules import access_keys as key_rules
from twinport.identities.rules import roles
from twinport.model.entities import AccessKey, KeyStatus, Role, Use
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.names import RegionName
from twinport.refusals.storage import StorageUnavailable

T = TypeVar("T")
KEY = "AKIAIOSFODNN7EXAMPLE"
ANN = caller(kind=PrincipalKind.USER, name="ann")
BUILD = caller(kind=PrincipalKind.ROLE_SESSION, name="build", unique_id="AROABUILD")


class BrokenOnce:
    """A partition whose first record meets a full disk."""

    def __init__(self, catalog: WholeCatalog) -> None:
        self._catalog, self._is_broken = catalog, True

    @property
    def partition(self) -> "BrokenOnce":
        return self

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        if self._is_broken:
            self._is_broken = False
            raise StorageUnavailable("disk is full")
        return await self._catalog.partition.record(transaction)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock())
    yield catalog
    catalog.close()


@pytest.fixture
async def uses(catalog: WholeCatalog) -> Uses:
    """The uses of a catalog that has Ann's key and the role 'build'."""
    key = AccessKey(KEY, ACCOUNT, ANN.unique_id, KeyStatus.ACTIVE, NOW)
    role = Role(BUILD.unique_id, ACCOUNT, "build", "/", "{}", NOW)
    await catalog.partition.write(lambda db: key_rules.add(db, key, "sealed"))
    await catalog.partition.write(lambda db: roles.add(db, role))
    return Uses(catalog)


async def of_key(catalog: WholeCatalog) -> Use | None:
    found = await catalog.partition.read(lambda db: access_keys.find(db, ACCOUNT, KEY))
    assert found is not None
    return found.last_use


def later(who: Caller, seconds: float, region: str = "eu-west-1") -> Caller:
    at = NOW + timedelta(seconds=seconds)
    return replace(who, origin=replace(who.origin, at=at, region=RegionName(region)))


async def test_a_key_was_used_where_and_for_what_it_was_used_last(catalog: WholeCatalog, uses: Uses) -> None:
    assert await of_key(catalog) is None
    uses.note(ANN, "ecr")
    uses.note(later(ANN, 1, "us-east-1"), "iam")
    await uses.write()
    assert await of_key(catalog) == Use(NOW + timedelta(seconds=1), "us-east-1", "iam")


async def test_a_role_was_used_by_its_sessions(catalog: WholeCatalog, uses: Uses) -> None:
    uses.note(later(BUILD, 5), "ecr")
    await uses.write()
    role = await catalog.partition.read(lambda db: roles.get(db, ACCOUNT, "build"))
    assert (role.last_used_at, role.last_used_region) == (NOW + timedelta(seconds=5), "eu-west-1")


async def test_uses_that_are_alike_within_a_minute_are_written_once(catalog: WholeCatalog, uses: Uses) -> None:
    generation = await catalog.partition.generation()
    uses.note(ANN, "ecr")
    await uses.write()
    for second in range(int(COARSENESS.total_seconds())):
        uses.note(later(ANN, second), "ecr")
    await uses.write()
    assert await of_key(catalog) == Use(NOW, "eu-west-1", "ecr")
    uses.note(later(ANN, 60), "ecr")
    await uses.write()
    assert await of_key(catalog) == Use(NOW + COARSENESS, "eu-west-1", "ecr")
    assert await catalog.partition.generation() == generation


async def test_of_each_service_the_last_use_by_a_principal_is_kept(catalog: WholeCatalog, uses: Uses) -> None:
    for second, service in enumerate(("ecr", "iam", "ecr", "iam")):
        uses.note(later(ANN, second), service)
    await uses.write()

    def last(service: str) -> Callable[[Connection], dict[str, Use]]:
        return lambda db: service_uses.last(db, [ANN.unique_id, BUILD.unique_id], service)

    used = {name: await catalog.partition.read(last(name)) for name in ("ecr", "iam", "sts")}
    assert used == {
        "ecr": {ANN.unique_id: Use(NOW + timedelta(seconds=2), "eu-west-1", "ecr")},
        "iam": {ANN.unique_id: Use(NOW + timedelta(seconds=3), "eu-west-1", "iam")},
        "sts": {},
    }
    assert await of_key(catalog) == used["iam"][ANN.unique_id]


async def test_an_earlier_use_never_replaces_a_later_one(catalog: WholeCatalog, uses: Uses) -> None:
    uses.note(later(ANN, 30), "ecr")
    await uses.write()
    slow_process = Uses(catalog)
    slow_process.note(ANN, "iam")
    await slow_process.write()
    assert await of_key(catalog) == Use(NOW + timedelta(seconds=30), "eu-west-1", "ecr")


async def test_a_caller_that_waits_for_the_writing_waits_for_writes_that_others_began(
    catalog: WholeCatalog, uses: Uses
) -> None:
    uses.note(ANN, "ecr")
    async with asyncio.TaskGroup() as group:
        group.create_task(uses.write())
        await asyncio.sleep(0)
        await uses.write()
        assert await of_key(catalog) == Use(NOW, "eu-west-1", "ecr")


async def test_an_open_accounts_key_leaves_no_trace(catalog: WholeCatalog, uses: Uses) -> None:
    uses.note(caller(), "ecr")
    await uses.write()
    assert await of_key(catalog) is None


@pytest.mark.usefixtures("uses")
async def test_what_could_not_be_written_is_written_later(catalog: WholeCatalog) -> None:
    broken = BrokenOnce(catalog)
    hindered = Uses(broken)  # type: ignore[arg-type]  # of a catalog it needs the partition alone
    hindered.note(ANN, "ecr")
    with pytest.raises(StorageUnavailable):
        await hindered.write()
    await hindered.write()
    assert await of_key(catalog) == Use(NOW, "eu-west-1", "ecr")
