"""The tour as a newcomer takes it: `twinport run`, `twinport demo`, and what they say when something is in the way."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE
from tests.journeys.engine import Engine
from tests.journeys.server import COMMAND
from tests.journeys.waiting import until
from tests.ports import free_port
from tests.waiting import END_SECONDS

TOUR_SECONDS = 60.0
STOP_SECONDS = END_SECONDS
LAST_WORDS = "Ctrl-C ends it"


def test_the_demo_succeeds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = finished("demo", environment={"TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_tour_shows_every_copy_and_the_role_that_carried_it(tmp_path: Path) -> None:
    with tour(tmp_path) as shown:
        assert {SOURCE, OTHER, HOME, AWAY} <= set(shown.split())
        assert "carried by" in shown


def test_the_tour_can_be_taken_again_over_its_own_data(tmp_path: Path) -> None:
    with tour(tmp_path) as shown:
        assert "tour/hello:1, every copy" in shown
    with tour(tmp_path) as shown:
        assert "tour/hello:2, every copy" in shown


@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_taken_port_is_explained(tmp_path: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = finished(command, "--data", str(tmp_path / "data"), "--listen", address)
    assert done.returncode == 4
    assert f"cannot listen on '{address}'" in done.stderr
    assert "--listen" in done.stderr


def test_what_the_tour_proposes_works_as_it_stands(tmp_path: Path, engine: Engine) -> None:
    with tour(tmp_path) as shown:
        proposed = shown.partition("export ")[2].partition("twinport stays up")[0]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"export {proposed}"],
            env={**os.environ, **engine.docker.environment},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello from tour 1" in done.stdout
    assert "all is well" in done.stdout


@contextmanager
def tour(folder: Path) -> Iterator[str]:
    """Take the tour, yield what it showed once it stays up, and end it as Ctrl-C does."""
    shown, listen = folder / "shown", f"127.0.0.1:{free_port()}"
    with shown.open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, "run", "--data", str(folder / "data"), "--listen", listen], stdout=output, stderr=output
        )
    try:
        until("the tour is over", lambda: is_over(process, shown), seconds=TOUR_SECONDS)
        yield shown.read_text()
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=STOP_SECONDS)
    assert code == 0


def is_over(process: "subprocess.Popen[bytes]", shown: Path) -> bool:
    assert process.poll() is None, shown.read_text()
    return LAST_WORDS in shown.read_text()


def finished(*words: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *words],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TOUR_SECONDS,
        check=False,
    )
