"""Heads and bodies as HTTP allows them, and as it does not: bytes in, bytes out."""

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests import http2
from tests.served import Served, start_secure
from twinport.commands.certificates import make, names_for

ORIGIN = "Origin: https://evil.example\r\n"
CROSS_SITE = "Sec-Fetch-Site: cross-site\r\n"
HEALTH = ["/_twinport/health", "/_twinport/health/live", "/_twinport/health/ready"]
# Of one chunk whose length is no number, one that is longer than it says, and one that ends too early.
BROKEN = ["zz\r\nabc\r\n0\r\n\r\n", "3\r\nabcX\r\n0\r\n\r\n", "ffffffffffffffffffff\r\nabc\r\n0\r\n\r\n"]


def ask(port: int, sent: str) -> tuple[int, str]:
    """Send bytes, and return the status and all that comes until the server closes or the answer is whole."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, connection.makefile("rb") as answer:
        connection.sendall(sent.encode("latin-1"))
        status = int(answer.readline().split()[1])
        headers = "".join(iter(lambda: answer.readline().decode("latin-1"), "\r\n")).lower()
        length = re.search(r"content-length: (\d+)", headers)
        body = answer.read(int(length[1])) if length and not sent.startswith("HEAD") else b""
        return status, headers + body.decode()


def closes(port: int, sent: str) -> tuple[int, bool]:
    """Send bytes, and return the status and whether the connection ends after the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent.encode("latin-1"))
        with connection.makefile("rb") as answer:
            everything = answer.read()
        return int(everything.split()[1]), b"connection: close" in everything.lower()


@pytest.mark.parametrize("path", HEALTH)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "HEAD"])
def test_health_is_told_without_a_host(server: Served, method: str, path: str) -> None:
    for head in (f"{method} {path} HTTP/1.0\r\n\r\n", f"{method} {path} HTTP/1.1\r\n\r\n"):
        assert ask(server.port, head)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.7:4566", "registry", "a b"])
def test_health_is_told_at_every_host(server: Served, host: str) -> None:
    assert ask(server.port, f"GET /_twinport/health HTTP/1.1\r\nHost: {host}\r\n\r\n")[0] == 200


