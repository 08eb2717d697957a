"""What the engines tell of their own databases."""

from collections.abc import Iterator

import psycopg
import pytest

from twinport.catalog.engine import integrity
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import WallClock, WorldClock


@pytest.fixture
def catalog(postgres_address: str) -> Iterator[PostgresCatalog]:
    catalog = PostgresCatalog(postgres_address, WorldClock(WallClock()))
    yield catalog
    catalog.close()


def run(address: str, *statements: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


async def test_without_amcheck_it_is_said_that_postgresql_was_not_looked_at(catalog: PostgresCatalog) -> None:
    condition = await catalog.partition.read(integrity.check)
    assert condition.problems == ()
    assert "amcheck" in str(condition.unchecked)


async def test_amcheck_finds_an_index_that_lacks_rows(catalog: PostgresCatalog, postgres_address: str) -> None:
    try:
        run(postgres_address, "CREATE EXTENSION amcheck")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this PostgreSQL comes without amcheck")
    assert await catalog.partition.read(integrity.check) == integrity.Condition()
    body = "RETURNS text IMMUTABLE LANGUAGE sql AS"
    run(
        postgres_address,
        f"CREATE FUNCTION shifting(text) {body} $$ SELECT $1 $$",
        "INSERT INTO region VALUES ('eu-west-1', 1)",
        "CREATE INDEX region_shifting ON region (shifting(name))",
        f"CREATE OR REPLACE FUNCTION shifting(text) {body} $$ SELECT $1 || 'x' $$",
    )
    [problem] = (await catalog.partition.read(integrity.check)).problems
    assert problem.startswith("index 'region_shifting': ")
