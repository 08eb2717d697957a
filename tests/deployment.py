"""A process of a deployment without its sockets: the application as the composition builds it, asked over ASGI."""

import asyncio
import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.asgi import HOST, Reply
from tests.fakes import ACCOUNT, REGION
from tests.signed import VERSIONS
from twinport.composition import app
from twinport.composition.app import App
from twinport.http.messages import Message
from twinport.settings import loading

_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_TARGET = "AmazonEC2ContainerRegistry_V20150921"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG, _LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Keys:
    """A pair of an access key id and its secret, and the token of a session."""

    id: str
    secret: str
    token: str | None = None


ROOT = Keys(ACCOUNT, "test")


@dataclass(frozen=True)
class Process:
    """One process. Several on one data folder share its databases, and no memory."""

    whole: App

    async def aws(self, service: str, operation: str, members: dict[str, Any], keys: Keys = ROOT) -> Reply:
        """Call an operation, signed with these keys."""
        body, headers = _written(service, operation, members)
        request = AWSRequest("POST", f"http://{HOST}/", headers=headers, data=body)
        SigV4Auth(Credentials(keys.id, keys.secret, keys.token), service, REGION).add_auth(request)
        return await self.ask("POST", "/", body, dict(request.headers.items()))

    async def done(self, service: str, operation: str, members: dict[str, Any], keys: Keys = ROOT) -> Reply:
        """As `aws`, for what must succeed."""
        reply = await self.aws(service, operation, members, keys)
        assert reply.status == 200, reply
        return reply

    async def login(self, keys: Keys) -> dict[str, str]:
        """Return the headers of requests under `/v2/` with a token of these keys."""
        reply = await self.done("ecr", "GetAuthorizationToken", {}, keys)
        return {"authorization": f"Basic {reply.json['authorizationData'][0]['authorizationToken']}"}

    async def new_keys(self, user: str) -> Keys:
        text = (await self.done("iam", "CreateAccessKey", {"UserName": user})).body.decode()
        return Keys(_between(text, "AccessKeyId"), _between(text, "SecretAccessKey"))

    async def assume(self, role: str) -> Keys:
        asked = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "RoleSessionName": "build"}
        text = (await self.done("sts", "AssumeRole", asked)).body.decode()
        return Keys(*(_between(text, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))

    async def push_blob(self, repository: str, content: bytes, auth: dict[str, str]) -> dict[str, Any]:
        """Push a blob as docker does, by a POST and a PUT. Return its digest and size, as a descriptor has them."""
        began = await self.ask("POST", f"/v2/{repository}/blobs/uploads/", b"", auth)
        assert began.status == 202, began
        address = urlsplit(began.headers["location"])
        digest = f"sha256:{sha256(content).hexdigest()}"
        query = "&".join(each for each in (address.query, f"digest={digest}") if each)
        ended = await self.ask("PUT", f"{address.path}?{query}", content, auth)
        assert ended.status == 201, ended
        return {"digest": digest, "size": len(content)}

    async def push(self, repository: str, tag: str, auth: dict[str, str]) -> None:
        """Push an image with a config and one layer of its own."""
        config = await self.push_blob(repository, json.dumps({"tag": tag}).encode(), auth)
        layer = await self.push_blob(repository, f"layer of {tag}".encode(), auth)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": _CONFIG, **config},
            "layers": [{"mediaType": _LAYER, **layer}],
        }
        headers = {**auth, "content-type": MANIFEST}
        path = f"/v2/{repository}/manifests/{tag}"
        assert (await self.ask("PUT", path, json.dumps(manifest).encode(), headers)).status == 201

    async def ask(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        """Send one request to the application."""
        path, _, query = target.partition("?")
        named = {"host": HOST, "content-length": str(len(body)), **{k.lower(): v for k, v in (headers or {}).items()}}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
        }
        sent: list[Message] = []

        received = asyncio.Event()

        async def receive() -> Message:
            if received.is_set():
                await asyncio.Event().wait()  # the client stays, and sends nothing more
            received.set()
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.whole.application(scope, receive, send)
        begun, *rest = sent
        answered = {name.decode(): value.decode() for name, value in begun["headers"]}
        return Reply(begun["status"], answered, b"".join(each.get("body", b"") for each in rest))


def begun(data: Path, database: str | None = None, **more: Any) -> Process:  # noqa: ANN401 — as settings have it
    """Begin a process with open accounts on a data folder, and on a PostgreSQL database if one is named."""
    options: dict[str, Any] = {"data": str(data), "listen": HOST, "open_accounts": True, **more}
    return Process(app.build(loading.load(None, {}, options | ({"database": database} if database else {}))))


def _written(service: str, operation: str, members: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    if service == "ecr":
        target = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"{_TARGET}.{operation}"}
        return json.dumps(members).encode(), target
    form = {"Action": operation, "Version": VERSIONS[service], **members}
    return urlencode(form).encode(), {"content-type": _FORM}


def _between(text: str, element: str) -> str:
    found = re.search(f"<{element}>(.*?)</{element}>", text)
    assert found is not None, text
    return found[1]
