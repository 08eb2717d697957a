"""The migrations make the tables of today, whatever a database had before."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, MetaData, create_engine, text

from tests.postgres import PostgresServer
from twinport.catalog import migrating, postgres, schema

# The columns, the indexes and the constraints of a database, as PostgreSQL itself tells them.
_COLUMNS = text(
    "SELECT table_name, column_name, data_type, collation_name, column_default, is_nullable "
    "FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
)
_INDEXES = text("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
_CONSTRAINTS = text(
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'"
)
METADATA = pytest.mark.parametrize("metadata", [schema.partition, schema.regional], ids=["partition", "regional"])


@pytest.fixture
def engine(postgres: PostgresServer) -> Iterator[Engine]:
    """An engine of an empty database."""
    address = postgres.new_address()
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:", 1))
    yield engine
    engine.dispose()
    postgres.drop(address)


def described(db: Connection) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for query in (_COLUMNS, _INDEXES, _CONSTRAINTS) for row in db.execute(query)), key=repr)


@METADATA
def test_the_migrations_make_the_tables_of_today(engine: Engine, metadata: MetaData) -> None:
    assert postgres.PostgresCatalog is not None, "its module completes the index of waiting deliveries"
    with engine.connect() as connection:
        metadata.create_all(connection)
        wanted = described(connection)
        connection.rollback()
        assert described(connection) == []
        migrating.upgrade(connection, metadata)
        assert described(connection) == wanted
        connection.rollback()


@METADATA
def test_migrating_again_changes_nothing(engine: Engine, metadata: MetaData) -> None:
    with engine.begin() as connection:
        migrating.upgrade(connection, metadata)
        once = described(connection)
        migrating.upgrade(connection, metadata)
        assert described(connection) == once


def test_migrations_are_undone_with_the_transaction_they_ran_in(engine: Engine) -> None:
    with engine.connect() as connection:
        assert described(connection) == []
        migrating.upgrade(connection, schema.regional)
        connection.rollback()
        assert described(connection) == []
