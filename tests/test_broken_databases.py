"""A damaged database is named in one sentence, by commands, at the start and while serving; `verify` finds it."""

import json
import os
import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.command_line import called
from tests.files.test_private_files import ACCOUNT, NAME, at_rest
from tests.served import start
from tests.waiting import until

PARTITION, REGION = "global.db", "regions/eu-west-1/catalog.db"
PAGE = 4096
TABLES = {"global.db": "user", "catalog.db": "manifest"}


def cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def zero_pages(file: Path) -> None:
    overwrite(file, bytes)


def random_bytes(file: Path) -> None:
    overwrite(file, os.urandom)


def text_file(file: Path) -> None:
    file.write_bytes(b"this is no database\n" * 1000)


def folder_in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()


def missing_table(file: Path) -> None:
    change(file, f'DROP TABLE "{TABLES[file.name]}"')


def later_version(file: Path) -> None:
    change(file, "UPDATE alembic_version SET version_num = '9999'")


UNREADABLE = (
    cut_in_half,
    zero_pages,
    random_bytes,
    text_file,
    folder_in_its_place,
    missing_table,
    later_version,
)
COMMANDS = (
    ("serve", "--listen", "127.0.0.1:0"),
    ("worker",),
    ("account", "list"),
    ("account", "create", "other"),
    ("user", "create", "acme", "ci"),
    ("user", "keys", "list", "acme", "administrator"),
    ("why", f"arn:aws:iam::{ACCOUNT}:root", "ecr:PutImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{NAME}"),
    ("gc",),
    ("gc", "--delete"),
    ("verify",),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment at rest, with an account and images in two Regions."""
    return at_rest(tmp_path_factory.mktemp("whole") / "data")


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "data"))


@pytest.mark.parametrize("name", [PARTITION, REGION])
@pytest.mark.parametrize("damage", UNREADABLE, ids=lambda each: each.__name__)
def test_every_command_names_a_database_that_cannot_be_read_and_ends_with_4(
    data: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(data / name)
    before = stored(data)
    for command in COMMANDS:
        ended = called(*command, "--data", str(data))
        said = ended.stderr.splitlines()
        assert (ended.code, ended.stdout, len(said)) == (4, "", 1), (command, ended)
        assert name.rpartition("/")[2] in said[0], "it names the file"
    assert stored(data) == before


def test_verify_finds_rows_that_refer_to_nothing(data: Path) -> None:
    change(data / REGION, "DELETE FROM repository")
    ended = called("verify", "--data", str(data))
    assert ended.code == 5
    assert "eu-west-1  database  " in ended.stdout
    assert "refer to missing rows of table 'repository'" in ended.stdout
    assert "all whole" not in ended.stdout


def test_verify_finds_a_list_of_images_without_tags_that_does_not_match_the_tags(data: Path) -> None:
    change(data / REGION, "DELETE FROM tag WHERE name = (SELECT min(name) FROM tag)")
    ended = called("verify", "--data", str(data))
    assert ended.code == 5
    assert "eu-west-1  database  table 'untagged_image' is wrong about 1 image:" in ended.stdout


def test_verify_finds_a_tag_with_another_status_than_its_image(data: Path) -> None:
    change(data / REGION, "UPDATE tag SET status = 'ARCHIVED' WHERE name = (SELECT min(name) FROM tag)")
    ended = called("verify", "--data", str(data))
    assert ended.code == 5
    assert "eu-west-1  database  table 'tag' is wrong about 1 tag:" in ended.stdout


def test_verify_finds_a_damaged_page_of_a_table_that_it_does_not_read(data: Path) -> None:
    damage_page_of(data / PARTITION, "access_key")
    ended = called("verify", "--json", "--data", str(data))
    assert ended.code == 5, ended
    assert {each["database"] for each in json.loads(ended.stdout)["databases"]["broken"]} == {"partition"}


def test_verify_goes_on_where_a_region_can_no_longer_be_read(data: Path) -> None:
    damage_page_of(data / REGION, "manifest")
    ended = called("verify", "--json", "--data", str(data))
    report = json.loads(ended.stdout)
    assert ended.code == 5
    assert {each["database"] for each in report["databases"]["broken"]} == {"eu-west-1"}
    assert report["manifests"] >= 1, "those of the other Region"


@pytest.mark.parametrize("name", [PARTITION, REGION])
def test_a_log_of_sqlite_that_is_damaged_is_taken_for_none(data: Path, name: str) -> None:
    (data / f"{name}-wal").write_bytes(os.urandom(5 * PAGE))
    ended = called("verify", "--data", str(data))
    assert (ended.code, ended.stdout.splitlines()[-1].endswith("all whole")) == (0, True)


def test_a_whole_deployment_is_called_whole(data: Path) -> None:
    report = json.loads(called("verify", "--json", "--data", str(data)).stdout)
    assert report["databases"] == {"broken": [], "unchecked": {}}


def test_a_database_that_breaks_while_serving_is_503_and_told_once(data: Path) -> None:
    served = start(data)
    try:
        ecr = served.client("ecr", ACCOUNT)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        overwrite(data / REGION, bytes)
        for _ in range(5):
            assert status(f"{served.url}/v2/{ACCOUNT}/eu-west-1/{NAME}/manifests/1", token) == 503
            with pytest.raises(ClientError, match="cannot be read: database disk image is malformed"):
                ecr.describe_repositories()
        log = data.parent / f"{data.name}.log"
        told = until(lambda: [each for each in events(log) if each["event"] == "database.damaged"])
        assert [each["level"] for each in told] == ["error"]
        assert not [each for each in events(log) if "exception" in each], "no traceback"
        assert served.client("ecr", ACCOUNT, "us-east-1").describe_repositories()["repositories"]
    finally:
        served.stop()


def overwrite(file: Path, with_: Callable[[int], bytes]) -> None:
    """Replace everything after the first page, in place, as a disk would."""
    with file.open("r+b") as database:
        database.seek(PAGE)
        database.write(with_(file.stat().st_size - PAGE))


def damage_page_of(file: Path, table: str) -> None:
    """Spoil the root page of a table, and of no other."""
    with closing(sqlite3.connect(file)) as catalog:
        ((page, size),) = catalog.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = ?", (table,)
        ).fetchall()
    with file.open("r+b") as database:
        database.seek((page - 1) * size)
        database.write(os.urandom(size))


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as catalog, catalog:
        catalog.execute(statement)


def stored(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder at rest; SQLite's passing files are no part of it."""
    names = {path: str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for path, name in names.items() if not name.endswith(("-wal", "-shm"))}


def events(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def status(url: str, token: str) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
