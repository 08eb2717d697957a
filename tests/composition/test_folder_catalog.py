"""A data folder knows its catalog: commands refuse another one, and those that only read make nothing."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests import command_line
from tests.command_line import Ended
from tests.commands.test_serving import get
from tests.postgres import PostgresServer
from tests.served import Served, start
from twinport.composition.folder_catalog import Folder, Found, Standing, standing

ACCOUNT, NOTE = "111122223333", "catalog.identity"
WHOSE = ("acme", "administrator")
READING = (
    ("account", "list"),
    ("user", "list", "acme"),
    ("user", "keys", "list", *WHOSE),
    ("why", f"arn:aws:iam::{ACCOUNT}:root", "ecr:PutImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/api"),
    ("gc",),
    ("verify",),
)
CHANGING = (
    ("user", "create", "acme", "ci"),
    ("user", "keys", "create", *WHOSE),
    ("user", "keys", "disable", *WHOSE, "AKIAAAAAAAAAAAAAAAAA"),
    ("user", "keys", "enable", *WHOSE, "AKIAAAAAAAAAAAAAAAAA"),
    ("user", "keys", "delete", *WHOSE, "AKIAAAAAAAAAAAAAAAAA"),
    ("gc", "--delete"),
    ("worker",),
)
BEGINNING = (("account", "create", "other"), ("serve", "--listen", "127.0.0.1:0"))
ALL = (*READING, *CHANGING, *BEGINNING)
words = pytest.mark.parametrize


def shown(command: tuple[str, ...]) -> str:
    return " ".join(command[:3] if command[:2] == ("user", "keys") else command[:2])


def called(data: Path, command: tuple[str, ...], **environment: str) -> Ended:
    return command_line.called(*command, "--data", str(data), **environment)


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def stored(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder at rest; SQLite's passing files and sockets are no part of it."""
    names = {path: str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for path, name in names.items() if not name.endswith(("-wal", "-shm"))}


def begin(data: Path, **environment: str) -> None:
    """Begin a deployment: an account, and a server that ran."""
    assert called(data, ("account", "create", "acme"), **environment).code == 0
    served = start(data, None, None, (), **environment)
    try:
        served.client("ecr", ACCOUNT).create_repository(repositoryName="team/api")
    finally:
        served.stop()


@pytest.fixture(scope="module")
def on_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder whose catalog is on PostgreSQL, and the catalog's address."""
    address, data = postgres.new_address(), tmp_path_factory.mktemp("postgresql") / "data"
    begin(data, TWINPORT_DATABASE=address)
    yield data, address
    postgres.drop(address)


@pytest.fixture(scope="module")
def in_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("sqlite") / "data"
    begin(data)
    return data


@pytest.fixture
def copied(in_files: Path, tmp_path: Path) -> Path:
    """A copy of `in_files` that a test may harm."""
    return Path(shutil.copytree(in_files, tmp_path / "data"))


@pytest.fixture(scope="module")
def unused(postgres: PostgresServer) -> Iterator[str]:
    """A database in which nothing was begun, and nothing may be."""
    address = postgres.new_address()
    yield address
    postgres.drop(address)


@words("command", ALL, ids=shown)
def test_without_its_database_setting_a_folder_is_refused_and_unchanged(
    on_postgres: tuple[Path, str], command: tuple[str, ...]
) -> None:
    data, _ = on_postgres
    before = stored(data)
    ended = called(data, command)
    assert (ended.code, ended.stdout) == (3, ""), ended.stderr
    assert re.fullmatch(r"twinport: the folder '.*' belongs to another catalog than .*\n", ended.stderr)
    assert stored(data) == before


@words("command", ALL, ids=shown)
def test_a_folder_of_sqlite_refuses_another_database_and_leaves_that_empty(
    in_files: Path, postgres: PostgresServer, unused: str, command: tuple[str, ...]
) -> None:
    before = stored(in_files)
    ended = called(in_files, command, TWINPORT_DATABASE=unused)
    assert (ended.code, ended.stdout) == (3, ""), ended.stderr
    assert "belongs to another catalog" in ended.stderr
    assert stored(in_files) == before
    assert tables_of(postgres, unused) == 0


@words("command", (*READING, *CHANGING), ids=shown)
def test_a_mistyped_folder_is_named_and_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = called(tmp_path / "typo", command)
    assert (ended.code, ended.stdout) == (4, "")
    assert f"nothing was begun in the folder '{tmp_path}/typo'" in ended.stderr
    assert files_in(tmp_path) == set()


@words("command", (READING[0], CHANGING[0], CHANGING[-1]), ids=shown)
def test_a_mistyped_folder_leaves_the_database_empty_too(
    tmp_path: Path, postgres: PostgresServer, unused: str, command: tuple[str, ...]
) -> None:
    assert called(tmp_path / "typo", command, TWINPORT_DATABASE=unused).code == 4
    assert files_in(tmp_path) == set()
    assert tables_of(postgres, unused) == 0


