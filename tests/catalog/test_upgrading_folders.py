"""A data folder of an earlier version is upgraded once, wholly or not at all; one of a later version is refused."""

import hashlib
import math
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from tests.served import start
from tests.waiting import PATIENCE_SECONDS
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.engine import migration_files
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema
from twinport.clock import ManualClock
from twinport.model.names import RegionName
from twinport.refusals.storage import DatabaseNewer

pytestmark = pytest.mark.large

# A folder as version 0.1 left it before revisions were noted: a user in a group, a policy, images and their copies.
FIRST = Path(__file__).parent / "first_folder"
FILES = {
    "global": "global.db",
    "eu-west-1": "regions/eu-west-1/catalog.db",
    "us-east-1": "regions/us-east-1/catalog.db",
}
REGION = RegionName("eu-west-1")
Rows = dict[str, list[dict[str, object]]]

OPEN = (
    "import sys; from pathlib import Path; from twinport.catalog.embedded import EmbeddedCatalog; "
    "from twinport.clock import ManualClock; "
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder of the first version."""
    return first_version(tmp_path)


@pytest.fixture(scope="module")
def upgraded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the first version that was upgraded, to be copied."""
    folder = first_version(tmp_path_factory.mktemp("upgraded"))
    open_and_close(folder)
    return folder


@pytest.fixture
def upgraded(upgraded_once: Path, tmp_path: Path) -> Path:
    """A data folder of the first version that was upgraded."""
    return shutil.copytree(upgraded_once, tmp_path / "data")


def first_version(folder: Path) -> Path:
    for name, file in FILES.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(folder / file)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript((FIRST / f"{name}.sql").read_text())
    return folder


def rows(path: Path) -> Rows:
    """Every row of a database, but for the note of its revision."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        return {
            name: [dict(row) for row in db.execute(f'SELECT * FROM "{name}" ORDER BY rowid')]  # noqa: S608 — its own names
            for (name,) in tables
            if name != "alembic_version"
        }


def holds(later: Rows, earlier: Rows) -> bool:
    """Tell whether each row of before is there with each of its values; columns and tables may have come."""
    return all(
        len(then) == len(later[table])
        and all(was.items() <= now.items() for was, now in zip(then, later[table], strict=True))
        for table, then in earlier.items()
    )


def revision(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        return str(db.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}


def contents(folder: Path) -> dict[str, str]:
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in FILES.values()}


def open_and_close(folder: Path) -> None:
    EmbeddedCatalog(folder, ManualClock()).close()


def test_a_folder_of_the_first_version_is_upgraded_with_every_row(folder: Path) -> None:
    before = {file: rows(folder / file) for file in FILES.values()}
    assert before["global.db"]["user"], "the folder has something to lose"
    assert before[FILES["eu-west-1"]]["tag"], "the folder has something to lose"
    open_and_close(folder)
    for file, earlier in before.items():
        metadata = partition_schema.partition if file == "global.db" else regional_schema.regional
        assert revision(folder / file) == migration_files.known(metadata)[-1]
        assert holds(rows(folder / file), earlier)


def test_a_server_on_a_folder_of_the_first_version_tells_what_it_held(folder: Path) -> None:
    served = start(folder)
    try:
        ecr, iam = served.client("ecr", "111111111111"), served.client("iam", "111111111111")
        image = {"repositoryName": "team/api", "imageIds": [{"imageTag": "1.2"}]}
        (found,) = ecr.batch_get_image(**image)["images"]
        told = ecr.describe_image_replication_status(repositoryName="team/api", imageId=found["imageId"])
        assert [each["status"] for each in told["replicationStatuses"]] == ["COMPLETE"]
        copy = served.client("ecr", "111111111111", "us-east-1").batch_get_image(**image)["images"][0]
        assert copy["imageManifest"] == found["imageManifest"]
        assert [each["GroupName"] for each in iam.list_groups_for_user(UserName="Ada")["Groups"]] == ["builders"]
        ecr.create_repository(repositoryName="team/web")
    finally:
        assert served.stop() == 0


def test_tables_that_the_first_version_got_late_are_made(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "global.db")) as db:
        db.executescript("DROP TABLE membership; DROP TABLE boundary; DROP INDEX access_key_by_owner")
    open_and_close(folder)
    made = {words for words in tables(folder / "global.db") if "membership" in words or "access_key_by" in words}
    assert {words.split("(")[0].replace(" ON access_key ", "").strip() for words in made} == {
        "CREATE TABLE membership",
        "CREATE INDEX membership_by_group ON membership",
        "CREATE INDEX access_key_by_owner",
    }


def test_a_region_whose_beginning_was_cut_off_gets_its_history(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILES["us-east-1"])) as db:
        db.execute("DELETE FROM history")
        db.commit()
    open_and_close(folder)
    assert len(rows(folder / FILES["us-east-1"])["history"]) == 1


@pytest.mark.parametrize("file", FILES.values())
def test_a_folder_of_a_later_version_is_refused_and_nothing_is_touched(upgraded: Path, file: str) -> None:
    with closing(sqlite3.connect(upgraded / file)) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    before = contents(upgraded)
    with pytest.raises(DatabaseNewer, match=f"{file}' is of revision '9999'"):
        open_and_close(upgraded)
    assert contents(upgraded) == before


def test_a_server_refuses_a_folder_of_a_later_version_in_one_sentence(tmp_path: Path) -> None:
    open_and_close(tmp_path)
    with closing(sqlite3.connect(tmp_path / "global.db")) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    command = [sys.executable, "-m", "twinport", "serve", "--data", str(tmp_path), "--listen", "127.0.0.1:0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert ended.returncode == 4
    assert "run the version that last used it, or a later one" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_alembic_is_loaded_for_no_folder_but_an_old_one(folder: Path) -> None:
    program = OPEN + (
        "opened = [(EmbeddedCatalog(Path(each), ManualClock()).close(), 'alembic' in sys.modules)[1] "
        "for each in sys.argv[1:]]; print(opened)"
    )

    def loads(*paths: Path) -> str:
        """Open folders one after the other in a new process, and say after each whether Alembic is loaded."""
        command = [sys.executable, "-c", program, *map(str, paths)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    new, old = folder / "new", folder
    assert loads(new, new, old) == "[False, False, True]"
    assert loads(old) == "[False]"


@pytest.mark.parametrize("which", ["old", "new"])
def test_processes_that_open_a_folder_together_upgrade_it_once(folder: Path, which: str) -> None:
    at = folder if which == "old" else folder / "new"
    before = rows(folder / "global.db")
    program = OPEN + "input(); EmbeddedCatalog(Path(sys.argv[1]), ManualClock()).close()"
    opening = [
        subprocess.Popen([sys.executable, "-c", program, str(at)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for each in opening:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()
    said = [each.communicate(timeout=60)[1].decode() for each in opening]
    assert said == ["", ""]
    assert revision(at / "global.db") == migration_files.known(partition_schema.partition)[-1]
    assert which == "new" or holds(rows(at / "global.db"), before)


class Stopped(Exception):
    """Stands for what may go wrong at any statement."""


@contextmanager
def stopped_at(statement: float) -> Iterator[list[str]]:
    """Let no change of a file through from the one of that number on; yield those that were let through."""
    passed: list[str] = []

    def stop(db: Connection, _cursor: object, sql: str, *_: object) -> None:
        if not sql.startswith(("PRAGMA", "SELECT", "ROLLBACK")) and str(db.engine.url.database).endswith(".db"):
            if len(passed) + 1 >= statement:
                raise Stopped
            passed.append(sql)

    event.listen(Engine, "before_cursor_execute", stop)
    try:
        yield passed
    finally:
        event.remove(Engine, "before_cursor_execute", stop)


def some_of(statements: list[str]) -> list[int]:
    """The numbers of a few statements from the first to the last, and the one after it."""
    return sorted({*range(1, len(statements), max(1, len(statements) // 6)), len(statements), len(statements) + 1})


@pytest.mark.parametrize("file", ["global.db", FILES["eu-west-1"]])
def test_an_upgrade_that_fails_at_any_statement_leaves_the_old_state_or_the_new(folder: Path, file: str) -> None:
    """The databases are upgraded one after the other, so the file is the last that is not yet."""
    with closing(sqlite3.connect(folder / "global.db")) as db:
        db.execute("DELETE FROM region WHERE name <> 'eu-west-1'" if file != "global.db" else "DELETE FROM region")
        db.commit()
    if file != "global.db":
        (folder / file).rename(folder / "kept")
        open_and_close(folder)
        (folder / "kept").rename(folder / file)
    shutil.copytree(folder, folder / "rehearsal")
    with stopped_at(math.inf) as statements:
        open_and_close(folder / "rehearsal")
    before, old_tables = rows(folder / file), tables(folder / file)
    # After the first COMMIT, the partition learns what the Region's database is known by.
    upgrade = statements[: statements.index("COMMIT") + 1]
    for statement in some_of(upgrade):
        with stopped_at(statement), suppress(Stopped):
            open_and_close(folder)
        assert holds(rows(folder / file), before)
        assert (revision(folder / file) is None) == (statement <= len(upgrade))
        assert (tables(folder / file) == old_tables) == (statement <= len(upgrade))


def test_the_partition_of_an_upgraded_folder_knows_the_database_of_each_region(upgraded: Path) -> None:
    known = {str(row["name"]): row["identity"] for row in rows(upgraded / "global.db")["region"]}
    own = {name: rows(upgraded / FILES[name])["history"][0]["identity"] for name in known}
    assert known == own
    assert all(known.values())


def test_a_new_database_whose_making_fails_at_any_statement_is_empty_or_whole(tmp_path: Path) -> None:
    with stopped_at(math.inf) as statements:
        open_and_close(tmp_path / "rehearsal")
    assert len(statements) > 20
    for statement in some_of(statements):
        with stopped_at(statement), suppress(Stopped):
            open_and_close(tmp_path / "new")
        assert bool(tables(tmp_path / "new" / "global.db")) == (statement > len(statements))
    assert revision(tmp_path / "new" / "global.db") == migration_files.known(partition_schema.partition)[-1]


def test_a_process_killed_in_the_middle_of_an_upgrade_leaves_the_old_state(folder: Path) -> None:
    before, old_tables = rows(folder / "global.db"), tables(folder / "global.db")
    program = OPEN + (
        "import os, signal; from sqlalchemy import Connection, Engine, event; "
        "event.listen(Engine, 'after_cursor_execute', lambda connection, cursor, statement, *_: "
        "os.kill(os.getpid(), signal.SIGKILL) if 'alembic_version' in statement and 'INSERT' in statement "
        "and 'global.db' in str(connection.engine.url) else None); "
        "EmbeddedCatalog(Path(sys.argv[1]), ManualClock())"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(folder)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert (revision(folder / "global.db"), tables(folder / "global.db")) == (None, old_tables)
    open_and_close(folder)
    assert holds(rows(folder / "global.db"), before)
