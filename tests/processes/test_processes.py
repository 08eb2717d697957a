"""`serve --workers N`: one address, several processes; what dies is replaced, and all end in order."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.command_line import called
from tests.commands.test_serving import get, run
from tests.fakes import OTHER_REGION, REGION
from tests.served import Served, start
from tests.shelf import index_of
from tests.waiting import END_SECONDS, PATIENCE_SECONDS
from twinport.processes.supervisor import SETTLED, pause_before_replacing

Found = TypeVar("Found")
ACCOUNT = "111122223333"


def until(look: Callable[[], Found]) -> Found:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def children(served: Served) -> set[int]:
    listed = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text()
    return {int(pid) for pid in listed.split()}


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = start(tmp_path / "data", TWINPORT_WORKERS="2")
    until(lambda: len(children(served)) == 2)
    yield served
    if served.process.poll() is None:
        served.stop()


def test_what_one_process_stored_every_other_shows(served: Served) -> None:
    ecr = served.client("ecr", ACCOUNT)
    ecr.create_repository(repositoryName="team/api")
    # Each client opens a connection of its own, and whichever process is free accepts it.
    for _ in range(8):
        found = served.client("ecr", ACCOUNT).describe_repositories()["repositories"]
        assert [each["repositoryName"] for each in found] == ["team/api"]


def test_a_process_that_is_killed_is_replaced_and_the_address_never_refuses(served: Served) -> None:
    before = children(served)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    while len(children(served) - {victim}) < 2:
        assert get(f"{served.url}/_twinport/health")[0] == 200
    assert children(served) - {victim} > before - {victim}
    assert get(f"{served.url}/_twinport/health")[0] == 200


def test_all_end_in_order_when_the_parent_is_told_to(served: Served) -> None:
    processes = children(served)
    assert served.stop() == 0
    assert not any(is_alive(pid) for pid in processes)


def test_stalled_clients_keep_no_process_from_ending(served: Served) -> None:
    processes = children(served)
    with ExitStack() as connections:
        for _ in range(8):
            stalled = connections.enter_context(
                socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE_SECONDS)
            )
            stalled.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n1")
        assert served.stop() == 0
    assert not any(is_alive(pid) for pid in processes)


def test_processes_whose_parent_was_killed_end_by_themselves(served: Served) -> None:
    processes = children(served)
    served.process.kill()
    served.process.wait()
    until(lambda: not any(is_alive(pid) for pid in processes))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE_SECONDS).close()


def test_what_the_first_process_cannot_do_is_explained_once_and_no_process_is_started(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = run("serve", "--data", str(tmp_path / "file" / "data"), "--listen", "127.0.0.1:0", "--workers", "3")
    assert ended.returncode == 4
    assert ended.stderr.count("is a file and not a folder") == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", ["0", "-1", "1000"])
def test_a_number_of_processes_that_makes_no_sense_is_misuse(tmp_path: Path, number: str) -> None:
    ended = called("serve", "--data", str(tmp_path / "data"), "--workers", number)
    assert ended.code == 2
    assert "'workers' (command line)" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_a_worker_has_nothing_to_join_where_no_server_began(tmp_path: Path) -> None:
    ended = called("worker", "--data", str(tmp_path / "data"))
    assert ended.code == 4
    assert "twinport serve" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_a_worker_joins_a_server_and_ends_in_order(served: Served) -> None:
    command = [sys.executable, "-m", "twinport", "worker", "--data", str(served.data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as worker:
        assert worker.stderr is not None
        assert b"worker.started" in worker.stderr.readline()
        worker.terminate()
        assert worker.wait(timeout=END_SECONDS) == 0
        assert b"worker.stopped" in worker.stderr.read()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Served]:
    """A server whose couriers are in a process of their own."""
    served = start(tmp_path / "data", TWINPORT_COURIERS_APART="true", TWINPORT_WORKERS="1")
    until(lambda: len(children(served)) == 2)
    yield served
    if served.process.poll() is None:
        served.stop()


def replicated(served: Served, tag: str) -> None:
    """Push an image, and wait until the other Region has it."""
    here, there = (served.client("ecr", ACCOUNT, region=region) for region in (REGION, OTHER_REGION))
    manifest = index_of(annotations={"tag": tag}).decode()
    here.put_image(repositoryName="team/api", imageManifest=manifest, imageTag=tag)
    until(lambda: has(there, tag))


def has(ecr: Any, tag: str) -> bool:  # noqa: ANN401 — a client of boto3
    try:
        found = ecr.batch_get_image(repositoryName="team/api", imageIds=[{"imageTag": tag}])
    except ecr.exceptions.RepositoryNotFoundException:
        return False
    return bool(found["images"])


def test_copies_are_carried_by_the_process_that_is_apart_and_by_its_replacement(apart: Served) -> None:
    ecr = apart.client("ecr", ACCOUNT, region=REGION)
    destinations = [{"region": OTHER_REGION, "registryId": ACCOUNT}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": destinations}]})
    ecr.create_repository(repositoryName="team/api")
    replicated(apart, "first")
    serving, carrying = sorted(children(apart))
    os.kill(carrying, signal.SIGKILL)
    replicated(apart, "second")
    # The process that serves carried nothing meanwhile: it is not the one that was replaced.
    assert serving in children(apart)
    assert carrying not in children(apart)
    processes = children(apart)
    assert apart.stop() == 0
    assert not any(is_alive(pid) for pid in processes)


def test_one_early_death_is_an_accident_and_many_wait_longer_and_longer() -> None:
    pauses = [pause_before_replacing(timedelta(0), deaths).total_seconds() for deaths in range(1, 9)]
    assert pauses == [0, 1, 2, 4, 8, 16, 30, 30]
    assert pause_before_replacing(SETTLED, 5) == timedelta(0)
