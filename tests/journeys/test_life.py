"""The life of a server process: quick to start, quick to end whatever is under way, small whatever passes through."""

import hashlib
import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys import replication
from tests.journeys.clients import SOURCE, Owner
from tests.journeys.images import small
from tests.journeys.registry import Registry
from tests.journeys.replication import TO_BOTH
from tests.journeys.server import Server
from tests.waiting import PATIENCE_SECONDS

REPOSITORY = "team/api"
# The bound of memory below is that of files.
LAYERS_ARE_FILES = True
PIECE = bytes(range(256)) * 4096
PIECES = 384
MOST_GROWTH_KIB = 64 << 10


@pytest.fixture(autouse=True)
def _repository(source: Owner) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)


def test_it_ends_in_order_while_a_client_stalls(server: Server, source: Owner) -> None:
    with stalled_upload(source):
        server.stop()
    assert "server.stopped" in server.log


def test_it_ends_in_order_while_copies_travel(server: Server, source: Owner, source_away: Owner, other: Owner) -> None:
    replication.allow_replication(other, SOURCE)
    replication.configure(source, TO_BOTH)
    assert Registry.of(source).push(REPOSITORY, "1.4", small(layer_bytes=32 << 20)) == 201
    server.stop()
    assert "server.stopped" in server.log

    server.start()
    replication.wait_for_copies(source, REPOSITORY, {"imageTag": "1.4"}, source_away, other)


@pytest.mark.alone
def test_a_layer_larger_than_memory_allows_passes_in_both_directions(server: Server, source: Owner) -> None:
    before = most_memory_kib(server)
    digest = f"sha256:{hashlib.sha256(PIECE * PIECES).hexdigest()}"
    assert stream_in(source, digest) == 201
    assert stream_out(source, digest) == digest
    assert most_memory_kib(server) - before < MOST_GROWTH_KIB


@contextmanager
def stalled_upload(owner: Owner) -> Iterator[None]:
    """A client that announces a layer, sends a little of it, and then nothing more."""
    place = f"/v2/{owner.account}/{owner.region}/{REPOSITORY}/blobs/uploads/?digest=sha256:{'0' * 64}"
    lines = (
        f"POST {place} HTTP/1.1",
        f"Host: {owner.server.address}",
        f"Authorization: Basic {owner.token()}",
        "Content-Length: 1000000",
    )
    with socket.create_connection(("127.0.0.1", owner.server.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall("\r\n".join((*lines, "", "a little")).encode())
        yield


def stream_in(owner: Owner, digest: str) -> int:
    """Push a layer piece by piece, and return the status that it is answered."""
    place = f"/v2/{owner.account}/{owner.region}/{REPOSITORY}/blobs/uploads/?digest={digest}"
    length = {"Content-Length": str(len(PIECE) * PIECES)}
    with answer_to(owner, "POST", place, (PIECE for _ in range(PIECES)), length) as answer:
        return answer.status


def stream_out(owner: Owner, digest: str) -> str:
    """Pull a layer piece by piece, and return the digest of what came."""
    place = f"/v2/{owner.account}/{owner.region}/{REPOSITORY}/blobs/{digest}"
    hashed = hashlib.sha256()
    with answer_to(owner, "GET", place, None, {}) as answer:
        while piece := answer.read(len(PIECE)):
            hashed.update(piece)
    return f"sha256:{hashed.hexdigest()}"


@contextmanager
def answer_to(
    owner: Owner, method: str, place: str, body: Iterator[bytes] | None, headers: dict[str, str]
) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", owner.server.port, timeout=60)
    try:
        connection.request(method, place, body, {"Authorization": f"Basic {owner.token()}", **headers})
        yield connection.getresponse()
    finally:
        connection.close()


def most_memory_kib(server: Server) -> int:
    """The most memory that the server ever held at once."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
