"""`POST /_twinport/reset`: what is there goes, and everything that works on the folder goes on working."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, POSTGRESQL
from tests.command_line import called
from tests.commands.test_serving import get
from tests.served import Served, start

pytestmark = pytest.mark.large

ACCOUNT = "111122223333"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
# Each ends with 0 on a folder that is in order; the administration of users goes from one to the next.
READING = (
    ("gc",),
    ("verify",),
    ("account", "list"),
)
COMMANDS = (
    *READING,
    ("gc", "--delete"),
    ("account", "create", "acme"),
    ("user", "create", "acme", "ann"),
    ("user", "list", "acme"),
    ("user", "keys", "create", "acme", "ann"),
    ("user", "keys", "list", "acme", "ann"),
    ("why", ROOT, "ecr:DescribeRepositories", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/api"),
)


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == POSTGRESQL:
        return {"TWINPORT_DATABASE": request.getfixturevalue("postgres_address")}
    return {}


@pytest.fixture
def used(tmp_path: Path, database: dict[str, str]) -> Iterator[Served]:
    """A server with a layer, whose store of blobs knows its database by name."""
    served = start(tmp_path / "data", None, None, **database)
    push_a_layer(served)
    assert refusals(served, database, [("gc",)]) == {}
    assert (served.data / "regions" / "eu-west-1" / "blobs" / "owner").exists()
    yield served
    served.stop()


def push_a_layer(served: Served) -> None:
    ecr = served.client("ecr", ACCOUNT)
    ecr.create_repository(repositoryName="team/api")
    upload = ecr.initiate_layer_upload(repositoryName="team/api")["uploadId"]
    part = {"repositoryName": "team/api", "uploadId": upload, "partFirstByte": 0, "partLastByte": 4}
    ecr.upload_layer_part(**part, layerPartBlob=b"bytes")


def refusals(served: Served, database: dict[str, str], commands: list[tuple[str, ...]]) -> dict[str, str]:
    """Run commands beside the server and return what those said that did not end with 0."""
    ended = {" ".join(each): called(*each, "--data", str(served.data), **database) for each in commands}
    return {command: done.stderr for command, done in ended.items() if done.code != 0}


def test_every_command_of_the_operator_works_after_a_reset_and_after_a_restart(
    used: Served, database: dict[str, str]
) -> None:
    assert get(f"{used.url}/_twinport/reset", "POST")[0] == 200
    assert refusals(used, database, list(COMMANDS)) == {}
    used.stop()
    again = start(used.data, used.port, None, **database)
    try:
        assert refusals(again, database, list(READING)) == {}
    finally:
        again.stop()


def test_garbage_is_looked_for_after_a_reset_as_before(used: Served, database: dict[str, str]) -> None:
    assert get(f"{used.url}/_twinport/reset", "POST")[0] == 200
    orphan = used.data / "regions" / "eu-west-1" / "blobs" / "ab" / f"ab{'0' * 30}"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"orphan")
    os.utime(orphan, (0, 0))
    done = called("gc", "--json", "--data", str(used.data), **database)
    found = [each["name"] for each in json.loads(done.stdout)["candidates"]]
    assert found == [orphan.name], done.stderr
