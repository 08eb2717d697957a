"""Two nodes and two workers with PostgreSQL, an object store and a sealing key in common, and no folder."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.catalogs import POSTGRESQL
from tests.journeys import replication
from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE, Owner, boto
from tests.journeys.images import small
from tests.journeys.registry import Registry
from tests.journeys.replication import TO_BOTH
from tests.journeys.server import COMMAND, Server
from tests.journeys.waiting import until
from tests.waiting import END_SECONDS, PATIENCE_SECONDS
from twinport.tour.image import Blob

DATABASES = (POSTGRESQL,)
REPOSITORY = "team/api"
IMAGE, ANOTHER = (small(f"image-{number}", layer_bytes=9 << 20) for number in range(2))
PIECE = 3 << 20
KEY = f"first:{'5e' * 32}"
BYTES = "application/octet-stream"
# What each host has for itself: which catalog its folder is of, and the processes of this host.
OWN_NAMES = {"catalog.identity", "listeners", "metrics", "processes"}


@pytest.fixture
def nodes(tmp_path: Path, catalog: str | None, layers: dict[str, str]) -> Iterator[tuple[Server, Server]]:
    """Two serving nodes, and a worker beside each on a host of its own."""
    (held := tmp_path / "sealing").write_text(f"{KEY}\n")
    by_file = {**layers, "TWINPORT_SEALING_KEY_FILE": str(held)}
    by_text = {**layers, "TWINPORT_SEALING_KEY": KEY}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with ExitStack() as running:
        one = running.enter_context(Server(tmp_path / "one", database=catalog, settings=by_file))
        two = running.enter_context(Server(tmp_path / "two", database=catalog, settings=by_text))
        logs = [running.enter_context(worker(tmp_path / name, one.environment)) for name in ("three", "four")]
        until(
            "both workers work",
            lambda: all("worker.started" in log.read_text() for log in logs),
            seconds=PATIENCE_SECONDS,
        )
        yield one, two
    for name in ("one/data", "two/data", "three", "four"):
        assert {each.name for each in (tmp_path / name).iterdir()} <= OWN_NAMES


@contextmanager
def worker(data: Path, environment: dict[str, str]) -> Iterator[Path]:
    """Run `twinport worker` on a folder that is not there yet; return its log."""
    with (log := data.with_suffix(".log")).open("wb") as file:
        process = subprocess.Popen([*COMMAND, "worker", "--data", str(data)], env=environment, stderr=file)
    try:
        yield log
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=END_SECONDS) == 0, log.read_text()


def push_in_turns(blob: Blob, registries: list[Registry]) -> None:
    """Push a blob in pieces, each to the next node."""
    begun = registries[0].ask("POST", f"{REPOSITORY}/blobs/uploads/", b"", media_type=BYTES)
    assert begun.status == 202
    place = place_of(begun.headers)
    for number, first in enumerate(range(0, len(blob.content), PIECE), 1):
        piece = blob.content[first : first + PIECE]
        answer = registries[number % len(registries)].ask("PATCH", place, piece, media_type=BYTES)
        assert answer.status == 202, answer.body
        place = place_of(answer.headers)
    ended = registries[0].ask("PUT", f"{place}?digest={blob.digest}", b"", media_type=BYTES)
    assert ended.status == 201, ended.body


def place_of(headers: dict[str, str]) -> str:
    location = next(word for name, word in headers.items() if name.lower() == "location")
    return f"{REPOSITORY}/blobs/uploads/{location.rpartition('/')[2]}"


def test_hosts_that_share_no_folder_are_one_registry(nodes: tuple[Server, Server]) -> None:
    one, two = nodes
    here, there = Owner(one, SOURCE, HOME), Owner(two, SOURCE, HOME)
    here.boto("ecr").create_repository(repositoryName=REPOSITORY)
    replication.allow_replication(Owner(two, OTHER, AWAY), SOURCE)
    replication.configure(there, TO_BOTH)
    # A token of one node is good at the other.
    at_one = Registry.of(here)
    at_two = replace(at_one, url=Registry.of(there).url)

    for blob in IMAGE.blobs:
        push_in_turns(blob, [at_one, at_two])
    assert at_two.put_manifest(REPOSITORY, "1.0", IMAGE) == 201
    assert at_one.has(REPOSITORY, IMAGE)
    copies = [Owner(two, SOURCE, AWAY), Owner(one, OTHER, AWAY)]
    replication.wait_for_copies(here, REPOSITORY, {"imageTag": "1.0"}, *copies)
    assert all(Registry.of(each).has(REPOSITORY, IMAGE) for each in copies)

    go_on_elsewhere(one, at_one, at_two)
    replication.wait_for_copies(there, REPOSITORY, {"imageTag": "1.1"}, *copies)
    one.start()
    assert at_one.has(REPOSITORY, ANOTHER)
    delete_a_role(here, there)


def go_on_elsewhere(one: Server, at_one: Registry, at_two: Registry) -> None:
    """Kill a node to which a layer is being pushed, and push on at the other."""
    layer = ANOTHER.layers[0]
    place = place_of(at_one.ask("POST", f"{REPOSITORY}/blobs/uploads/", b"", media_type=BYTES).headers)
    place = place_of(at_one.ask("PATCH", place, layer.content[:PIECE], media_type=BYTES).headers)
    one.kill()
    assert at_two.ask("PATCH", place, layer.content[PIECE:], media_type=BYTES).status == 202
    assert at_two.ask("PUT", f"{place}?digest={layer.digest}", b"", media_type=BYTES).status == 201
    assert at_two.push(REPOSITORY, "1.1", ANOTHER) == 201


def delete_a_role(here: Owner, there: Owner) -> None:
    """Delete a role at one node: its session, which was good at both, is so at neither."""
    trust = {"Effect": "Allow", "Principal": {"AWS": SOURCE}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = here.boto("iam").create_role(RoleName="puller", AssumeRolePolicyDocument=document)["Role"]
    given = there.boto("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one")["Credentials"]
    named = {"key": given["AccessKeyId"], "secret": given["SecretAccessKey"], "session": given["SessionToken"]}
    for owner in (here, there):
        assert boto(owner.server, "sts", HOME, **named).get_caller_identity()["Account"] == SOURCE
    there.boto("iam").delete_role(RoleName="puller")
    for owner in (here, there):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            boto(owner.server, "sts", HOME, **named).get_caller_identity()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        here.boto("iam").get_role(RoleName="puller")
