"""The page about object storage: layers are objects, pulls pass through or are sent there, and a store may vanish."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogs import POSTGRESQL
from tests.journeys import replication
from tests.journeys.clients import SOURCE, Owner
from tests.journeys.engine import Engine
from tests.journeys.images import small
from tests.journeys.radosgw import Radosgw
from tests.journeys.registry import Registry
from tests.journeys.replication import TO_BOTH
from tests.journeys.server import COMMAND, Server
from tests.journeys.test_docker_and_the_aws_cli import create, log_in, push, runs
from tests.journeys.waiting import until

DATABASES = (POSTGRESQL,)
REPOSITORY = "team/api"
IMAGE = small(layer_bytes=20 << 20)
DEADLINE_SECONDS = 60


@pytest.fixture
def redirected(tmp_path: Path, catalog: str | None, layers: dict[str, str]) -> Iterator[Server]:
    settings = {**layers, "TWINPORT_OBJECT_STORE_PULLS": "redirected"}
    with Server(tmp_path, database=catalog, settings=settings) as server:
        yield server


def bucket_of(server: Server) -> str:
    return server.environment["TWINPORT_OBJECT_STORE"].removeprefix("s3://").partition("/")[0]


def objects(radosgw: Radosgw, server: Server) -> dict[str, int]:
    found = radosgw.client().list_objects_v2(Bucket=bucket_of(server)).get("Contents", [])
    return {each["Key"]: each["Size"] for each in found}


def command(server: Server, *words: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words, "--data", str(data)],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_layers_are_objects_and_every_copy_is_one_of_its_own(
    server: Server, source: Owner, source_away: Owner, other: Owner, radosgw: Radosgw, tmp_path: Path
) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    replication.allow_replication(other, SOURCE)
    replication.configure(source, TO_BOTH)
    assert Registry.of(source).push(REPOSITORY, "1.4", IMAGE) == 201
    replication.wait_for_copies(source, REPOSITORY, {"imageTag": "1.4"}, source_away, other)
    for owner in (source, source_away, other):
        assert Registry.of(owner).has(REPOSITORY, IMAGE)

    assert not list((tmp_path / "data").rglob("blobs"))
    stored = objects(radosgw, server)
    blobs = [size for key, size in stored.items() if not key.endswith(("/owner", "/catalog"))]
    # One in the Region of the push, and one in that of both destinations, as they came at the same time or not.
    assert blobs.count(len(IMAGE.layers[0].content)) in (2, 3)
    assert all(key.startswith("deployment/regions/") for key in stored if key != "deployment/catalog")
    verified = command(server, "verify", "--json", data=tmp_path / "data")
    assert (verified.returncode, json.loads(verified.stdout)["damaged"]) == (0, [])


def test_another_deployment_under_the_same_prefix_is_refused_before_it_stores_anything(
    server: Server, radosgw: Radosgw, tmp_path: Path
) -> None:
    before = objects(radosgw, server)
    alone = {name: value for name, value in server.environment.items() if name != "TWINPORT_DATABASE"}
    words = [*COMMAND, "serve", "--data", str(tmp_path / "another"), "--listen", "127.0.0.1:0"]
    refused = subprocess.run(words, env=alone, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert refused.returncode == 3
    assert "belong to another catalog: give this deployment a prefix of its own in 'object_store'" in refused.stderr
    assert objects(radosgw, server) == before


def test_a_damaged_object_is_found_and_healed_by_pushing_again(
    server: Server, source: Owner, radosgw: Radosgw, tmp_path: Path
) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    assert Registry.of(source).push(REPOSITORY, "1.4", IMAGE) == 201
    stored = objects(radosgw, server)
    largest = max(stored, key=lambda key: stored[key])
    radosgw.client().put_object(Bucket=bucket_of(server), Key=largest, Body=b"x" * stored[largest])
    found = command(server, "verify", "--json", data=tmp_path / "data")
    assert (found.returncode, len(json.loads(found.stdout)["damaged"])) == (5, 1)
    assert Registry.of(source).ask("GET", f"{REPOSITORY}/blobs/{IMAGE.layers[0].digest}").status == 503
    assert Registry.of(source).push(REPOSITORY, "1.4", IMAGE) == 201
    assert Registry.of(source).has(REPOSITORY, IMAGE)


def test_docker_is_sent_to_the_store_for_what_it_pulls(redirected: Server, engine: Engine, tmp_path: Path) -> None:
    owner = Owner(redirected, SOURCE, "eu-west-1")
    create(owner)
    log_in(engine, owner)
    push(engine, owner, "team/api:1.4", tmp_path)
    assert runs(engine, owner, "team/api:1.4")


def test_an_answer_of_the_store_is_bytes_and_nothing_else(redirected: Server, radosgw: Radosgw) -> None:
    owner = Owner(redirected, SOURCE, "eu-west-1")
    owner.boto("ecr").create_repository(repositoryName=REPOSITORY)
    assert Registry.of(owner).push(REPOSITORY, "1.4", IMAGE) == 201
    layer = IMAGE.layers[0]
    answers = []

    class Watching(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: object) -> urllib.request.Request | None:
            _request, _body, code, _said, _headers, address = arguments
            answers.append((code, str(address)))
            return urllib.request.Request(str(address))

    opener = urllib.request.build_opener(Watching)
    request = urllib.request.Request(
        f"{redirected.url}/v2/{SOURCE}/eu-west-1/{REPOSITORY}/blobs/{layer.digest}",
        headers={"Authorization": f"Basic {owner.token()}"},
    )
    with opener.open(request, timeout=DEADLINE_SECONDS) as answer:
        assert answer.read() == layer.content
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == "attachment"
    [(code, address)] = answers
    assert code == 307
    assert address.startswith(f"{radosgw.url}/{bucket_of(redirected)}/deployment/")
    assert "X-Amz-Expires=300" in address
    # A stranger is told nothing, not even where the store is.
    stranger = Registry(f"{redirected.url}/v2/{SOURCE}/eu-west-1", "QVdTOng=")
    assert stranger.ask("GET", f"{REPOSITORY}/blobs/{layer.digest}").status == 403
    assert Registry.of(owner).ask("HEAD", f"{REPOSITORY}/blobs/{layer.digest}").status == 200


def test_a_store_that_vanishes_for_a_while_loses_nothing(server: Server, source: Owner, radosgw: Radosgw) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    registry = Registry.of(source)
    assert registry.push(REPOSITORY, "1.4", IMAGE) == 201
    radosgw.kill()
    try:
        refused = registry.push_blob(REPOSITORY, small("other").layers[0])
        said = registry.ask("GET", f"{REPOSITORY}/blobs/{IMAGE.layers[0].digest}")
        until("the server says so", lambda: not is_ready(server), seconds=DEADLINE_SECONDS)
    finally:
        radosgw.start()
    assert (refused, said.status) == (503, 503)
    assert radosgw.url.partition("//")[2] not in said.body.decode()
    until("the server is ready", lambda: is_ready(server), seconds=DEADLINE_SECONDS)
    assert registry.has(REPOSITORY, IMAGE)
    assert registry.push(REPOSITORY, "1.5", small("other")) == 201


def is_ready(server: Server) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}/_twinport/health/ready", timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
