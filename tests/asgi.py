"""A client that asks a door in the same process, over the messages of ASGI."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twinport.http.messages import Door, Message, request_of, send_answer

HOST = "127.0.0.1:4566"


@dataclass(frozen=True)
class Reply:
    """What came back. Header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 — whatever the server says
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Read the registry protocol's envelope: status, code and message of the only error."""
        (error,) = self.json["errors"]
        return self.status, error["code"], error["message"]


async def ask(
    door: Door,
    method: str,
    target: str,
    *,
    body: bytes = b"",
    headers: Sequence[tuple[str, str]] = (),
    host: str = HOST,
) -> Reply:
    """Send one request. `target` is path and query as they would be written on the wire."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (("host", host), *headers)],
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    answer = await door.answer(request_of(scope, receive, "request-1"))
    await send_answer(send, answer, head=method == "HEAD")
    start, *rest = sent
    received = {name.decode(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], received, b"".join(message.get("body", b"") for message in rest))
