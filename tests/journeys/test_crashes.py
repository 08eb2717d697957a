"""kill -9 at the worst moment: what was acknowledged is there afterwards, and what was owed is carried."""

import socket

import pytest

from tests.journeys import replication
from tests.journeys.clients import SOURCE, Owner
from tests.journeys.images import small
from tests.journeys.registry import Registry
from tests.journeys.replication import TO_BOTH
from tests.journeys.server import Server
from tests.waiting import PATIENCE_SECONDS

REPOSITORY = "team/api"
IMAGE = small()
HEAVY = small(layer_bytes=32 << 20)


@pytest.fixture(autouse=True)
def _configured(source: Owner, other: Owner) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    replication.allow_replication(other, SOURCE)
    replication.configure(source, TO_BOTH)


def test_an_acknowledged_push_survives_and_its_copies_are_made(
    server: Server, source: Owner, source_away: Owner, other: Owner
) -> None:
    assert Registry.of(source).push(REPOSITORY, "1.4", IMAGE) == 201
    restart(server)
    replication.wait_for_copies(source, REPOSITORY, {"imageTag": "1.4"}, source_away, other)
    assert all(Registry.of(owner).has(REPOSITORY, IMAGE) for owner in (source, source_away, other))


def test_a_copy_that_was_under_way_is_finished(server: Server, source: Owner, source_away: Owner, other: Owner) -> None:
    assert Registry.of(source).push(REPOSITORY, "1.4", HEAVY) == 201
    # The couriers were woken by the push, and so much takes them longer than the kill.
    restart(server)
    replication.wait_for_copies(source, REPOSITORY, {"imageTag": "1.4"}, source_away, other)
    assert Registry.of(other).has(REPOSITORY, HEAVY)


def test_every_layer_that_was_acknowledged_is_there_and_the_push_goes_on(server: Server, source: Owner) -> None:
    registry = Registry.of(source)
    first, *rest = IMAGE.blobs
    assert registry.push_blob(REPOSITORY, first) == 201
    die_in_the_middle_of_a_layer(source)
    server.start()
    assert registry.ask("HEAD", f"{REPOSITORY}/blobs/{first.digest}").status == 200
    assert [registry.push_blob(REPOSITORY, blob) for blob in rest] == [201] * len(rest)
    assert registry.put_manifest(REPOSITORY, "1.4", IMAGE) == 201


def test_half_a_layer_is_never_taken_for_a_whole_one(server: Server, source: Owner) -> None:
    die_in_the_middle_of_a_layer(source)
    server.start()
    found = Registry.of(source).ask("HEAD", f"{REPOSITORY}/blobs/{HEAVY.layers[0].digest}")
    assert found.status == 404


def test_again_and_again_nothing_acknowledged_is_lost(
    server: Server, source: Owner, source_away: Owner, other: Owner
) -> None:
    images = {str(number): small(f"machine-{number}") for number in range(5)}
    for tag, image in images.items():
        assert Registry.of(source).push(REPOSITORY, tag, image) == 201
        restart(server)
    for tag, image in images.items():
        replication.wait_for_copies(source, REPOSITORY, {"imageTag": tag}, source_away, other)
        assert Registry.of(other).has(REPOSITORY, image)


def restart(server: Server) -> None:
    """Kill the server as a power cut would, and start it again on the same data."""
    server.kill()
    server.start()


def die_in_the_middle_of_a_layer(owner: Owner) -> None:
    """Send the first half of a layer, and kill the server while it waits for the rest."""
    layer, registry = HEAVY.layers[0], Registry.of(owner)
    lines = (
        f"POST /v2/{owner.account}/{owner.region}/{REPOSITORY}/blobs/uploads/?digest={layer.digest} HTTP/1.1",
        f"Host: {owner.server.address}",
        f"Authorization: Basic {registry.token}",
        "Content-Type: application/octet-stream",
        f"Content-Length: {len(layer.content)}",
    )
    with socket.create_connection(("127.0.0.1", owner.server.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        connection.sendall(layer.content[: len(layer.content) // 2])
        owner.server.kill()
