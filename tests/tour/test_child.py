"""The server beneath the tour: it is up when the tour begins, and says why when it cannot be."""

import asyncio
import os
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.ports import free_port
from twinport.logs.file import LARGEST
from twinport.tour.child import ServerEnded, running


def silently(_sentence: str) -> None:
    """Tell nothing."""


async def test_the_server_answers_when_the_tour_begins(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    arguments = ("--data", str(tmp_path / "data"), "--listen", listen)
    async with (
        running(arguments, os.environ, f"http://{listen}", tmp_path / "events.log", silently),
        aiohttp.ClientSession() as http,
    ):
        assert (await http.get(f"http://{listen}/_twinport/health")).status == 200


async def test_the_server_ends_with_the_tour(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    arguments = ("--data", str(tmp_path / "data"), "--listen", listen)
    async with running(arguments, os.environ, f"http://{listen}", tmp_path / "events.log", silently) as server:
        pass
    assert server.returncode == 0


async def test_the_server_ends_when_the_tour_is_broken_off(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    arguments = ("--data", str(tmp_path / "data"), "--listen", listen)
    with pytest.raises(asyncio.CancelledError):
        async with running(arguments, os.environ, f"http://{listen}", tmp_path / "events.log", silently) as server:
            raise asyncio.CancelledError
    assert server.returncode == 0


async def test_what_the_server_said_before_it_ended_is_repeated(tmp_path: Path) -> None:
    with pytest.raises(ServerEnded, match="HOST:PORT is needed"):
        async with running(
            ("--listen", "nowhere"), os.environ, "http://127.0.0.1:1", tmp_path / "events.log", silently
        ):
            pass


async def test_the_wait_for_a_server_that_does_not_answer_lasts_while_it_lives_and_says_so(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path / "data"), "--listen", f"127.0.0.1:{free_port()}")
    elsewhere, events, said = f"http://127.0.0.1:{free_port()}", tmp_path / "events.log", list[str]()

    def end_it_at_the_third(sentence: str) -> None:
        said.append(sentence)
        if len(said) == 3:
            [process] = re.findall(r"process (\d+)", sentence)
            os.kill(int(process), signal.SIGKILL)

    with pytest.raises(ServerEnded):
        async with running(arguments, os.environ, elsewhere, events, end_it_at_the_third, tell_every=0.05):
            pass
    assert len(said) >= 3
    assert all(f"waiting for the server to answer on {elsewhere}" in each and str(events) in each for each in said)


async def test_the_servers_events_begin_a_new_file_when_theirs_is_full(tmp_path: Path) -> None:
    listen, events = f"127.0.0.1:{free_port()}", tmp_path / "events.log"
    events.write_bytes(b"x" * LARGEST)
    arguments = ("--data", str(tmp_path / "data"), "--listen", listen)
    async with running(arguments, os.environ, f"http://{listen}", events, silently):
        pass
    assert "server.stopped" in events.read_text()
    assert (tmp_path / "events.log.1").stat().st_size == LARGEST
