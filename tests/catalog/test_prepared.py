"""Statements on the driver's own connection: the same rows, conversions and errors as by the toolkit."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.catalogs import ENGINES, emptied
from tests.fakes import NOW, REGION
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional.schema import token_key
from twinport.clock import ManualClock

_ID, _MADE = token_key.c.id, token_key.c.created_at
FIND = Prepared(lambda _: select(_ID, _MADE).where(bindparam("name") == _ID))
LIST = Prepared(lambda _: select(_ID).where(bindparam("since", type_=_MADE.type) < _MADE).order_by(_ID))
ADD = Prepared(
    lambda _: insert(token_key).values(
        id=bindparam("name"), sealed_key="sealed", created_at=bindparam("at", type_=_MADE.type)
    )
)
MOVE = Prepared(lambda _: update(token_key).values(created_at=bindparam("at", type_=_MADE.type)))
LATER = NOW + timedelta(microseconds=1)


@pytest.fixture(params=ENGINES)
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WholeCatalog]:
    catalog = await emptied(request, tmp_path, ManualClock())
    yield catalog
    catalog.close()


def _three(db: Connection) -> None:
    for name in ("a", "b", "c"):
        assert ADD.change(db, name=name, at=NOW) == 1


async def test_rows_come_back_as_the_columns_have_them(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(_three)
    assert await region.read(lambda db: FIND.first(db, name="b")) == ("b", NOW)
    assert await region.read(lambda db: FIND.first(db, name="d")) is None
    assert await region.read(lambda db: LIST.all(db, since=NOW - timedelta(days=1))) == [("a",), ("b",), ("c",)]
    assert await region.read(lambda db: LIST.all(db, since=NOW)) == []
    assert await region.read(lambda db: db.execute(select(token_key.c.sealed_key).distinct()).scalars().all()) == [
        "sealed"
    ]


async def test_a_change_tells_how_many_rows_it_reached(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(_three)
    assert await region.write(lambda db: MOVE.change(db, at=LATER)) == 3
    assert await region.read(lambda db: FIND.first(db, name="a")) == ("a", LATER)


async def test_a_refused_change_undoes_its_transaction_alone(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(_three)

    def twice(db: Connection) -> None:
        ADD.change(db, name="d", at=NOW)
        ADD.change(db, name="a", at=NOW)

    with pytest.raises(IntegrityError):
        await region.write(twice)
    assert await region.read(lambda db: FIND.first(db, name="d")) is None
    await region.write(lambda db: ADD.change(db, name="d", at=NOW))
    assert await region.read(lambda db: FIND.first(db, name="d")) == ("d", NOW)


async def test_an_error_of_the_driver_hides_the_values(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(_three)
    with pytest.raises(DBAPIError) as caught:
        await region.write(lambda db: ADD.change(db, name="a", at=NOW))
    assert "sealed" not in str(caught.value).replace("sealed_key", "")


async def test_a_value_that_was_forgotten_is_an_error(catalog: WholeCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(_three)
    for forgetful in (
        FIND.first,
        lambda db: ADD.change(db, name="d"),
        lambda db: MOVE.change(db, when=NOW),
    ):
        with pytest.raises(KeyError):
            await region.write(forgetful)
    assert await region.read(lambda db: FIND.first(db, name="d")) is None
