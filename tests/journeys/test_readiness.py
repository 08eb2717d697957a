"""A real server whose disk is full or read-only, or whose PostgreSQL is away, is unready, and nothing else."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.console.browsing import Opener, signed_in
from tests.journeys.clients import HOME, SOURCE, Owner
from tests.journeys.disks import fill, remount, small_disk
from tests.journeys.images import small
from tests.journeys.postgresql import PostgreSQL
from tests.journeys.registry import Registry
from tests.journeys.server import Server
from tests.journeys.waiting import until

REPOSITORY, IMAGE = "team/api", small()
IN_TIME = 15.0


def ask(server: Server, path: str) -> tuple[int, Any, str | None]:
    """Return status, JSON and Retry-After."""
    try:
        with urllib.request.urlopen(f"{server.url}{path}", timeout=IN_TIME) as answer:
            return answer.status, json.loads(answer.read()), answer.headers["retry-after"]
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read()), refused.headers["retry-after"]


def missing(server: Server) -> list[str]:
    status, said, pause = ask(server, "/_twinport/health/ready")
    assert (status, set(said)) in ((200, {"status"}), (503, {"status", "missing"}))
    assert (status == 503) == (pause is not None)
    assert ask(server, "/_twinport/health/live")[0] == 200
    return sorted(said.get("missing", []))


def become(server: Server, parts: list[str]) -> None:
    until(f"the missing parts are {parts}", lambda: missing(server) == parts, seconds=IN_TIME)


def test_a_full_disk_makes_unready_and_room_makes_ready(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", size="8m"), Server(tmp_path) as server:
        become(server, [])
        fill(tmp_path / "data" / "ballast")
        become(server, ["database", "store"])
        (tmp_path / "data" / "ballast").unlink()
        become(server, [])


def test_a_full_disk_of_blobs_is_the_stores(tmp_path: Path) -> None:
    blobs = tmp_path / "data" / "regions" / HOME / "blobs"
    with small_disk(blobs, size="4m"), Server(tmp_path) as server:
        fill(blobs / "ballast")
        become(server, ["store"])
        assert "is full" in server.log
        (blobs / "ballast").unlink()
        become(server, [])


def test_a_folder_that_becomes_read_only_makes_unready_until_it_is_writable(tmp_path: Path) -> None:
    blobs = tmp_path / "data" / "regions" / HOME / "blobs"
    with small_disk(blobs, size="4m"), Server(tmp_path) as server:
        remount(blobs, "ro")
        become(server, ["store"])
        remount(blobs, "rw")
        become(server, [])


def test_a_database_that_is_stopped_makes_unready_until_it_is_started(tmp_path: Path, postgres: PostgreSQL) -> None:
    address = postgres.new_address()
    with Server(tmp_path, database=address) as server:
        become(server, [])
        postgres.stop()
        try:
            become(server, ["database"])
        finally:
            postgres.start()
        become(server, [])
    postgres.drop(address)


@pytest.fixture
def away(tmp_path: Path, postgres: PostgreSQL) -> Iterator[tuple[Owner, Registry, Opener]]:
    """An owner of a server that has an image, signed in to its console, whose PostgreSQL was stopped."""
    address = postgres.new_address()
    with Server(tmp_path, database=address) as server:
        owner = Owner(server, SOURCE, HOME)
        owner.boto("ecr").create_repository(repositoryName=REPOSITORY)
        registry = Registry.of(owner)
        assert registry.push(REPOSITORY, "1", IMAGE) == 201
        browser = signed_in(server.url, SOURCE)
        postgres.stop()
        try:
            yield owner, registry, browser
        finally:
            postgres.start()
    postgres.drop(address)


def test_a_read_without_a_database_is_not_called_a_write(away: tuple[Owner, Registry, Opener]) -> None:
    _, registry, _ = away
    said = registry.ask("GET", f"{REPOSITORY}/manifests/1")
    assert said.status == 503
    assert b"storage is unavailable: the database cannot be reached" in said.body
    assert b"write" not in said.body


def test_every_door_says_when_to_try_again(away: tuple[Owner, Registry, Opener]) -> None:
    owner, registry, browser = away
    assert registry.ask("GET", f"{REPOSITORY}/manifests/1").headers["retry-after"] == "5"
    ecr, iam, sts = owner.boto("ecr"), owner.boto("iam"), owner.boto("sts")
    role = {"RoleArn": f"arn:aws:iam::{SOURCE}:role/any", "RoleSessionName": "any"}
    for service, call in (
        ("ecr", ecr.describe_repositories),
        ("iam", iam.list_users),
        ("sts", lambda: sts.assume_role(**role)),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        answer = refused.value.response["ResponseMetadata"]
        assert (answer["HTTPStatusCode"] >= 500, "retry-after" in answer["HTTPHeaders"]) == (True, True), service
    with pytest.raises(urllib.error.HTTPError) as page:
        browser.open(f"{owner.server.url}/console/{HOME}/repositories", timeout=IN_TIME)
    with page.value as answered:
        assert (answered.code, answered.headers["retry-after"]) == (503, "5")
