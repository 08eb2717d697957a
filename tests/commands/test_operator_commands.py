"""Every command, wherever it is run, does its work, or says in one sentence why not and changes nothing."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import Ended, called, called_by
from tests.files.test_private_files import ACCOUNT, NAME, at_rest
from tests.machine_users import AS_A_STRANGER, STRANGER, require_stranger, shared_folder
from tests.served import Served, start
from tests.test_broken_databases import stored

WHOSE = ("acme", "administrator")
READING = (
    ("account", "list"),
    ("user", "list", "acme"),
    ("user", "keys", "list", *WHOSE),
    ("why", f"arn:aws:iam::{ACCOUNT}:root", "ecr:PutImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{NAME}"),
    ("gc",),
    ("verify",),
)
CHANGING = (
    ("account", "create", "other"),
    ("user", "create", "acme", "ci"),
    ("user", "keys", "create", *WHOSE),
    ("gc", "--delete"),
)
OF_SERVERS = (("serve", "--listen", "127.0.0.1:0"), ("worker",))
ALL = (*READING, *CHANGING, *OF_SERVERS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment at rest."""
    return at_rest(tmp_path_factory.mktemp("whole") / "data")


@pytest.fixture
def running(whole: Path, tmp_path: Path) -> Iterator[Served]:
    served = start(Path(shutil.copytree(whole, tmp_path / "data")))
    yield served
    served.stop()


@pytest.fixture
def foreign(whole: Path) -> Iterator[Path]:
    """A copy of the deployment that a stranger can get to."""
    require_stranger()
    with shared_folder() as folder:
        yield Path(shutil.copytree(whole, folder / "data"))


def all_on(data: Path) -> list[tuple[str, ...]]:
    return [(*command, "--data", str(data)) for command in ALL]


def shown(commands: list[tuple[str, ...]], ended: list[Ended]) -> list[tuple[str, int, int, bool]]:
    """Return how each command ended: its code, how many lines it said, and whether it printed anything else."""
    pairs = zip(commands, ended, strict=True)
    return [(" ".join(words[:2]), each.code, len(each.stderr.splitlines()), bool(each.stdout)) for words, each in pairs]


def all_refused(commands: list[tuple[str, ...]], code: int) -> list[tuple[str, int, int, bool]]:
    return [(" ".join(words[:2]), code, 1, False) for words in commands]


def test_commands_work_beside_a_server_and_after_its_end(running: Served) -> None:
    for number in range(2):
        names = {"other": f"other{number}", "ci": f"ci{number}"}
        for command in (*READING, *CHANGING):
            if command[:3] == ("user", "keys", "create") and number:
                continue  # a user has two keys at most
            ended = called(*(names.get(word, word) for word in command), "--data", str(running.data))
            assert (ended.code, ended.stderr) == (0, ""), command
        running.process.terminate()
        running.process.wait(timeout=60)
    listed = called("account", "list", "--data", str(running.data)).stdout.split()
    assert {"acme", "other0", "other1"} <= set(listed)


def test_a_user_who_may_not_read_the_folder_is_told_so(foreign: Path) -> None:
    before, commands = stored(foreign), all_on(foreign)
    ended = called_by(AS_A_STRANGER, commands)
    assert shown(commands, ended) == all_refused(commands, 4)
    assert all("run this as the user that the server runs as" in each.stderr for each in ended)
    assert stored(foreign) == before


def test_a_user_who_may_read_the_folder_and_not_what_is_in_it_is_told_so(foreign: Path) -> None:
    before, commands = stored(foreign), all_on(foreign)
    foreign.chmod(0o755)
    assert shown(commands, called_by(AS_A_STRANGER, commands)) == all_refused(commands, 4)
    assert stored(foreign) == before


def test_a_folder_that_is_read_only_is_told_of(foreign: Path) -> None:
    for path in (foreign, *foreign.rglob("*")):
        os.chown(path, STRANGER, STRANGER)
        path.chmod(0o500 if path.is_dir() else 0o400)
    before, commands = stored(foreign), all_on(foreign)
    assert shown(commands, called_by(AS_A_STRANGER, commands)) == all_refused(commands, 4)
    assert stored(foreign) == before


def test_a_file_in_the_place_of_the_folder_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    for command in ALL:
        ended = called(*command, "--data", str(tmp_path / "data"))
        assert (ended.code in (2, 4), ended.stdout, ended.stderr.startswith("twinport: ")) == (True, "", True)
    assert (tmp_path / "data").read_text() == "a file"