def test_the_note_names_no_address(on_postgres: tuple[Path, str]) -> None:
    data, _ = on_postgres
    assert re.fullmatch(r"[0-9a-f]{32}\n", (data / NOTE).read_text())


def test_a_folder_of_an_earlier_version_adopts_its_catalog_once(postgres: PostgresServer, tmp_path: Path) -> None:
    data, own, other = tmp_path / "data", postgres.new_address(), postgres.new_address()
    begin(data, TWINPORT_DATABASE=own)
    noted = (data / NOTE).read_text()
    (data / NOTE).unlink()
    for environment in ({}, {"TWINPORT_DATABASE": other}):
        for command in (("account", "create", "other"), ("account", "list"), ("serve",)):
            assert called(data, command, **environment).code == 3
    assert called(data, ("account", "list"), TWINPORT_DATABASE=own).code == 0
    assert files_in(data).isdisjoint({NOTE, "global.db"}), "what only reads notes nothing"
    assert called(data, ("user", "create", "acme", "ci"), TWINPORT_DATABASE=own).code == 0
    assert (data / NOTE).read_text() == noted
    assert tables_of(postgres, other) == 0
    postgres.drop(own)
    postgres.drop(other)


def test_files_that_an_earlier_version_made_by_mistake_do_not_count(postgres: PostgresServer, tmp_path: Path) -> None:
    """An account that was created without the setting left a catalog that no server ever saw."""
    data, own = tmp_path / "data", postgres.new_address()
    begin(data, TWINPORT_DATABASE=own)
    (data / NOTE).unlink()
    assert called(tmp_path / "mistake", ("account", "create", "lost")).code == 0
    forget_the_server(tmp_path / "mistake" / "global.db")
    (tmp_path / "mistake" / "global.db").rename(data / "global.db")
    assert called(data, ("account", "list")).code == 3
    assert "acme" in called(data, ("account", "list"), TWINPORT_DATABASE=own).stdout
    start(data, TWINPORT_DATABASE=own).stop()
    postgres.drop(own)


def test_an_account_that_is_created_first_is_the_servers(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert called(data, ("account", "create", "acme")).code == 0
    (data / NOTE).unlink()
    start(data).stop()
    assert "acme" in called(data, ("account", "list")).stdout


def test_a_lost_catalog_is_not_replaced_by_an_empty_one(copied: Path) -> None:
    (copied / "global.db").unlink()
    for command in (("serve",), ("account", "create", "other"), ("worker",), ("account", "list")):
        ended = called(copied, command)
        assert (ended.code, "another catalog" in ended.stderr) == (3, True)
    assert not (copied / "global.db").exists()


def test_a_lost_sealing_key_is_not_replaced(copied: Path) -> None:
    (copied / "sealing.key").unlink()
    for command in (("serve",), ("account", "create", "other")):
        ended = called(copied, command)
        assert (ended.code, "sealing.key" in ended.stderr) == (2, True)
    assert not (copied / "sealing.key").exists()


def test_a_reset_leaves_the_folder_its_catalog(tmp_path: Path) -> None:
    served: Served = start(tmp_path / "data")
    noted = (served.data / NOTE).read_text()
    assert get(f"{served.url}/_twinport/reset", "POST")[0] == 200
    assert called(served.data, ("verify",)).code == 0
    served.stop()
    assert called(served.data, ("account", "create", "acme")).code == 0
    assert (served.data / NOTE).read_text() == noted


def test_a_note_that_names_no_catalog_is_explained(tmp_path: Path) -> None:
    assert called(tmp_path, ("account", "create", "acme")).code == 0
    (tmp_path / NOTE).write_bytes(b"\xff\x00")
    ended = called(tmp_path, ("account", "list"))
    assert (ended.code, "does not name a catalog" in ended.stderr) == (2, True)


@words("noted", [None, "a"])
@words("was_served", [False, True])
@words("found", [None, Found(), Found("a", opens=True), Found("a"), Found("b", opens=True), Found("b")])
def test_a_folder_takes_only_its_own_catalog(noted: str | None, was_served: bool, found: Found | None) -> None:  # noqa: FBT001 — a table
    folder = Folder(noted, was_served=was_served)
    identity = None if found is None else found.identity
    took = standing(folder, found) in (Standing.OWN, Standing.UNUSED)
    if noted is not None:
        assert took == (identity == noted and found is not None and found.opens)
    elif identity is None:
        assert took == (not was_served)
    else:
        assert took == (found is not None and found.opens)


def tables_of(postgres: PostgresServer, address: str) -> int:
    """Count the tables in a deployment's databases."""
    name = address.rpartition("?")[0].rpartition("/")[2]
    assert postgres.databases(name) == [name]
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row is not None
    return int(row[0])


def forget_the_server(file: Path) -> None:
    """Take from a catalog what an earlier version made only when a server started."""
    with closing(sqlite3.connect(file)) as catalog, catalog:
        catalog.execute("DELETE FROM site_key")
