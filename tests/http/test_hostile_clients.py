"""Clients that stall, lie and go away: others are served, and what they cost is bounded and given back."""

import resource
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from botocore.exceptions import ClientError

from tests.hostile import ACCOUNT, AT_ONCE, Target, attacked, status, wait_until

MANY = 1000
SIGNED = (
    "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.UploadLayerPart\r\nX-Amz-Date: 20260301T120000Z\r\n"
    f"Authorization: AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260301/eu-west-1/ecr/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0\r\n"
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with attacked(tmp_path_factory.mktemp("hostile")) as target:
        yield target


@pytest.fixture
def crowd(target: Target) -> Iterator[list[socket.socket]]:
    """A thousand connections, which are reset at the end; what they cost must have been given back then."""
    before, files = target.descriptors, target.blob_files()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 2 * MANY, hard))
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect()) for _ in range(MANY)]
        for each in connections:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        yield connections
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: target.descriptors <= before and target.blob_files() == files)


@pytest.mark.parametrize("said", [b"", b"GET /v2/ HTTP/1.1\r\nHo"], ids=["nothing", "half a head"])
def test_a_thousand_clients_that_say_little_keep_no_other_client_out(
    target: Target, crowd: list[socket.socket], said: bytes
) -> None:
    for each in crowd:
        each.sendall(said)
    assert status(target.ask(target.head("GET", "/v2/"))) == 200


@pytest.mark.large
def test_a_thousand_stalled_bodies_hold_little_memory_and_keep_no_other_client_out(
    target: Target, crowd: list[socket.socket]
) -> None:
    before = target.megabytes
    sent = target.head("PATCH", target.begin(), "100000000") + b"x" * 500_000
    for each in crowd:
        each.sendall(sent)
    # All but the few whose bodies are collected are written as they come.
    wait_until(lambda: len(target.blob_files()) > MANY * 0.8)
    assert status(target.ask(target.head("GET", "/v2/"))) == 200
    # What is read ahead and one small batch for each, beside what may be collected.
    assert target.megabytes - before < 700


def test_clients_that_go_away_in_mid_body_leave_nothing(target: Target) -> None:
    files, descriptors = target.blob_files(), target.descriptors
    upload = target.begin()
    for _ in range(100):
        with target.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            connection.sendall(target.head("PATCH", upload, "8000000") + b"x" * 2_000_000)
    wait_until(lambda: target.descriptors <= descriptors and target.blob_files() == files)
    assert "range: 0-0" in target.ask(target.head("GET", upload))


@pytest.mark.parametrize(
    ("length", "more", "expected"),
    [
        ("5", "Content-Range: 0-9\r\n", 400),
        ("5", "Content-Range: 0-3\r\n", 400),
        ("5", "Content-Range: 4-0\r\n", 416),
        ("5", "Content-Range: 0-99999999999999999999\r\n", 416),
        ("-1", "", 400),
        ("+5", "", 400),
        ("5, 6", "", 400),
        ("5\r\nContent-Length: 6", "", 400),
        ("99999999999999999999", "", 400),
    ],
)
def test_a_length_that_lies_is_refused_and_nothing_of_its_body_kept(
    target: Target, length: str, more: str, expected: int
) -> None:
    upload = target.begin()
    assert status(target.ask(target.head("PATCH", upload, length, more) + b"12345")) == expected
    assert "range: 0-0" in target.ask(target.head("GET", upload))


@pytest.mark.large
def test_uploads_that_are_never_finished_cost_no_memory(target: Target) -> None:
    with target.connect() as connection:
        for _ in range(100):
            target.begin(connection)
        before, descriptors = target.megabytes, target.descriptors
        for _ in range(MANY):
            target.begin(connection)
        assert target.megabytes - before < 20
        wait_until(lambda: target.descriptors <= descriptors)


@pytest.mark.parametrize(("named", "size", "number"), [("", 1_000_000, 600), (SIGNED, 20_000_000, 40)])
def test_operations_that_are_never_sent_whole_share_bounded_memory_and_keep_no_other_client_out(
    target: Target, named: str, size: int, number: int
) -> None:
    before = target.megabytes
    sent = target.head("POST", "/", str(size), named).replace(b"Authorization: Basic", b"X:") + b"x" * (size - 1)
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect()) for _ in range(number)]
        send_as_much_as_is_taken(connections, sent)
        assert status(target.ask(target.head("GET", "/v2/"))) == 200
        assert target.served.client("ecr", ACCOUNT).describe_repositories()["repositories"]
        assert when_it_grows_no_more(lambda: target.megabytes) - before < 350


def test_a_client_that_has_only_heard_of_a_key_does_not_keep_its_owner_out(target: Target) -> None:
    ecr = target.served.client("ecr", ACCOUNT)
    ecr.describe_repositories()
    sent = target.head("POST", "/", "31400000", SIGNED).replace(b"Authorization: Basic", b"X:") + b"x" * 31_000_000
    with ExitStack() as stack:
        elsewhere = [stack.enter_context(target.connect("127.0.0.9")) for _ in range(12)]
        send_as_much_as_is_taken(elsewhere, sent)
        with pytest.raises(ClientError) as refusal:
            ecr.put_image(repositoryName="team/api", imageManifest="x" * 100_000)
    assert refusal.value.response["Error"]["Code"] in ("InvalidParameterException", "RepositoryNotFoundException")


def when_it_grows_no_more(read: Callable[[], int]) -> int:
    seen: list[int] = []

    def is_at_rest() -> bool:
        seen.append(read())
        return len(seen) > 10 and seen[-1] <= seen[-10]

    wait_until(is_at_rest)
    return seen[-1]


def send_as_much_as_is_taken(connections: list[socket.socket], sent: bytes) -> None:
    """Send until everything is sent, or the server has taken nothing for a while."""
    left = {each.fileno(): (each, memoryview(sent)) for each in connections}
    polled = select.poll()
    for each in connections:
        each.settimeout(0)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        polled.register(each, select.POLLOUT)
    while left and (ready := polled.poll(1000)):
        for number, _ in ready:
            connection, rest = left[number]
            rest = rest[connection.send(rest[: 1 << 20]) :]
            left[number] = connection, rest
            if not rest:
                polled.unregister(number)
                del left[number]
