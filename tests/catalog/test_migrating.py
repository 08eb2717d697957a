"""The migrations make the tables of today, on either engine, whatever a database had before."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Connection, Engine, MetaData, Table, create_engine, select, text

from tests.catalogs import ENGINES, SQLITE
from tests.postgres import PostgresServer
from twinport.catalog import postgres
from twinport.catalog.engine import migrating, migration_files, revisions
from twinport.catalog.partition import entities
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema
from twinport.catalog.regional import tag_statuses, untagged
from twinport.refusals.storage import DatabaseNewer, DatabaseUnrecognized

pytestmark = pytest.mark.large

# The columns, the indexes and the constraints of a database, as it tells them itself. The order of columns may differ.
_OF_POSTGRESQL = (
    """
    SELECT table_name, column_name, data_type, collation_name, column_default, is_nullable
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    """,
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
    """,
)
# SQLite numbers the indexes of its constraints: their names say nothing.
_OF_SQLITE = (
    """
    SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, m.sql LIKE '%AUTOINCREMENT%'
    FROM sqlite_master AS m, pragma_table_info(m.name) AS c
    WHERE m.type = 'table' AND m.name <> 'alembic_version'
    """,
    """
    SELECT m.name, CASE i.origin WHEN 'c' THEN i.name END, i."unique", i.origin, group_concat(c.name),
        (SELECT sql FROM sqlite_master WHERE name = i.name AND i.partial)
    FROM sqlite_master AS m, pragma_index_list(m.name) AS i, pragma_index_info(i.name) AS c
    WHERE m.type = 'table' AND m.name <> 'alembic_version' GROUP BY m.name, i.name
    """,
    """
    SELECT m.name, f."from", f."table", f."to", f.on_delete, f.on_update
    FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'
    """,
)
FIRST_FOLDER = Path(__file__).parent / "first_folder"
METADATA = pytest.mark.parametrize(
    "metadata", [partition_schema.partition, regional_schema.regional], ids=["partition", "regional"]
)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of an empty database."""
    if request.param == SQLITE:
        # The driver begins no transaction by itself before it makes a table: it is told to, as the catalog does.
        engine = create_engine("sqlite://", isolation_level="AUTOCOMMIT")
        yield engine
        engine.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    address = server.new_address()
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:", 1))
    yield engine
    engine.dispose()
    server.drop(address)


@pytest.fixture
def db(engine: Engine) -> Iterator[Connection]:
    """A transaction on an empty database."""
    with engine.connect() as connection:
        begin(connection)
        yield connection


def begin(connection: Connection) -> None:
    """Begin a transaction, which the migrations find under way: otherwise they would begin and end their own."""
    connection.begin()
    if connection.dialect.name == SQLITE:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def described(db: Connection) -> list[tuple[object, ...]]:
    queries = _OF_SQLITE if db.dialect.name == SQLITE else _OF_POSTGRESQL
    return sorted((tuple(row) for query in queries for row in db.execute(text(query))), key=repr)


def revision(db: Connection) -> list[str]:
    return list(db.execute(text("SELECT version_num FROM alembic_version")).scalars())


@METADATA
def test_the_migrations_make_the_tables_of_today(db: Connection, metadata: MetaData) -> None:
    assert postgres.PostgresCatalog is not None, "its module completes the index of waiting deliveries"
    metadata.create_all(db)
    wanted = described(db)
    assert wanted
    db.rollback()
    begin(db)
    assert described(db) == []
    migrating.upgrade(db, metadata)
    assert described(db) == wanted


@METADATA
def test_a_new_database_gets_the_tables_and_the_revision_of_the_migrations(db: Connection, metadata: MetaData) -> None:
    migrating.upgrade(db, metadata)
    migrated, newest = described(db), revision(db)
    db.rollback()
    begin(db)
    revisions.bring_up_to_date(db, metadata)
    assert (described(db), revision(db)) == (migrated, newest)


@METADATA
def test_migrating_again_changes_nothing(db: Connection, metadata: MetaData) -> None:
    migrating.upgrade(db, metadata)
    once = described(db)
    migrating.upgrade(db, metadata)
    assert described(db) == once


@METADATA
def test_the_revisions_of_a_folder_follow_one_another_in_the_order_of_their_files(metadata: MetaData) -> None:
    config = Config()
    config.set_main_option("script_location", str(migration_files.MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(migration_files.folder_of(metadata)))
    scripts = ScriptDirectory.from_config(config)
    known = migration_files.known(metadata)
    assert scripts.get_heads() == [known[-1]]
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == known


@METADATA
def test_a_process_lists_the_files_of_the_migrations_once(metadata: MetaData) -> None:
    migration_files.known.cache_clear()
    for _ in range(2):
        with create_engine("sqlite://").begin() as new:
            revisions.bring_up_to_date(new, metadata)
            assert revisions.is_current(new, metadata)
    assert migration_files.known.cache_info().misses == 1


@METADATA
def test_every_revision_is_a_step_that_can_be_stopped_at(db: Connection, metadata: MetaData) -> None:
    for step in migration_files.known(metadata):
        migrating.upgrade(db, metadata, step)
        assert revision(db) == [step]
    assert revisions.is_current(db, metadata)


@METADATA
def test_migrations_are_undone_with_the_transaction_they_ran_in(db: Connection, metadata: MetaData) -> None:
    migrating.upgrade(db, metadata)
    db.rollback()
    begin(db)
    assert described(db) == []


@METADATA
def test_a_database_of_a_later_version_is_refused_and_stays_as_it_is(db: Connection, metadata: MetaData) -> None:
    revisions.bring_up_to_date(db, metadata)
    before = described(db)
    db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseNewer, match="revision '9999'"):
        revisions.is_current(db, metadata)
    with pytest.raises(DatabaseNewer):
        revisions.bring_up_to_date(db, metadata)
    assert (described(db), revision(db)) == (before, ["9999"])


@pytest.mark.parametrize("name", ["global", "eu-west-1", "us-east-1"])
def test_every_row_of_the_first_revision_is_there_after_the_last(db: Connection, name: str) -> None:
    metadata = partition_schema.partition if name == "global" else regional_schema.regional
    migrating.upgrade(db, metadata, "0001")
    first = MetaData()
    first.reflect(db)
    held = rows_of_the_first_folder(name)
    for table in first.sorted_tables:
        if rows := [converted(table, row) for row in held.get(table.name, [])]:
            db.execute(table.insert(), rows)
    before = everything(db, first)
    assert sum(len(rows) for rows in before.values()) > 10
    migrating.upgrade(db, metadata)
    assert everything(db, first) == before


def test_tags_are_found_by_their_keys_after_the_comparable_form_has_changed(db: Connection) -> None:
    migrating.upgrade(db, partition_schema.partition, "0007")
    given = [("k", "\u212a"), ("äb", "ÄB"), ("team", "Team")]
    rows = [{"owner_id": "AIDA", "key_lower": lower, "key": key, "value": "v"} for lower, key in given]
    db.execute(partition_schema.identity_tag.insert(), rows)
    migrating.upgrade(db, partition_schema.partition)
    entities.remove_tags(db, "AIDA", ["äb", "K", "TEAM"])
    assert {tag.key for tag in entities.tags(db, "AIDA")} == {"\u212a", "ÄB"}
    entities.remove_tags(db, "AIDA", ["\u212a", "Äb"])
    assert entities.tags(db, "AIDA") == ()


def test_images_are_listed_by_tags_and_status_after_their_migrations(db: Connection) -> None:
    migrating.upgrade(db, regional_schema.regional, "0021")
    old = MetaData()
    old.reflect(db)
    own = {"repository_id": 1}
    facts = {"created_at": 0, "mutability": "MUTABLE", "scan_on_push": False, "encryption": "AES256"}
    db.execute(old.tables["repository"].insert(), [{"id": 1, "account": "1", "name": "r", **facts}])
    image = {**own, "media_type": "x", "content": b"", "pushed_at": 5}
    images = [{**image, "digest": digest, "image_size": size} for size, digest in enumerate(("a", "b", "c", "d"))]
    db.execute(old.tables["manifest"].insert(), images)
    tag = {**own, "epoch": 1, "sequence": 1, "updated_at": 0}
    tags = [{**tag, "name": name, "digest": digest} for name, digest in (("v1", "b"), ("v2", "b"), ("v3", "d"))]
    db.execute(old.tables["tag"].insert(), tags)
    stored = [{**own, "digest": digest, "status": "ARCHIVED"} for digest in ("c", "d")]
    db.execute(old.tables["image_storage"].insert(), stored)
    migrating.upgrade(db, regional_schema.regional)
    listed = db.execute(text("SELECT * FROM untagged_image ORDER BY digest")).all()
    assert [tuple(row) for row in listed] == [(1, "a", "ACTIVE", 5, 0), (1, "c", "ARCHIVED", 5, 2)]
    assert untagged.wrong(db) == 0
    statuses = db.execute(text("SELECT name, status FROM tag ORDER BY name")).all()
    assert [tuple(row) for row in statuses] == [("v1", "ACTIVE"), ("v2", "ACTIVE"), ("v3", "ARCHIVED")]
    assert tag_statuses.wrong(db) == 0


def rows_of_the_first_folder(name: str) -> dict[str, list[dict[str, object]]]:
    with closing(sqlite3.connect(":memory:")) as dumped:
        dumped.executescript((FIRST_FOLDER / f"{name}.sql").read_text())
        dumped.row_factory = sqlite3.Row
        tables = dumped.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {table: [dict(row) for row in dumped.execute(f'SELECT * FROM "{table}"')] for (table,) in tables}  # noqa: S608 — its own names


def converted(table: Table, row: dict[str, object]) -> dict[str, object]:
    """SQLite keeps truth as a number."""
    return {name: bool(value) if isinstance(table.c[name].type, Boolean) else value for name, value in row.items()}


def everything(db: Connection, tables: MetaData) -> dict[str, list[tuple[object, ...]]]:
    """Every row, in the columns of these tables, but for the note of the revision."""
    return {
        table.name: sorted((tuple(row) for row in db.execute(select(table))), key=repr)
        for table in tables.sorted_tables
        if table.name != "alembic_version"
    }


def unversioned(db: Connection) -> None:
    """Leave the tables of the first revision, as they were made before revisions were noted."""
    migrating.upgrade(db, regional_schema.regional, "0001")
    db.execute(text("DROP TABLE alembic_version"))


def test_tables_of_the_first_revision_without_a_note_of_it_are_recognized(db: Connection) -> None:
    unversioned(db)
    db.execute(text("INSERT INTO registry (account, sequence) VALUES ('1', 7)"))
    revisions.bring_up_to_date(db, regional_schema.regional)
    assert revisions.is_current(db, regional_schema.regional)
    assert db.execute(text("SELECT sequence FROM registry")).scalars().all() == [7]


def test_tables_that_no_revision_has_are_refused_by_what_they_lack(db: Connection) -> None:
    unversioned(db)
    db.execute(text("ALTER TABLE manifest DROP COLUMN origin"))
    with pytest.raises(DatabaseUnrecognized, match="'manifest' lacks origin"):
        revisions.bring_up_to_date(db, regional_schema.regional)


def test_tables_of_another_program_do_not_make_a_database_an_old_one(db: Connection) -> None:
    db.execute(text("CREATE TABLE theirs (id INTEGER PRIMARY KEY)"))
    revisions.bring_up_to_date(db, regional_schema.regional)
    assert revisions.is_current(db, regional_schema.regional)
