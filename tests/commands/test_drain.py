"""`twinport drain`: readiness, connections and background work of the processes on a folder, and back."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import called
from tests.served import Served, new_account, start
from tests.waiting import until
from twinport.processes.peers import peers_in, this_host


@pytest.fixture(params=["1", "2"])
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    served = start(tmp_path / "data", TWINPORT_WORKERS=request.param)
    until(lambda: len(peers_in(served.data / "processes", this_host())) == int(request.param))
    yield served
    served.stop()


def asked(served: Served, path: str) -> http.client.HTTPResponse:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer


def is_ready(served: Served) -> bool:
    """Tell whether one of several processes is ready: the system chooses which."""
    return asked(served, "/_twinport/health/ready").status == 200


def test_a_node_drains_answers_on_and_takes_on_work_again(served: Served) -> None:
    ecr = served.client("ecr", new_account())
    ecr.create_repository(repositoryName="team/api")
    ended = called("drain", "--wait", "--data", str(served.data))
    assert ended.code == 0, ended
    assert not any(is_ready(served) for _ in range(8))
    answer = asked(served, "/v2/")
    assert (answer.status, answer.getheader("connection")) == (401, "close")
    ecr.create_repository(repositoryName="team/other")
    told = called("status", "--data", str(served.data), "--listen", f"127.0.0.1:{served.port}")
    assert (told.code, "the operator drains this node" in told.stdout) == (4, True)
    assert called("drain", "--undo", "--wait", "--data", str(served.data)).code == 0
    until(lambda: all(is_ready(served) for _ in range(8)))
    assert asked(served, "/v2/").getheader("connection") != "close"


def test_a_node_that_drains_ends_in_order(served: Served) -> None:
    assert called("drain", "--wait", "--data", str(served.data)).code == 0
    assert served.stop() == 0
    assert list((served.data / "draining").iterdir()) == []


def test_a_delivery_waits_while_the_only_node_drains(served: Served) -> None:
    called("drain", "--wait", "--data", str(served.data))
    account = new_account()
    ecr = served.client("ecr", account)
    ecr.create_repository(repositoryName="team/api")
    destinations = [{"region": "us-east-1", "registryId": account}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": destinations}]})
    image = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    ecr.put_image(repositoryName="team/api", imageManifest=json.dumps(image), imageTag="1")
    there = served.client("ecr", account, "us-east-1")
    assert there.describe_repositories()["repositories"] == []
    called("drain", "--undo", "--data", str(served.data))
    until(lambda: there.describe_repositories()["repositories"])


def test_without_a_process_there_is_nothing_to_drain(tmp_path: Path) -> None:
    ended = called("drain", "--data", str(tmp_path))
    assert (ended.code, "no process of this host runs" in ended.stderr, "--data" in ended.stderr) == (3, True, True)


def test_a_process_that_cannot_be_told_is_named_and_not_waited_for(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_OF_ANOTHER_NAME)
    words = ["python", str(program), str(tmp_path / "processes")]
    with subprocess.Popen(words, executable=sys.executable, stdout=subprocess.PIPE, env=_environment()) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            ended = called("drain", "--wait", "--data", str(tmp_path))
            assert (ended.code, "was told nothing" in ended.stderr, other.poll()) == (3, True, None)
        finally:
            other.terminate()


# The number of this process is that of another program, as it is for a command outside of the server's container.
_OF_ANOTHER_NAME = """
import asyncio, pathlib, sys
from twinport.processes.peers import Peers, this_host
async def stay():
    peers = Peers(pathlib.Path(sys.argv[1]), this_host(), "server")
    peers.open()
    print("open", flush=True)
    await asyncio.sleep(600)
asyncio.run(stay())
"""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
