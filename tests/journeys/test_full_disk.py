"""A disk that fills up: the request that meets it is told so, what is stored stays, and room is all that it takes."""

import hashlib
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.journeys.commands import find, lacking
from tests.served import Served, start
from tests.waiting import PATIENCE_SECONDS

ACCOUNT = "111111111111"
REPOSITORY = "team/api"


@pytest.fixture
def served(tmp_path: Path, catalog: str | None) -> Iterator[Served]:
    """A server whose data folder is a disk of 16 MiB. PostgreSQL has another disk."""
    disk = tmp_path / "data"
    disk.mkdir()
    mount = [find("mount"), "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        lacking("a small disk takes the right to mount one")
    served = start(disk) if catalog is None else start(disk, TWINPORT_DATABASE=catalog)
    served.client("ecr", ACCOUNT).create_repository(repositoryName=REPOSITORY)
    yield served
    served.stop()
    subprocess.run([find("umount"), str(disk)], check=True)


def test_a_layer_that_does_not_fit_is_refused_and_leaves_nothing(served: Served) -> None:
    before = free_bytes(served)
    status, said = push(served, os.urandom(20 << 20))
    assert status == 503
    assert "No space left on device" in said
    assert "nothing was changed" in said
    assert free_bytes(served) >= before - (64 << 10)
    assert push(served, b"what fits")[0] == 201


def test_a_full_disk_answers_what_it_has_and_recovers_by_itself(served: Served, catalog: str | None) -> None:
    layer = os.urandom(1000)
    assert push(served, layer)[0] == 201
    fill(served.data / "ballast")
    ecr = served.client("ecr", ACCOUNT)
    assert push(served, b"one byte too many")[0] == 503
    if catalog is None:
        with pytest.raises(ClientError, match="ServerException"):
            ecr.create_repository(repositoryName="team/web")
    assert pull(served, layer) == layer
    assert [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]] == [REPOSITORY]

    (served.data / "ballast").unlink()
    assert push(served, b"one byte too many")[0] == 201
    ecr.create_repository(repositoryName="team/web")


def free_bytes(served: Served) -> int:
    disk = os.statvfs(served.data)
    return disk.f_bavail * disk.f_frsize


def fill(path: Path) -> None:
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
    except OSError:
        return


def push(served: Served, layer: bytes) -> tuple[int, str]:
    return ask(served, "POST", f"uploads/?digest=sha256:{hashlib.sha256(layer).hexdigest()}", layer)


def pull(served: Served, layer: bytes) -> bytes:
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    with urllib.request.urlopen(request(served, "GET", digest, None), timeout=PATIENCE_SECONDS) as answer:
        content: bytes = answer.read()
        return content


def ask(served: Served, method: str, place: str, body: bytes) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request(served, method, place, body), timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def request(served: Served, method: str, place: str, body: bytes | None) -> urllib.request.Request:
    token = served.client("ecr", ACCOUNT).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/octet-stream"}
    return urllib.request.Request(f"{served.url}/v2/{REPOSITORY}/blobs/{place}", body, headers, method=method)
