"""skopeo copies what docker cannot: indexes of several architectures, whole, from one registry to another."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys import replication
from tests.journeys.clients import HOME, SOURCE, Owner
from tests.journeys.commands import Program, find, with_hosts
from tests.journeys.images import index, small, write_layout
from tests.journeys.replication import TO_BOTH, TO_THE_OTHER_REGION
from twinport.tour.image import sha256

ONE = small()
SEVERAL = (small("amd64"), small("arm64"))


@dataclass(frozen=True, slots=True)
class Skopeo:
    """skopeo with one owner's password for every registry of the edge address."""

    run: Program
    login: str

    def push(self, layout: Path, reference: str) -> None:
        words = ("--all", "--dest-tls-verify=false", "--dest-creds", self.login)
        self.run("copy", *words, f"oci:{layout}:1", f"docker://{reference}")

    def pull(self, reference: str, folder: Path) -> None:
        words = ("--all", "--src-tls-verify=false", "--src-creds", self.login)
        self.run("copy", *words, f"docker://{reference}", f"dir:{folder}")

    def manifest(self, reference: str) -> str:
        return self.run("inspect", "--raw", "--tls-verify=false", "--creds", self.login, f"docker://{reference}")

    def tags(self, reference: str) -> list[str]:
        said = self.run("list-tags", "--tls-verify=false", "--creds", self.login, f"docker://{reference}")
        tags: list[str] = json.loads(said)["Tags"]
        return tags


@pytest.fixture
def skopeo(source: Owner) -> Skopeo:
    return Skopeo(Program((find("skopeo"),), {}), f"AWS:{source.password()}")


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An image for one kind of processor."""
    write_layout(tmp_path / "one", ONE, tag="1")
    return tmp_path / "one"


@pytest.fixture
def index_layout(tmp_path: Path) -> Path:
    """An index of images for two kinds of processor."""
    write_layout(tmp_path / "several", *SEVERAL, tag="1")
    return tmp_path / "several"


@pytest.fixture
def repository(source: Owner) -> str:
    source.boto("ecr").create_repository(repositoryName="team/api")
    return f"{source.registry}/team/api"


def test_an_image_comes_back_byte_for_byte(skopeo: Skopeo, layout: Path, repository: str) -> None:
    skopeo.push(layout, f"{repository}:1.4")
    assert skopeo.manifest(f"{repository}:1.4").encode() == ONE.manifest.content


def test_every_tag_is_listed(skopeo: Skopeo, layout: Path, repository: str) -> None:
    for tag in ("1.4", "1.5", "latest"):
        skopeo.push(layout, f"{repository}:{tag}")
    assert skopeo.tags(repository) == ["1.4", "1.5", "latest"]


def test_an_index_arrives_at_every_destination_with_all_its_children(
    source: Owner, source_away: Owner, other: Owner, skopeo: Skopeo, index_layout: Path, repository: str, tmp_path: Path
) -> None:
    replication.allow_replication(other, SOURCE)
    replication.configure(source, TO_BOTH)
    skopeo.push(index_layout, f"{repository}:1.4")
    replication.wait_for_copies(source, "team/api", {"imageTag": "1.4"}, source_away, other)

    replication.allow_pulls(other, "team/api", SOURCE)
    for number, owner in enumerate((source_away, other)):
        skopeo.pull(f"{owner.registry}/team/api:1.4", tmp_path / str(number))
        assert pulled(tmp_path / str(number)) == everything_of_the_index()


def test_a_copy_can_be_copied_on(
    source_away: Owner, source: Owner, skopeo: Skopeo, layout: Path, repository: str
) -> None:
    replication.configure(source, TO_THE_OTHER_REGION)
    skopeo.push(layout, f"{repository}:1.4")
    replication.wait_for_copies(source, "team/api", {"imageTag": "1.4"}, source_away)
    source_away.boto("ecr").create_repository(repositoryName="shelf")
    words = (
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "--src-creds",
        skopeo.login,
        "--dest-creds",
        skopeo.login,
    )
    skopeo.run(
        "copy", *words, f"docker://{source_away.registry}/team/api:1.4", f"docker://{source_away.registry}/shelf:1.4"
    )
    assert skopeo.manifest(f"{source_away.registry}/shelf:1.4").encode() == ONE.manifest.content


def test_a_registry_is_reached_by_the_name_that_ecr_would_give_it(
    source: Owner, skopeo: Skopeo, layout: Path, repository: str, hosts: Path
) -> None:
    named = Skopeo(with_hosts(skopeo.run, hosts), skopeo.login)
    named.push(layout, f"{SOURCE}.dkr.ecr.{HOME}.localhost:{source.server.port}/team/api:1.4")
    assert skopeo.manifest(f"{repository}:1.4").encode() == ONE.manifest.content


def test_by_its_name_a_registry_refuses_the_password_of_another_region(
    source: Owner, source_away: Owner, skopeo: Skopeo, layout: Path, repository: str, hosts: Path
) -> None:
    skopeo.push(layout, f"{repository}:1.4")
    foreign = Skopeo(with_hosts(skopeo.run, hosts), f"AWS:{source_away.password()}")
    reference = f"docker://{SOURCE}.dkr.ecr.{HOME}.localhost:{source.server.port}/team/api:1.4"
    foreign.run.refusal("inspect", "--raw", "--tls-verify=false", "--creds", foreign.login, reference)


def everything_of_the_index() -> set[str]:
    blobs = {blob.digest for image in SEVERAL for blob in (*image.blobs, image.manifest)}
    return blobs | {index(*SEVERAL).digest}


def pulled(folder: Path) -> set[str]:
    """The digests of everything that skopeo wrote into a folder, but for its own version file."""
    return {sha256(path.read_bytes()) for path in folder.iterdir() if path.name != "version"}
