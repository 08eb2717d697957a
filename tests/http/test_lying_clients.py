"""Clients whose words do not fit their bytes, or who name what is not theirs: refused, and nothing of it is kept."""

import hashlib
import socket
from collections.abc import Iterator

import pytest

from tests.hostile import OTHER_ACCOUNT, Target, attacked, status

CONTENT = b"the content of a layer"
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
OTHER_DIGEST = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with attacked(tmp_path_factory.mktemp("lying")) as target:
        yield target


@pytest.fixture
def upload(target: Target) -> str:
    return target.begin()


def test_a_server_that_heard_lies_serves_the_truth(target: Target, upload: str) -> None:
    wrong = target.head("PUT", f"{upload}?digest={OTHER_DIGEST}", str(len(CONTENT))) + CONTENT
    assert status(target.ask(wrong)) == 400
    assert is_empty(target, upload)
    right = target.head("PUT", f"{upload}?digest={DIGEST}", str(len(CONTENT))) + CONTENT
    assert status(target.ask(right)) == 201
    several = target.head("GET", f"/v2/team/api/blobs/{DIGEST}", more=f"Range: bytes={','.join(['0-0'] * 10_000)}\r\n")
    answered = target.ask(several)
    assert (status(answered), f"content-length: {len(CONTENT)}" in answered) == (200, True)


@pytest.mark.parametrize(
    "sent",
    [
        b"ZZ\r\nabc\r\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFFF\r\nabc\r\n",
        b"3\r\nabcdef\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"\r\n\r\n",
        b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\n" + b"Trailer: x\r\n" * 100_000 + b"\r\n",
    ],
    ids=["no number", "negative", "too large", "too small", "bare line feeds", "no size", "extension", "trailers"],
)
def test_chunks_that_are_none_leave_nothing(target: Target, upload: str, sent: bytes) -> None:
    with target.connect() as connection:
        connection.sendall(without_length(target.head("PATCH", upload, more=CHUNKED)))
        answered = sent_to_the_end(connection, sent)
    assert answered == b"" or answered.split()[1] in (b"400", b"408", b"413", b"431")
    assert is_empty(target, upload)


@pytest.mark.parametrize("sent", [b"", b"a", b"5\r\nab"], ids=["nothing", "half a length", "half a chunk"])
def test_a_client_that_ends_its_side_before_its_body_ended_leaves_nothing(
    target: Target, upload: str, sent: bytes
) -> None:
    heads = (target.head("PATCH", upload, "50"), without_length(target.head("PATCH", upload, more=CHUNKED)))
    for head in heads:
        with target.connect() as connection:
            connection.sendall(head)
            answered = sent_to_the_end(connection, sent)
        assert answered == b"" or answered.split()[1].startswith(b"4")
    assert is_empty(target, upload)


def test_a_body_of_two_lengths_is_kept_whole_or_not_at_all(target: Target, upload: str) -> None:
    head = target.head("PATCH", upload, "2", CHUNKED)
    answered = target.ask(head + b"5\r\nabcde\r\n0\r\n\r\n")
    assert (status(answered), "range: 0-4" in answered) in ((400, False), (202, True))


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_an_upload_is_unknown_in_another_repository_and_to_another_account(
    target: Target, upload: str, method: str
) -> None:
    place = upload.partition("/blobs/")[2] + (f"?digest={DIGEST}" if method == "PUT" else "")
    assert status(target.ask(target.head(method, f"/v2/team/web/blobs/{place}", "3") + b"abc")) == 404
    ecr = target.served.client("ecr", OTHER_ACCOUNT)
    stranger = Target(target.served, ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])
    assert status(stranger.ask(stranger.head(method, f"/v2/team/api/blobs/{place}", "3") + b"abc")) == 404
    assert is_empty(target, upload)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"GET /v2/\r\n\r\n",
        b"GET /v2/ HTTP/9.9\r\n\r\n",
        b"\r\n" * 1000,
        b"GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX: \x00\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1\r\n folded: x\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"GET /v2/ HTTP/1.1\r\nX: " + b"y" * 500_000 + b"\r\n\r\n",
        b"GET /v2/" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
    ],
    ids=["TLS", "no version", "far version", "no request", "nul", "folded", "headers", "header", "path", "HTTP/2"],
)
def test_what_is_no_request_is_refused_and_the_next_one_served(target: Target, sent: bytes) -> None:
    with target.connect() as connection:
        answered = sent_to_the_end(connection, sent)
    assert answered == b"" or answered.split()[1].startswith(b"4")
    assert status(target.ask(target.head("GET", "/v2/"))) == 200


def test_a_hundred_requests_at_once_on_one_connection_are_answered_in_order(target: Target) -> None:
    wanted = [200, 404] * 50
    asked = {200: target.head("GET", "/v2/"), 404: target.head("GET", "/v2/team/api/manifests/none")}
    with target.connect() as connection:
        connection.sendall(b"".join(asked[each] for each in wanted))
        answered = b""
        while answered.count(b"HTTP/1.1 ") < len(wanted):
            answered += connection.recv(65536)
    assert [int(each.split()[0]) for each in answered.split(b"HTTP/1.1 ")[1:]] == wanted


def is_empty(target: Target, upload: str) -> bool:
    return "range: 0-0" in target.ask(target.head("GET", upload))


def without_length(head: bytes) -> bytes:
    return head.replace(b"Content-Length: 0\r\n", b"")


def sent_to_the_end(connection: socket.socket, sent: bytes) -> bytes:
    """Send what may be refused before it ends, say that no more comes, and return everything that is answered."""
    answered = b""
    try:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            answered += piece
    except TimeoutError:
        raise
    except OSError:
        # The server has said what it had to say, and gone.
        pass
    return answered
