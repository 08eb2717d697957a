"""`twinport read-only` and `twinport gc pause` beside running servers: every process obeys, after a restart too."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.command_line import called
from tests.console.browsing import Visitor
from tests.served import Served, new_account, start
from tests.waiting import until


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = start(tmp_path / "data", TWINPORT_WORKERS="2")
    yield served
    served.stop()


def say(served: Served, *words: str) -> str:
    ended = called(*words, "--data", str(served.data))
    assert ended.code == 0, ended
    return ended.stdout


def is_refused(served: Served, account: str, name: str) -> bool:
    try:
        served.client("ecr", account).create_repository(repositoryName=name)
    except ClientError as error:
        return "read-only since" in str(error)
    return False


def test_read_only_mode_is_obeyed_by_every_process_and_after_a_restart(served: Served) -> None:
    account = new_account()
    assert say(served, "read-only", "show") == "not read-only\n"
    assert not is_refused(served, account, "team/api")
    say(served, "read-only", "on")
    until(lambda: all(is_refused(served, account, f"team/{number}") for number in range(8)))
    served.stop()
    again = start(served.data, served.port)
    try:
        assert is_refused(again, account, "team/first-after-the-start")
        visitor = Visitor(again, {"way": "open", "account": account})
        assert "This registry is read-only since" in visitor.get("eu-west-1/repositories")
        told = called("status", "--data", str(again.data), "--listen", f"127.0.0.1:{again.port}").stdout
        assert "order      read-only since" in told
        say(again, "read-only", "off")
        until(lambda: not is_refused(again, account, "team/last"))
        assert say(again, "read-only", "off") == "it was not read-only\n"
    finally:
        again.stop()


def test_a_pause_of_garbage_is_told_and_ends_by_itself_or_by_command(served: Served) -> None:
    served.client("ecr", new_account()).create_repository(repositoryName="team/api")
    assert "until 'twinport gc resume'" in say(served, "gc", "pause")
    ended = called("gc", "--delete", "--data", str(served.data))
    assert (ended.code, ended.stdout) == (3, "")
    assert "garbage collection is paused: 'twinport gc resume'" in ended.stderr
    say(served, "gc")
    say(served, "gc", "resume")
    assert json.loads(say(served, "gc", "--delete", "--json"))["deleted"] is True
    say(served, "gc", "pause", "--for", "6h")
    assert called("gc", "--delete", "--data", str(served.data)).code == 3
    say(served, "gc", "pause", "--for", "1s")
    until(lambda: called("gc", "--delete", "--data", str(served.data)).code == 0)
    ended = called("gc", "pause", "--for", "soon", "--data", str(served.data))
    assert (ended.code, "--for" in ended.stderr, "configuration" in ended.stderr) == (2, True, False)
