"""The whole application in this process, entered by ASGI messages, with an account in which there is something."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from twinport.aws import shapes, sigv4
from twinport.composition.app import build
from twinport.http.messages import Message
from twinport.settings.loading import Settings

ACCOUNT, REGION = "111122223333", "eu-west-1"
HOST = "127.0.0.1:4566"
CONFIG, LAYER = b"config", b"layer"
# Answers end long before; a test that meets this has found a hang.
PATIENCE_SECONDS = 30

Headers = Sequence[tuple[str, str]]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(content: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _described(CONFIG, "application/vnd.oci.image.config.v1+json"),
        "layers": [_described(LAYER, "application/vnd.oci.image.layer.v1.tar+gzip")],
    }
).encode()


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Doors:
    """Every request is answered before the next is sent, so a run is the same each time."""

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner()
        self._app = build(replace(settings, regions=(REGION, "us-east-1")))
        self.password = self._password()
        self.upload = ""
        self._furnish()

    def close(self) -> None:
        self._app.close()
        self._runner.close()

    def ask(self, method: str, target: str, headers: Headers = (), pieces: Sequence[bytes] = (b"",)) -> Answered:
        """Send a request as a server would hand it on: each character of `target` and headers is one byte."""
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
        }
        return self._runner.run(self._respond(scope, list(pieces) or [b""]))

    def registry(self, method: str, target: str, headers: Headers = (), pieces: Sequence[bytes] = (b"",)) -> Answered:
        """Ask under `/v2/` with a password; headers that are given come first, and may say otherwise."""
        own = (("authorization", f"Basic {self.password}"), ("host", HOST))
        given = {name.lower() for name, _ in headers}
        return self.ask(method, target, (*headers, *(each for each in own if each[0] not in given)), pieces)

    def json(self, operation: str, body: bytes) -> Answered:
        """Ask for an operation of ECR with a body, rightly signed."""
        headers = (("x-amz-target", f"{shapes.load('ecr').target_prefix}.{operation}"),)
        return self._signed("ecr", body, (*headers, ("content-type", "application/x-amz-json-1.1")))

    def query(self, service: str, body: bytes) -> Answered:
        """Ask IAM or STS with a form, rightly signed."""
        return self._signed(service, body, (("content-type", "application/x-www-form-urlencoded"),))

    def stranger(self, form: Mapping[str, str]) -> Answered:
        """Ask STS with an unsigned form."""
        body = urlencode({"Version": shapes.load("sts").api_version, **form}).encode()
        headers = (("host", HOST), ("content-type", "application/x-www-form-urlencoded"))
        return self.ask("POST", "/", (*headers, ("content-length", str(len(body)))), (body,))

    def _signed(self, service: str, body: bytes, more: Headers) -> Answered:
        headers = (("host", HOST), *more)
        added = sigv4.sign(
            sigv4.Message("POST", "/", "", tuple(headers)),
            sigv4.Credentials(ACCOUNT, "test"),
            region=REGION,
            service=service,
            now=datetime.now(UTC),
            body_hash=hashlib.sha256(body).hexdigest(),
        )
        length = ("content-length", str(len(body)))
        return self.ask("POST", "/", (*headers, *added.items(), length), (body,))

    async def _respond(self, scope: Message, pieces: list[bytes]) -> Answered:
        sent: list[Message] = []
        waiting = [
            {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
            for number, piece in enumerate(pieces, 1)
        ]

        async def receive() -> Message:
            if not waiting:
                # The client waits for its answer.
                await asyncio.Event().wait()
            return waiting.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        await asyncio.wait_for(self._app.application(scope, receive, send), PATIENCE_SECONDS)
        start, *rest = sent
        return Answered(start["status"], tuple(start["headers"]), b"".join(each.get("body", b"") for each in rest))

    def _password(self) -> str:
        said = json.loads(self.json("GetAuthorizationToken", b"{}").body)
        token: str = said["authorizationData"][0]["authorizationToken"]
        return token

    def _furnish(self) -> None:
        """Make two repositories, of which one has an image and an upload."""
        for name in ("team/api", "team/web"):
            self.json("CreateRepository", json.dumps({"repositoryName": name}).encode())
        for blob in (CONFIG, LAYER):
            self.registry("POST", f"/v2/team/api/blobs/uploads/?digest={digest_of(blob)}", (), (blob,))
        self.registry("PUT", "/v2/team/api/manifests/latest", (), (MANIFEST,))
        begun = self.registry("POST", "/v2/team/api/blobs/uploads/")
        self.upload = dict(begun.headers)[b"docker-upload-uuid"].decode()
