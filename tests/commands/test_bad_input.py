"""Bad input to a server's start: one clear sentence, the exit code of its kind, and nothing lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import called, called_by
from tests.commands.test_serving import run
from tests.machine_users import AS_A_STRANGER, require_stranger, shared_folder
from tests.served import Served
from tests.test_broken_databases import stored


def mount(folder: Path, *options: str) -> None:
    """Mount a disk in memory, or skip where this user may not."""
    folder.mkdir()
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o {','.join(options)} tmpfs '{folder}' 2> /dev/null"):  # noqa: S605
        pytest.skip("a disk of its own takes the right to mount one")


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk that has no room for a database."""
    folder = tmp_path / "full"
    mount(folder, "size=64k")
    yield folder
    os.system(f"umount --lazy '{folder}'")  # noqa: S605


def test_a_taken_port_is_one_sentence_and_the_server_there_goes_on(server: Served, tmp_path: Path) -> None:
    ended = run("serve", "--data", str(tmp_path / "data"), "--listen", f"127.0.0.1:{server.port}")
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (4, "", 1)
    assert f"cannot listen on '127.0.0.1:{server.port}': address already in use" in ended.stderr
    assert "--listen HOST:PORT" in ended.stderr
    assert not (tmp_path / "data").exists()
    assert server.client("sts", "test").get_caller_identity()["Account"] == "000000000000"


@pytest.mark.parametrize("words", [("serve", "--listen", "127.0.0.1:0"), ("account", "create", "acme")])
def test_a_full_disk_is_one_sentence(full: Path, words: tuple[str, ...]) -> None:
    ended = run(*words, "--data", str(full / "data"))
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (4, "", 1)
    assert "the disk of " in ended.stderr
    assert "is full" in ended.stderr
    assert "restore a copy" not in ended.stderr


def test_another_users_folder_is_one_sentence_and_stays_as_it_is(tmp_path: Path) -> None:
    require_stranger()
    with shared_folder() as folder:
        assert called("account", "create", "acme", "--data", str(folder / "data")).code == 0
        before = stored(folder / "data")
        [ended] = called_by(AS_A_STRANGER, [["serve", "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]])
        assert (ended.code, ended.stdout, len(ended.stderr.splitlines())) == (4, "", 1)
        assert "run this as the user that the server runs as" in ended.stderr
        assert stored(folder / "data") == before
    assert not (tmp_path / "data").exists()


def test_what_a_settings_file_of_others_says_steers_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "twinport.toml").write_text('"\\u001b[2J" = 1\nlisten = 1\n')
    ended = called("status", "--config", str(tmp_path / "twinport.toml"))
    lines = ended.stderr.removesuffix("\n").split("\n")
    assert (ended.code, len(lines)) == (2, 3), ended.stderr
    assert all(line.isprintable() for line in lines)
    assert r"'\x1b[2J'" in ended.stderr


def test_an_unknown_command_touches_no_folder(tmp_path: Path) -> None:
    ended = called("sevre", "--data", str(tmp_path / "data"))
    sentence = "twinport: no such command 'sevre', did you mean 'serve'?; see 'twinport --help'\n"
    assert (ended.code, ended.stderr) == (2, sentence)
    assert not (tmp_path / "data").exists()
