"""What running servers note of themselves in their data folder, and who reads it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.command_line import called
from tests.ports import free_port
from twinport.processes import listeners
from twinport.processes.listeners import Listening, noted, running
from twinport.processes.peers import Peers, this_host
from twinport.settings.loading import Settings
from twinport.tour.commands import known_before

NOTED = Listening("http://127.0.0.1:5000", "closed", 7)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Peers]:
    """A process with a socket in the folder."""
    found = Peers(tmp_path / "processes", this_host(), "server")
    found.open()
    yield found
    found.close()


def test_what_a_process_notes_is_read_while_it_serves(tmp_path: Path, process: Peers) -> None:
    with noted(tmp_path, process.name, NOTED):
        assert running(tmp_path) == [NOTED]
    assert running(tmp_path) == []


def test_several_processes_of_one_server_are_one(tmp_path: Path, process: Peers) -> None:
    other = Peers(tmp_path / "processes", this_host(), "server")
    other.open()
    with noted(tmp_path, process.name, NOTED), noted(tmp_path, other.name, NOTED):
        assert running(tmp_path) == [NOTED]
    other.close()


def test_a_note_without_its_process_is_not_believed_and_goes_with_the_next(tmp_path: Path, process: Peers) -> None:
    left = tmp_path / "listeners" / f"{this_host()}-server-1-00"
    left.parent.mkdir()
    left.write_text('{"url":"http://127.0.0.1:1","accounts":"closed","pid":1}')
    assert running(tmp_path) == []
    with noted(tmp_path, process.name, NOTED):
        assert not left.exists()


def test_a_note_that_is_half_written_is_none(tmp_path: Path, process: Peers) -> None:
    with noted(tmp_path, process.name, NOTED):
        (tmp_path / "listeners" / process.name).write_text('{"url":')
        assert running(tmp_path) == []


def test_a_note_that_names_no_address_of_a_server_of_this_machine_is_none(tmp_path: Path, process: Peers) -> None:
    # 192.0.2.0/24 is for documentation: no machine has an address in it.
    for url in (
        "http://192.0.2.1:80",
        "ftp://127.0.0.1:80",
        "http://127.0.0.1",
        "http://[::1",
        "http://127.0.0.1:80/path",
        "http://\x1bc@127.0.0.1:80",
    ):
        with noted(tmp_path, process.name, replace(NOTED, url=url)):
            assert running(tmp_path) == [], url


@pytest.mark.parametrize("kind", ["a pipe", "a link"])
def test_a_note_that_is_no_file_is_none(kind: str, tmp_path: Path, process: Peers) -> None:
    note = tmp_path / "listeners" / process.name
    with noted(tmp_path, process.name, NOTED):
        if kind == "a pipe":
            note.unlink()
            # Opening one waits for a writer, unless it is told not to.
            os.mkfifo(note)
        else:
            note.symlink_to(note.rename(tmp_path / "elsewhere"))
        assert running(tmp_path) == []


def test_what_a_note_in_a_folder_of_others_says_steers_no_terminal(tmp_path: Path, process: Peers) -> None:
    said = "\x1b[2Jopen\nall is well"
    with noted(tmp_path, process.name, replace(NOTED, url=f"http://127.0.0.1:{free_port()}", accounts=said)):
        ended = called("status", "--data", str(tmp_path))
    assert r"\x1b[2Jopen\nall is well" in ended.stdout
    assert all(line.isprintable() for line in ended.stdout.removesuffix("\n").split("\n"))
    assert (ended.code, "all is well" in ended.stdout.split("\n")) == (4, False)


def test_a_folder_that_takes_no_note_serves_all_the_same(tmp_path: Path, process: Peers) -> None:
    (tmp_path / "listeners").write_text("in the way")
    with noted(tmp_path, process.name, NOTED):
        assert running(tmp_path) == []


def test_a_tour_on_the_folder_of_a_running_server_says_where_that_listens(tmp_path: Path, process: Peers) -> None:
    settings = Settings(data=tmp_path)
    (tmp_path / "sealing.key").touch()
    with noted(tmp_path, process.name, NOTED):
        [sentence] = known_before(settings)
    assert f"a server already runs on the folder '{tmp_path}' and listens on {NOTED.url}" in sentence
    assert known_before(settings) == []


def test_a_tour_in_a_folder_of_others_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "main.c").touch()
    [sentence] = known_before(Settings(data=tmp_path))
    assert sentence.startswith(f"the folder '{tmp_path}' already held 1 other name, such as 'main.c'; ")


def test_a_note_is_for_its_own_user_alone(tmp_path: Path, process: Peers) -> None:
    with noted(tmp_path, process.name, NOTED):
        assert (tmp_path / "listeners" / process.name).stat().st_mode & 0o077 == 0
    assert listeners.running(tmp_path / "missing") == []
