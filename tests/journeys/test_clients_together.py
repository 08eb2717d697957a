"""What one client pushes every client pulls: the digests are equal, and what can run runs."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.journeys.clients import HOME, SOURCE, Owner
from tests.journeys.engine import Engine
from tests.journeys.registry import Registry
from tests.journeys.registry_clients import (
    EVERYBODY,
    RUNNERS,
    Access,
    OrasClient,
    RegctlClient,
    RegistryClient,
    Runner,
    everybody,
)
from tests.journeys.server import Server

REPOSITORY = "team/api"
BILL_OF_MATERIALS, SIGNATURE = "application/spdx+json", "application/vnd.example.signature"

Clients = Mapping[str, RegistryClient]


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory, lasting_catalog: str | None) -> Iterator[Owner]:
    with Server(tmp_path_factory.mktemp("server"), database=lasting_catalog) as server:
        owner = Owner(server, SOURCE, HOME)
        for name in (REPOSITORY, "team/copy"):
            owner.boto("ecr").create_repository(repositoryName=name)
        yield owner


@pytest.fixture(scope="module")
def clients(owner: Owner, _shared_engine: Engine, new_folder: Callable[[str], Path]) -> Iterator[Clients]:
    access = Access(owner.server.address, owner.password())
    with everybody(access, _shared_engine, new_folder) as clients:
        yield clients


@pytest.mark.parametrize("pusher", EVERYBODY)
def test_an_image_that_one_pushed_is_pulled_by_all_and_runs(owner: Owner, clients: Clients, pusher: str) -> None:
    clients[pusher].push_image(reference(owner, f"{pusher}-image"))
    assert_everybody_has(owner, clients, f"{pusher}-image")


@pytest.mark.parametrize("pusher", EVERYBODY)
def test_an_index_that_one_pushed_is_pulled_by_all_and_runs(owner: Owner, clients: Clients, pusher: str) -> None:
    clients[pusher].push_index(reference(owner, f"{pusher}-index"))
    manifest = Registry.of(owner).ask("GET", f"{REPOSITORY}/manifests/{pusher}-index")
    platforms = [each["platform"]["architecture"] for each in json.loads(manifest.body)["manifests"]]
    assert sorted(platforms) == ["amd64", "arm64"]
    assert_everybody_has(owner, clients, f"{pusher}-index")


def test_what_oras_and_regctl_attach_is_found_by_both_and_copied_by_both(
    owner: Owner, clients: Clients, tmp_path: Path
) -> None:
    oras, regctl = clients["oras"], clients["regctl"]
    assert isinstance(oras, OrasClient)
    assert isinstance(regctl, RegctlClient)
    image, note = reference(owner, "described"), tmp_path / "note"
    clients["skopeo"].push_index(image)
    note.write_text("what is in it")
    oras.attach(image, BILL_OF_MATERIALS, note)
    regctl.attach(image, SIGNATURE, note)
    everything = {BILL_OF_MATERIALS, SIGNATURE}
    assert (set(oras.attached_to(image)), set(regctl.attached_to(image))) == (everything, everything)

    by_oras, by_regctl = (reference(owner, name, "team/copy") for name in ("by-oras", "by-regctl"))
    oras.copy_with_referrers(image, by_oras)
    regctl.copy_with_referrers(image, by_regctl)
    assert (set(oras.attached_to(by_regctl)), set(regctl.attached_to(by_oras))) == (everything, everything)


def reference(owner: Owner, tag: str, repository: str = REPOSITORY) -> str:
    return f"{owner.registry}/{repository}:{tag}"


def assert_everybody_has(owner: Owner, clients: Clients, tag: str) -> None:
    """Each client pulls the very bytes that the registry has under the tag."""
    said = Registry.of(owner).ask("HEAD", f"{REPOSITORY}/manifests/{tag}")
    known = {name: client.pull(reference(owner, tag)) for name, client in clients.items()}
    assert [name for name in EVERYBODY if said.headers["docker-content-digest"] not in known[name]] == []
    for name in RUNNERS:
        runner: Runner = clients[name]  # type: ignore[assignment]
        assert "it runs" in runner.run(reference(owner, tag), "/bin/echo", "it runs")
