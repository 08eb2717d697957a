"""Pushes that are repeated: answers were lost, layers are there already, many layers come at once."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.journeys.clients import HOME, SOURCE, Owner
from tests.journeys.commands import CommandFailed, Program, find
from tests.journeys.engine import Engine
from tests.journeys.images import write_layout
from tests.journeys.lossy import BLOB, MANIFEST, lossy
from tests.journeys.registry import Registry
from tests.journeys.registry_clients import (
    Access,
    CraneClient,
    DockerClient,
    Goods,
    OrasClient,
    RegctlClient,
    RegistryClient,
)
from tests.journeys.server import Server
from tests.served import new_account
from tests.waiting import until
from twinport.tour.image import File, build

REPOSITORY = "team/api"
LAYERS = 12
LOST = {BLOB, MANIFEST}
WITH_A_FOLDER: Mapping[str, Callable[[Goods, Access, Path], RegistryClient]] = {
    "crane": CraneClient,
    "oras": OrasClient,
    "regctl": RegctlClient,
}


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    with Server(tmp_path_factory.mktemp("server")) as server:
        owner = Owner(server, SOURCE, HOME)
        owner.boto("ecr").create_repository(repositoryName=REPOSITORY)
        yield owner


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Goods:
    return Goods.made(tmp_path_factory.mktemp("goods"))


@pytest.mark.parametrize("name", ["docker", *WITH_A_FOLDER])
def test_a_push_whose_answers_were_lost_succeeds_when_it_is_repeated_and_takes_effect_once(
    owner: Owner, goods: Goods, engine: Engine, tmp_path: Path, name: str
) -> None:
    # An account of its own, in which there is nothing to mount.
    owner = Owner(owner.server, new_account(), HOME)
    owner.boto("ecr").create_repository(repositoryName=REPOSITORY)
    with lossy(owner.server.port) as proxy:
        access = Access(proxy.address, owner.password())
        client = (
            WITH_A_FOLDER[name](goods, access, tmp_path) if name != "docker" else DockerClient(goods, access, engine)
        )
        reference = f"{proxy.address}/{owner.account}/{HOME}/{REPOSITORY}:1.4"
        for _ in LOST:
            with suppress(CommandFailed):
                client.push_image(reference)
        client.push_image(reference)
        assert set(proxy.lost) == LOST
        known = client.pull(reference)
    [image] = owner.boto("ecr").describe_images(repositoryName=REPOSITORY)["imageDetails"]
    assert image["imageDigest"] in known
    assert image["imageTags"] == ["1.4"]


# crane and regctl look first, find the tag where it shall be, and send nothing.
@pytest.mark.parametrize("name", ["docker", "oras"])
def test_a_copy_that_was_refused_is_made_by_the_same_push_once_the_policy_is_put_right(
    owner: Owner, goods: Goods, engine: Engine, tmp_path: Path, name: str
) -> None:
    source, partner = Owner(owner.server, new_account(), HOME), Owner(owner.server, new_account(), HOME)
    ecr = source.boto("ecr")
    ecr.create_repository(repositoryName=REPOSITORY)
    place = {"region": HOME, "registryId": partner.account}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [place]}]})
    access = Access(owner.server.address, source.password())
    client = WITH_A_FOLDER[name](goods, access, tmp_path) if name != "docker" else DockerClient(goods, access, engine)
    reference = f"{owner.server.address}/{source.account}/{HOME}/{REPOSITORY}:1.4"
    client.push_image(reference)
    until(lambda: copies(source) == ["FAILED"])
    partner.boto("ecr").put_registry_policy(policyText=admitting(source.account))
    client.push_image(reference)
    until(lambda: copies(source) == ["COMPLETE"])


def test_layers_that_are_there_are_not_pushed_again(owner: Owner, goods: Goods, engine: Engine) -> None:
    client = DockerClient(goods, Access(owner.server.address, owner.password()), engine)
    client.push_image(f"{owner.registry}/{REPOSITORY}:1.4")
    engine.docker("tag", f"{owner.registry}/{REPOSITORY}:1.4", f"{owner.registry}/{REPOSITORY}:1.5")
    said = engine.docker("push", f"{owner.registry}/{REPOSITORY}:1.5")
    assert (said.count("Layer already exists"), said.count("Pushed")) == (2, 0)
    owner.boto("ecr").create_repository(repositoryName="team/mounted")
    engine.docker("tag", f"{owner.registry}/{REPOSITORY}:1.4", f"{owner.registry}/team/mounted:1.4")
    said = engine.docker("push", f"{owner.registry}/team/mounted:1.4")
    assert (said.count("Mounted from"), said.count("Pushed")) == (2, 0)


def test_an_image_of_many_layers_that_come_at_once_comes_back_whole(
    owner: Owner, engine: Engine, tmp_path: Path
) -> None:
    layers = [
        {f"layer{number}": File(hashlib.shake_256(b"%d" % number).digest(1 << 20), 0o644)} for number in range(LAYERS)
    ]
    write_layout(tmp_path / "many", build(layers, ["/layer0"], "amd64"), tag="1")
    skopeo = Program((find("skopeo"),), {})
    skopeo("copy", f"oci:{tmp_path}/many:1", f"docker-archive:{tmp_path}/many.tar:local/many:1")
    reference = f"{owner.registry}/{REPOSITORY}:many"
    engine.docker("login", "--username", "AWS", "--password-stdin", owner.server.address, stdin=owner.password())
    engine.docker("load", "--input", str(tmp_path / "many.tar"))
    engine.docker("tag", "local/many:1", reference)
    engine.docker("push", reference)
    before = json.loads(engine.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", reference))
    engine.forget_images()
    engine.docker("pull", reference)
    after = json.loads(engine.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", reference))
    assert (len(after), after) == (LAYERS, before)
    manifest = json.loads(Registry.of(owner).ask("GET", f"{REPOSITORY}/manifests/many").body)
    assert len({layer["digest"] for layer in manifest["layers"]}) == LAYERS


def copies(source: Owner) -> list[str]:
    image = {"imageTag": "1.4"}
    found = source.boto("ecr").describe_image_replication_status(repositoryName=REPOSITORY, imageId=image)
    return [each["status"] for each in found["replicationStatuses"]]


def admitting(account: str) -> str:
    """Word a registry policy that lets an account replicate everything into this registry."""
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    actions = ["ecr:ReplicateImage", "ecr:CreateRepository"]
    statement = {"Sid": "In", "Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
