"""Pulls find the same whichever way the database goes about their statements."""

from pathlib import Path

import pytest

from tests.catalogs import POSTGRESQL
from tests.fakes import REGION, REGISTRY
from tests.registry.dump import API, ME, OTHER, Dump
from twinport.catalog import pulls
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.model.content import Digest
from twinport.model.images import ImageId

CONFIG, LAYER, GONE = b"config", b"a layer", b"a deleted layer"
WAYS = ("nestloop", "hashjoin", "mergejoin", "seqscan", "indexscan", "bitmapscan", "memoize", "material", "sort")
PLANS = ("force_custom_plan", "force_generic_plan")


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    """Two repositories: one with an image and an archived one, and one that holds only one of the layers."""
    dump = Dump(catalog, tmp_path)
    await dump.make()
    await dump.push(CONFIG, LAYER, tag="v1")
    await dump.upload(GONE)
    await dump.layers.remove(ME, REGISTRY.repository(API), Digest.of(GONE))
    await dump.upload(GONE, OTHER)
    return dump


def _choose(db: Connection, way: str, plan: str) -> None:
    if db.dialect.name == POSTGRESQL:
        db.exec_driver_sql(f"SET enable_{way} = off")
        db.exec_driver_sql(f"SET plan_cache_mode = {plan}")


def _forget(db: Connection) -> None:
    if db.dialect.name == POSTGRESQL:
        db.exec_driver_sql("RESET ALL")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("plan", PLANS)
async def test_what_a_repository_does_not_hold_is_found_by_no_plan(dump: Dump, way: str, plan: str) -> None:
    absent = [ImageId(None, "v2"), ImageId(Digest.of(b"absent"), None), ImageId(Digest.of(LAYER), "v1")]

    def look(db: Connection) -> list[object]:
        _choose(db, way, plan)
        try:
            found: list[object] = [pulls.blob(db, REGISTRY.repository(API), Digest.of(GONE)).blob for _ in range(8)]
            return found + [pulls.manifest(db, REGISTRY.repository(API), each).manifest for each in absent]
        finally:
            _forget(db)

    assert set(await dump.catalog.region(REGION).read(look)) == {None}


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_repository_holds_is_found_by_every_plan(dump: Dump, way: str) -> None:
    def look(db: Connection) -> list[object]:
        _choose(db, way, "force_generic_plan")
        try:
            layers = [
                pulls.blob(db, REGISTRY.repository(name), Digest.of(each))
                for name, each in ((API, LAYER), (OTHER, GONE))
            ]
            return [
                *(each.blob for each in layers),
                pulls.manifest(db, REGISTRY.repository(API), ImageId(None, "v1")).manifest,
            ]
        finally:
            _forget(db)

    assert None not in await dump.catalog.region(REGION).read(look)
