"""The registry protocol's door behind a real server: what ASGI alone cannot show."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.asgi import Reply
from tests.served import Served
from tests.shelf import image_of
from tests.waiting import PATIENCE_SECONDS
from twinport.model.content import Digest
from twinport.model.manifests import OCI_INDEX, OCI_MANIFEST

CONFIG = b"{}"
ACCEPT = [("Accept", kind) for kind in (OCI_MANIFEST, OCI_INDEX, "application/json")]


@dataclass(frozen=True)
class Wire:
    """A client of one repository that writes its requests by hand."""

    port: int
    token: str

    def ask(self, method: str, target: str, body: bytes = b"", headers: list[tuple[str, str]] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in [("Authorization", f"Basic {self.token}"), *(headers or [])]:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        try:
            connection.endheaders(body)
            answer = connection.getresponse()
            headers_read = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, headers_read, answer.read())
        finally:
            connection.close()

    def push(self, content: bytes, tag: str) -> Reply:
        return self.ask("PUT", f"/v2/team/api/manifests/{tag}", content, [("Content-Type", OCI_MANIFEST)])

    def tags(self) -> list[str]:
        tags: list[str] = self.ask("GET", "/v2/team/api/tags/list").json["tags"]
        return tags


@pytest.fixture
def wire(server: Served, account: str) -> Wire:
    ecr = server.client("ecr", account)
    ecr.create_repository(repositoryName="team/api")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    wire = Wire(server.port, token)
    for blob in (CONFIG, b"one", b"two"):
        assert wire.ask("POST", f"/v2/team/api/blobs/uploads/?digest={Digest.of(blob)}", blob).status == 201
    return wire


def test_a_manifest_comes_back_to_a_client_that_accepts_in_several_lines(wire: Wire) -> None:
    content = image_of(CONFIG, b"one")
    assert wire.push(content, "v1").status == 201
    pulled = wire.ask("GET", "/v2/team/api/manifests/v1", headers=ACCEPT)
    assert (pulled.status, pulled.body, pulled.headers["content-type"]) == (200, content, OCI_MANIFEST)
    looked = wire.ask("HEAD", "/v2/team/api/manifests/v1", headers=ACCEPT)
    assert (looked.status, looked.body, looked.headers["content-length"]) == (200, b"", str(len(content)))


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/../team/api/tags/list", 400, "NAME_INVALID"),
        ("/v2/team/../api/tags/list", 400, "NAME_INVALID"),
        ("/v2/%2e%2e/api/tags/list", 400, "NAME_INVALID"),
        ("/v2/team%2fapi/tags/list", 404, "NAME_INVALID"),
        ("/v2/team//api/tags/list", 400, "NAME_INVALID"),
        ("/v2/Team/api/tags/list", 400, "NAME_INVALID"),
        ("/v2/team/api/manifests/..%2f..%2fglobal.db", 404, "NAME_INVALID"),
    ],
)
def test_paths_reach_the_door_as_they_were_sent(wire: Wire, path: str, status: int, code: str) -> None:
    assert wire.ask("GET", path).error[:2] == (status, code)


def test_a_manifest_of_five_mebibytes_is_refused(wire: Wire) -> None:
    assert wire.push(image_of(CONFIG).ljust(5 << 20), "v1").error[:2] == (413, "SIZE_INVALID")
    assert wire.tags() == []


def test_a_body_shorter_than_announced_stores_nothing(wire: Wire) -> None:
    content = image_of(CONFIG)
    head = (
        f"PUT /v2/team/api/manifests/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {wire.token}\r\n"
        f"Content-Type: {OCI_MANIFEST}\r\nContent-Length: {len(content) + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", wire.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(head.encode() + content)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass
    assert wire.tags() == []


def test_an_index_of_ten_thousand_absent_images_is_refused(wire: Wire) -> None:
    entries = [{"mediaType": OCI_MANIFEST, "digest": f"sha256:{number:064x}", "size": 1} for number in range(10_000)]
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    reply = wire.ask("PUT", "/v2/team/api/manifests/v1", content, [("Content-Type", OCI_INDEX)])
    assert reply.error[:2] == (400, "MANIFEST_BLOB_UNKNOWN")


def test_two_clients_racing_for_one_tag_leave_it_on_one_of_their_images(wire: Wire) -> None:
    contents = image_of(CONFIG, b"one"), image_of(CONFIG, b"two")
    with ThreadPoolExecutor(4) as clients:
        replies = list(clients.map(lambda content: wire.push(content, "v1"), contents * 4))
    assert {reply.status for reply in replies} == {201}
    assert wire.tags() == ["v1"]
    assert wire.ask("GET", "/v2/team/api/manifests/v1").body in contents


def test_one_login_pushes_to_another_region_at_the_edge(server: Served, account: str, wire: Wire) -> None:
    server.client("ecr", account, "us-east-1").create_repository(repositoryName="team/away")
    digest = Digest.of(CONFIG)
    prefix = f"/v2/{account}/us-east-1/team/away"
    assert wire.ask("POST", f"{prefix}/blobs/uploads/?digest={digest}", CONFIG).headers["location"] == (
        f"{prefix}/blobs/{digest}"
    )
    content = image_of(CONFIG)
    reply = wire.ask("PUT", f"{prefix}/manifests/v1", content, [("Content-Type", OCI_MANIFEST)])
    assert wire.ask("GET", reply.headers["location"]).body == content
    assert wire.ask("GET", f"/v2/{account}/us-east-1/_catalog").json == {
        "repositories": [f"{account}/us-east-1/team/away"]
    }
