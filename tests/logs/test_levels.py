"""Levels, the quiet mode, and where events go."""

import errno
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import called
from tests.served import Served, new_account, start
from tests.strangers import Stranger
from twinport.logs import telemetry
from twinport.logs.file import EventFile
from twinport.logs.levels import LogLevel
from twinport.logs.telemetry import Event


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    telemetry.configure()


def levels_of(served: Served) -> set[str]:
    return {event["level"] for event in events_of(served)}


def events_of(served: Served) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (served.data.parent / f"{served.data.name}.log").read_text().splitlines()]


def write_all() -> None:
    telemetry.debug(Event.ACCESS_ALLOWED)
    telemetry.event(Event.ACCESS_DENIED)
    telemetry.warning(Event.WORKER_HINDERED)
    telemetry.alarm(Event.BLOB_DAMAGED)


@pytest.mark.parametrize("level", list(LogLevel), ids=lambda level: level.word)
def test_events_below_the_level_are_not_written(level: LogLevel, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(level)
    write_all()
    written = [json.loads(line)["level"] for line in capsys.readouterr().err.splitlines()]
    assert written == [each.word for each in LogLevel if each >= level]


def test_a_level_that_is_none_is_misuse_and_names_those_that_are(tmp_path: Path) -> None:
    config = tmp_path / "twinport.toml"
    config.write_text('log_level = "loud"\n')
    ended = called("serve", "--data", str(tmp_path / "data"), "--config", str(config))
    assert ended.code == 2
    assert "one of debug, info, warning, error is needed, not 'loud'" in ended.stderr


def test_a_quiet_server_says_nothing_of_what_goes_well(tmp_path: Path) -> None:
    served = start(tmp_path / "data", words=["--quiet"], TWINPORT_ACCESS_LOG="true")
    served.client("ecr", new_account()).create_repository(repositoryName="team/api")
    Stranger(f"127.0.0.1:{served.port}", "QVdTOng=", {"Via": "1.1 proxy"}).calls()
    served.stop()
    assert levels_of(served) == {"warning"}


def test_debug_tells_what_was_allowed(tmp_path: Path) -> None:
    account = new_account()
    served = start(tmp_path / "data", TWINPORT_LOG_LEVEL="debug")
    served.client("ecr", account).create_repository(repositoryName="team/api")
    served.stop()
    [allowed] = [each for each in events_of(served) if each["event"] == "access.allowed"]
    assert (allowed["level"], allowed["action"]) == ("debug", "ecr:CreateRepository")


def test_a_log_file_takes_the_events_of_a_server(tmp_path: Path) -> None:
    file = tmp_path / "events.log"
    start(tmp_path / "data", TWINPORT_LOG_FILE=str(file)).stop()
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["server.started", "server.stopped"]
    assert not (tmp_path / "data.log").read_text()


def test_a_log_file_that_cannot_be_written_is_told_once_and_costs_no_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure(LogLevel.WARNING, EventFile(tmp_path / "nowhere" / "events.log"))
    write_all()
    written = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [each["event"] for each in written] == ["log.unwritable", "worker.hindered", "blob.damaged"]
    assert "No such file" in written[0]["reason"]


def test_an_event_with_half_of_a_character_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.failure(Event.REQUEST_FAILED, ValueError("\ud800"), path="/\U000e0001")
    written = json.loads(capsys.readouterr().err)
    assert r"ValueError: \ud800" in written["exception"]


def test_lines_that_could_be_written_nowhere_are_counted_with_the_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", Full())
        write_all()
    telemetry.alarm(Event.BLOB_DAMAGED)
    telemetry.alarm(Event.BLOB_DAMAGED)
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert first["lines_lost"] == 3
    assert "lines_lost" not in second
