"""Two servers on one PostgreSQL, one of them an hour ahead: nothing is lost, and no order is turned round."""

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.journeys import replication
from tests.journeys.clients import AWAY, HOME, SOURCE, Owner
from tests.journeys.images import small
from tests.journeys.registry import Registry
from tests.journeys.replication import COPY_SECONDS, ROLE, TO_THE_OTHER_REGION
from tests.journeys.server import COMMAND, Server
from tests.journeys.waiting import until

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
# The monotonic clock stays as it is: a host whose clock is wrong has a right one of that kind, too.
AHEAD = {"LD_PRELOAD": str(LIBRARY), "FAKETIME": "+1h", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}
REPOSITORY = "team/api"
IMAGES = [small(f"machine-{number}") for number in range(8)]
pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="Debian's faketime is not installed")


@pytest.fixture
def servers(postgres_address: str, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    right = Server(tmp_path, database=postgres_address)
    ahead = Server(tmp_path, database=postgres_address, settings=AHEAD)
    with right, ahead:
        yield right, ahead


def test_two_hosts_whose_clocks_are_an_hour_apart_lose_nothing(servers: tuple[Server, Server]) -> None:
    right, ahead = servers
    source, away = Owner(right, SOURCE, HOME), Owner(right, SOURCE, AWAY)
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    replication.configure(source, TO_THE_OTHER_REGION)
    refuse_signatures_of_another_time(ahead)
    registries = pushed_by_turns(source, ahead)
    for owner in (source, away):
        until(f"{owner.region} has the last tag", partial(has_last_tag, Registry.of(owner)), seconds=COPY_SECONDS)
        assert all(Registry.of(owner).has(REPOSITORY, image) for image in IMAGES)
    keep_what_is_young(registries[0], ahead)
    delete_the_role(source)


def refuse_signatures_of_another_time(ahead: Server) -> None:
    """The server that is ahead says what AWS says of a client whose clock is behind."""
    with pytest.raises(ClientError) as refused:
        Owner(ahead, SOURCE, HOME).boto("ecr").describe_repositories()
    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidSignatureException"
    assert error["Message"].startswith("Signature expired: ")


def pushed_by_turns(source: Owner, ahead: Server) -> tuple[Registry, Registry]:
    """Move one tag from image to image, each time over the other server."""
    token = source.token()
    registries = Registry.with_token(source, token), Registry.with_token(Owner(ahead, SOURCE, HOME), token)
    for number, image in enumerate(IMAGES):
        assert registries[number % 2].push(REPOSITORY, f"v{number}", image) == 201
        # The server that is ahead comes before the one that is right: the later push wins all the same.
        assert registries[(number + 1) % 2].put_manifest(REPOSITORY, "last", image) == 201
    return registries


def has_last_tag(registry: Registry) -> bool:
    return registry.ask("GET", f"{REPOSITORY}/manifests/last").body == IMAGES[-1].manifest.content


def keep_what_is_young(registry: Registry, ahead: Server) -> None:
    """Collect garbage where it is an hour later, with a delay of half an hour: a layer without an image stays."""
    layer = small("without an image").blobs[0]
    assert registry.push_blob(REPOSITORY, layer) == 201
    variables = {**ahead.environment, "TWINPORT_GARBAGE_DELAY": "30m"}
    collect = [*COMMAND, "gc", "--delete", "--data", str(ahead.data)]
    subprocess.run(collect, env=variables, check=True, timeout=COPY_SECONDS)
    assert registry.ask("GET", f"{REPOSITORY}/blobs/{layer.digest}").body == layer.content
    assert all(registry.has(REPOSITORY, image) for image in IMAGES)


def delete_the_role(source: Owner) -> None:
    """Delete the role of replication, whichever server carries the task out."""
    iam = source.boto("iam")
    replication.configure(source, replication.NOWHERE)
    for _ in range(3):
        task = iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
        status = partial(settled, iam, task)
        if until("the deletion is settled", status, seconds=COPY_SECONDS) == "SUCCEEDED":
            return
    raise AssertionError("the role is not deleted")


def settled(iam: object, task: str) -> str | None:
    status: str = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"]  # type: ignore[attr-defined]
    return status if status in ("SUCCEEDED", "FAILED") else None
