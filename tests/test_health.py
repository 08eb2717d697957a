"""The health of real servers: ready while its parts are there, and ended by the death of a thread that it needs."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.mortal_writer import DEADLY
from tests.served import Served, new_account, start


def ready(served: Served) -> tuple[int, Any]:
    with urllib.request.urlopen(f"{served.url}/_twinport/health/ready", timeout=10) as answer:
        return answer.status, json.loads(answer.read())


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Served]:
    served = start(tmp_path / "data", program="tests.mortal_writer")
    yield served
    served.process.kill()


def test_a_new_server_is_ready_and_live(server: Served) -> None:
    assert ready(server) == (200, {"status": "ok"})
    for path in ("health", "health/live"):
        with urllib.request.urlopen(f"{server.url}/_twinport/{path}", timeout=10) as answer:
            assert json.loads(answer.read())["status"] == "ok"


def test_asking_whether_it_is_ready_creates_nothing(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    before = {path for path in served.data.rglob("*") if path.suffix not in (".db-wal", ".db-shm")}
    assert ready(served)[0] == 200
    assert {path for path in served.data.rglob("*") if path.suffix not in (".db-wal", ".db-shm")} == before
    assert served.stop() == 0


def test_a_writer_thread_that_dies_ends_the_process_with_a_reason(mortal: Served) -> None:
    iam = mortal.client("iam", new_account())
    with pytest.raises((ClientError, BotoCoreError)):
        iam.create_account_alias(AccountAlias=DEADLY)
    assert mortal.process.wait(timeout=10) == 4
    log = (mortal.data.parent / "data.log").read_text()
    assert '"event":"process.broken"' in log
    assert "the thread that writes the database has died (database writer: SystemExit)" in log
