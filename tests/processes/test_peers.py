"""Processes on one data folder: they wake each other, and know who is dead."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_SECONDS
from twinport.processes.peers import Peers, this_host
from twinport.processes.wakeups import Topic

PROGRAM = """
import pathlib, sys, time
from twinport.processes.peers import Peers
process = Peers(pathlib.Path(sys.argv[1]), sys.argv[2])
process.open()
print(process.name, flush=True)
time.sleep(60)
"""


class Folder:
    """A folder with processes of this host, closed at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened: list[Peers] = []

    def join(self, host: str = "host") -> Peers:
        process = Peers(self.path, host)
        process.open()
        self.opened.append(process)
        return process


@pytest.fixture(params=["short", "long"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    """A folder whose path a socket may have, and one whose path is too long for that."""
    parent = tmp_path / ("x" * 120) if request.param == "long" else tmp_path
    parent.mkdir(exist_ok=True)
    folder = Folder(parent / "processes")
    yield folder
    for each in folder.opened:
        each.close()


async def test_words_that_mean_nothing_wake_no_process_and_do_no_harm(folder: Folder) -> None:
    ann, bob = folder.join(), folder.join()
    heard: asyncio.Queue[Topic] = asyncio.Queue()
    listening = asyncio.create_task(bob.listen(heard.put_nowait))
    for word in (b"", b"\xff\xfe", b"nonsense", b"x" * 1000):
        assert ann._send(bob.name, word)
    await ann.tell(Topic.DELIVERIES)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await heard.get() is Topic.DELIVERIES
    assert heard.empty()
    listening.cancel()


def test_a_process_that_was_killed_is_dead_and_one_that_ended_in_order_was_never_there(folder: Folder) -> None:
    ann, bob = folder.join(), folder.join()
    assert ann.dead() == []
    bob.close()
    assert ann.dead() == []
    command = [sys.executable, "-c", PROGRAM, str(folder.path), "host"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        name = killed.stdout.readline().strip()
        assert ann.dead() == []
        killed.kill()
    assert ann.dead() == [name]
    ann.forget(name)
    assert ann.dead() == []


def test_a_process_that_hears_nothing_more_is_not_dead(folder: Folder) -> None:
    ann, bob = folder.join(), folder.join()
    for _ in range(1000):
        ann._send(bob.name, b"deliveries")
    assert ann.dead() == []


def test_no_process_judges_the_processes_of_another_host(folder: Folder) -> None:
    ann, far = folder.join("here"), folder.join("there")
    assert far._socket is not None
    far._socket.close()
    assert ann.dead() == []


async def test_where_no_socket_can_be_made_a_process_is_alone_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "processes").write_text("in the way")
    alone = Peers(tmp_path / "processes", this_host())
    alone.open()
    assert alone.dead() == []
    await alone.tell(Topic.DELIVERIES)
    alone.close()


def test_a_host_has_one_name_for_all_its_processes() -> None:
    command = [sys.executable, "-c", "from twinport.processes.peers import this_host; print(this_host())"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.strip() == this_host()


def test_sockets_leave_no_descriptor_behind(folder: Folder) -> None:
    ann, _ = folder.join(), folder.join()
    before = descriptors()
    for _ in range(50):
        ann.dead()
    assert descriptors() == before


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
