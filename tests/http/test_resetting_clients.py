"""Clients that reset their connection at every stage of every kind of request: all or nothing stays of each."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from enum import Enum

import pytest

from tests.hostile import AT_ONCE, UPLOADS, Target, attacked, status, wait_until

TIMES = 10
BODY = hashlib.shake_256(b"body").digest(3_000_000)
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
STORED = b"stored" * 500_000
STORED_DIGEST = f"sha256:{hashlib.sha256(STORED).hexdigest()}"


class Stage(Enum):
    AFTER_HEAD = "after the head"
    MID_BODY = "in mid-body"
    BEFORE_ANSWER = "before the answer"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with attacked(tmp_path_factory.mktemp("resetting")) as target:
        yield target


def head_of_a_layer(target: Target) -> bytes:
    return target.head("POST", f"{UPLOADS}?digest={DIGEST}", str(len(BODY)))


def head_of_a_part(target: Target) -> bytes:
    return target.head("PATCH", target.begin(), str(len(BODY)))


def head_of_a_last_part(target: Target) -> bytes:
    return target.head("PUT", f"{target.begin()}?digest={DIGEST}", str(len(BODY)))


def head_of_a_manifest(target: Target) -> bytes:
    return target.head("PUT", "/v2/team/api/manifests/latest", str(len(BODY)))


def head_of_an_operation(target: Target) -> bytes:
    named = "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.UploadLayerPart\r\n"
    return target.head("POST", "/", str(len(BODY)), named)


HEADS = (head_of_a_layer, head_of_a_part, head_of_a_last_part, head_of_a_manifest, head_of_an_operation)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("head", HEADS)
def test_of_a_request_that_breaks_off_all_or_nothing_stays(
    target: Target, stage: Stage, head: Callable[[Target], bytes]
) -> None:
    descriptors, files = target.descriptors, len(target.blob_files())
    for _ in range(TIMES):
        with resetting(target) as connection:
            send(connection, head(target), stage)
    wait_until(lambda: target.descriptors <= descriptors)
    if stage is not Stage.BEFORE_ANSWER:
        wait_until(lambda: len(target.blob_files()) == files)
    sizes = {file.stat().st_size for file in target.blob_files()}
    assert sizes <= {len(BODY), len(STORED)}
    assert status(target.ask(target.head("GET", "/v2/"))) == 200


def test_downloads_that_break_off_cost_nothing_afterwards(target: Target) -> None:
    assert (
        status(target.ask(target.head("POST", f"{UPLOADS}?digest={STORED_DIGEST}", str(len(STORED))) + STORED)) == 201
    )
    descriptors = target.descriptors
    asked = target.head("GET", f"/v2/team/api/blobs/{STORED_DIGEST}")
    part = target.head("GET", f"/v2/team/api/blobs/{STORED_DIGEST}", more="Range: bytes=1000-\r\n")
    for _ in range(TIMES):
        for request in (asked, part):
            with resetting(target) as connection:
                connection.sendall(request)
                assert connection.recv(1000)
            with resetting(target) as connection:
                connection.sendall(request)
    wait_until(lambda: target.descriptors <= descriptors)


def resetting(target: Target) -> socket.socket:
    connection = target.connect()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    return connection


def send(connection: socket.socket, head: bytes, stage: Stage) -> None:
    """Send as much as the stage says. A server that has refused already may have ended the connection itself."""
    sent = {Stage.AFTER_HEAD: b"", Stage.MID_BODY: BODY[: len(BODY) // 2], Stage.BEFORE_ANSWER: BODY}[stage]
    try:
        connection.sendall(head + sent)
    except (BrokenPipeError, ConnectionResetError):
        assert stage is not Stage.AFTER_HEAD