@pytest.mark.parametrize("target", ["*", "v2/", "127.0.0.1:80", "?query"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "CONNECT"])
def test_a_target_that_is_no_path_is_refused(server: Served, method: str, target: str) -> None:
    status, _ = ask(server.port, f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
    assert status == 400


def test_a_target_with_scheme_and_host_is_the_path_behind_them(server: Served) -> None:
    for target, status in (("http://127.0.0.1/_twinport/health", 200), ("http://127.0.0.1/v2/", 401)):
        assert ask(server.port, f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")[0] == status


@pytest.mark.parametrize("line", [ORIGIN, CROSS_SITE], ids=["origin", "cross-site"])
@pytest.mark.parametrize("path", HEALTH)
def test_health_is_told_to_no_page_of_another_site(server: Served, path: str, line: str) -> None:
    assert ask(server.port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{line}\r\n")[0] == 403
    assert ask(server.port, f"GET {path} HTTP/1.0\r\n{line}\r\n")[0] == 403


@pytest.mark.parametrize(
    "path", ["/", "/v2/", "/console/", "/_twinport/deliveries", "/_twinport/healthy", "/_layers/x"]
)
def test_a_request_without_a_host_is_malformed(server: Served, path: str) -> None:
    status, said = ask(server.port, f"GET {path} HTTP/1.1\r\n\r\n")
    assert (status, "no Host header" in said) == (400, True)


def test_a_request_with_two_hosts_is_malformed(server: Served) -> None:
    twice = "Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n"
    status, said = ask(server.port, f"GET /v2/ HTTP/1.1\r\n{twice}\r\n")
    assert (status, "2 Host headers" in said) == (400, True)


def test_http_1_0_without_a_host_is_refused_where_a_host_is_needed(server: Served) -> None:
    assert ask(server.port, "GET /v2/ HTTP/1.0\r\n\r\n")[0] == 403


@pytest.mark.parametrize("chunks", BROKEN, ids=["no number", "longer", "too large"])
@pytest.mark.parametrize("path", ["/", "/console/sign-in"])
def test_chunks_that_are_framed_wrongly_are_a_bad_request_and_end_the_connection(
    server: Served, path: str, chunks: str
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert closes(server.port, head + chunks) == (400, True)


def test_an_upload_whose_chunks_are_framed_wrongly_is_a_bad_request_and_stays_as_it_was(
    server: Served, account: str
) -> None:
    ecr = server.client("ecr", account)
    ecr.create_repository(repositoryName="team/api")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    upload = ecr.initiate_layer_upload(repositoryName="team/api")["uploadId"]
    lines = f"Host: 127.0.0.1\r\nAuthorization: Basic {token}\r\n"
    path = f"/v2/team/api/blobs/uploads/{upload}"
    head = f"PATCH {path} HTTP/1.1\r\n{lines}Transfer-Encoding: chunked\r\n\r\n"
    assert closes(server.port, f"{head}{BROKEN[1]}") == (400, True)
    assert ask(server.port, f"GET {path} HTTP/1.1\r\n{lines}\r\n")[0] == 204


@pytest.mark.parametrize(("size", "status"), [(100_000, 200), (130_000, 200), (132_000, 431), (140_000, 431)])
def test_a_head_may_have_128_kib(server: Served, size: int, status: int) -> None:
    sent = f"GET /_twinport/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Filler: {'x' * size}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(sent.encode())
        with connection.makefile("rb") as answer:
            assert int(answer.readline().split()[1]) == status


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("heads")
    files = make(folder / "tls", names_for(("127.0.0.1",), ("localhost",), ("eu-west-1",)), datetime.now(UTC))
    served = start_secure(folder / "data", files, TWINPORT_ALLOWED_HOSTS="registry.example")
    yield served
    served.stop()


GET = [(":method", "GET"), (":scheme", "https"), (":path", "/v2/")]
ADDRESS, STRANGE = (":authority", "127.0.0.1"), (":authority", "evil.example")


def said(secure: Served, *fields: tuple[str, str]) -> str:
    body = http2.answered(secure.port, [*GET, *fields])
    return "" if body is None else body.decode()


def test_over_http_2_the_authority_is_the_host(secure: Served) -> None:
    assert "not served here" not in said(secure, ADDRESS)
    assert "host 'evil.example' is not served here" in said(secure, STRANGE)
    assert "host 'evil.example' is not served here" in said(secure, ("host", "evil.example"))


def test_over_http_2_a_request_needs_exactly_one_host(secure: Served) -> None:
    assert "no Host header" in said(secure)
    assert "2 Host headers" in said(secure, ("host", "127.0.0.1"), ("host", "evil.example"))


def test_over_http_2_a_host_beside_our_authority_must_be_ours_too(secure: Served) -> None:
    assert "host 'evil.example' is not served here" in said(secure, ADDRESS, ("host", "evil.example"))


def test_over_http_2_an_authority_beside_a_host_is_not_seen(secure: Served) -> None:
    # It should be refused, as two hosts are. Once the library shows both, this fails: then refuse those that differ.
    assert http2.answered(secure.port, [*GET, STRANGE, ("host", "127.0.0.1")]) == http2.answered(
        secure.port, [*GET, ("host", "127.0.0.1")]
    )


def test_over_tls_browsers_are_told_to_come_by_https_alone(secure: Served) -> None:
    [error] = json.loads(said(secure, STRANGE))["errors"]
    assert error["code"] == "DENIED"
    assert "host 'evil.example' is not served here" in error["message"]
    for host, is_told in (("registry.example", True), ("127.0.0.1", False), ("localhost:4566", False)):
        assert ("strict-transport-security" in headers_at(secure, host)) is is_told


def headers_at(secure: Served, host: str) -> str:
    assert secure.trust is not None
    with (
        socket.create_connection(("127.0.0.1", secure.port), timeout=30) as plain,
        secure.trust.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(f"GET /console/sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            return answer.read().partition(b"\r\n\r\n")[0].decode().lower()


def test_without_tls_nothing_is_said_of_https(server: Served) -> None:
    assert "strict-transport-security" not in ask(server.port, "GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")[1]
