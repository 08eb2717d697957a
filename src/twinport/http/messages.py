"""HTTP messages over ASGI: a request that is read within bounds, and the kinds of answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from urllib.parse import unquote

from twinport.errors import LimitReached, Refusal
from twinport.model.networks import peer_address
from twinport.processes import pools
from twinport.refusals.storage import BodyBroken, Interrupted

STALL_LIMIT = timedelta(seconds=60)
_PIECE = 1 << 20
_OLD_VERSIONS = ("1", "1.0", "0.9")

# ASGI defines messages and scopes only loosely. No other module sees them.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Drain:
    """How long a client may go on sending an unneeded body after its answer: in total, and without sending a byte."""

    limit: timedelta = timedelta(seconds=30)
    silence: timedelta = timedelta(seconds=5)


class BodyTooLarge(LimitReached):
    """The request's body exceeded the limit of its route."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request's body is larger than the {limit} bytes allowed here")
        self.limit = limit


class Incoming:
    """The messages of a request, and whether its body has begun and ended. Replaces ASGI's `receive`."""

    __slots__ = ("_receive", "has_begun", "has_ended", "is_broken", "received")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.received = 0
        self.has_begun = self.has_ended = self.is_broken = False

    async def __call__(self) -> Message:
        self.has_begun = True
        message = await self._receive()
        self.received += len(message.get("body", b""))
        self.is_broken = message["type"] == "http.disconnect" and not self.has_ended
        self.has_ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def left(self) -> None:
        """Wait until the client closes the connection. Never returns while the door has not read the whole body."""
        if not self.has_ended:
            await asyncio.get_running_loop().create_future()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def drop_rest(self, drain: Drain) -> None:
        """Read and discard the rest of the body.

        If the server closes a connection while the client still sends, the connection is reset and the answer is lost
        (RFC 9112 section 9.6).
        """
        now = asyncio.get_running_loop().time
        end, silence = now() + drain.limit.total_seconds(), drain.silence.total_seconds()
        with suppress(TimeoutError):
            while not self.has_ended and now() < end:
                async with asyncio.timeout(silence):
                    await self()


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` is percent-decoded, `raw_path` is as sent. Header names are lower-case."""

    method: str
    path: str
    raw_path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    client: str
    scheme: str
    id: str
    receive: Receive
    stall_limit: timedelta = STALL_LIMIT
    http_version: str = "1.1"
    _by_name: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name: dict[str, str] = {}
        for name, value in self.headers:
            by_name[name] = f"{by_name[name]}, {value}" if name in by_name else value
        object.__setattr__(self, "_by_name", by_name)

    def header(self, name: str) -> str | None:
        """Return the values of a header, repeated lines joined by commas (RFC 9110 section 5.3)."""
        return self._by_name.get(name)

    @property
    def is_old(self) -> bool:
        """Tell whether the client speaks HTTP/1.0 or older. The server writes that version as '1'."""
        return self.http_version in _OLD_VERSIONS

    @property
    def head_size(self) -> int:
        """Return how many bytes the request's line and headers take in HTTP/1.1."""
        line = len(self.method) + len(self.raw_path) + len(self.query) + len("  ? HTTP/1.1\r\n")
        return line + sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers)

    @property
    def announces_body(self) -> bool:
        """Tell whether the client sends a body without waiting for `100 Continue`."""
        has_body = self.header("content-length") not in (None, "0") or self.header("transfer-encoding") is not None
        return has_body and self.header("expect") is None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises Interrupted when the client stalls or disconnects."""
        more = True
        while more:
            try:
                async with asyncio.timeout(self.stall_limit.total_seconds()):
                    message = await self.receive()
            except TimeoutError:
                limit = self.stall_limit.total_seconds()
                raise Interrupted(f"the client sent nothing for {limit:.0f} seconds") from None
            if message["type"] == "http.disconnect":
                raise BodyBroken
            more = message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece

    async def body(self, limit: int) -> bytes:
        """Read the whole body, refusing with BodyTooLarge one of more than `limit` bytes."""
        announced = self.header("content-length") or "0"
        if announced.isdecimal() and int(announced) > limit:
            raise BodyTooLarge(limit)
        pieces, size = [], 0
        async for piece in self.pieces():
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(limit)
            pieces.append(piece)
        return b"".join(pieces) if size <= _PIECE else await pools.MESSAGES.run(partial(_joined, pieces))


def _joined(pieces: list[bytes]) -> bytes:
    """Join pieces, and free them here: freeing many megabytes takes milliseconds."""
    whole = b"".join(pieces)
    pieces.clear()
    return whole


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer in memory. If it has no body, a `content-length` in its headers is kept (HEAD)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def length(self) -> int:
        return len(self.body)


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """`size` bytes of a file from `first` on. For a whole file Python does not touch the bytes."""

    status: int
    headers: Mapping[str, str]
    path: Path
    first: int
    size: int
    whole: bool

    @property
    def length(self) -> int:
        return self.size


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """`size` bytes that `pieces` yields when it is called: their source is opened only if they are sent."""

    status: int
    headers: Mapping[str, str]
    size: int
    pieces: Callable[[], AsyncIterator[bytes]]

    @property
    def length(self) -> int:
        return self.size


AnyAnswer = Answer | FileAnswer | StreamAnswer


class Door(Protocol):
    """A door turns each request into an answer, and every refusal into its own wire form."""

    async def answer(self, request: Request) -> AnyAnswer: ...


@runtime_checkable
class RefusingDoor(Protocol):
    """A door that also words refusals from before it, so that its clients can read them."""

    async def refuse(self, status: int, refusal: Refusal, request: Request) -> Answer | None:
        """Return the door's own error document, or None if nothing shows which one the client reads."""
        ...


def request_of(scope: Mapping[str, Any], receive: Receive, request_id: str) -> Request:
    """Read an ASGI HTTP scope."""
    raw = scope.get("raw_path") or scope["path"].encode()
    raw_path = raw.split(b"?", 1)[0].decode("latin-1")
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=unquote(raw_path, errors="replace"),
        raw_path=raw_path,
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]),
        client=peer_address(client[0]) if client else "",
        scheme=scope.get("scheme", "http"),
        id=request_id,
        receive=receive,
        http_version=scope.get("http_version", "1.1"),
    )


async def send_answer(send: Send, answer: AnyAnswer, *, head: bool) -> None:
    """Write an answer. For a HEAD request it writes only the headers."""
    headers = dict(answer.headers)
    if not (head and isinstance(answer, Answer) and "content-length" in headers):
        headers["content-length"] = str(answer.length)
    await send({"type": "http.response.start", "status": answer.status, "headers": _encoded(headers)})
    if head:
        await send({"type": "http.response.body", "body": b""})
    else:
        await _send_content(send, answer)


async def _send_content(send: Send, answer: AnyAnswer) -> None:
    match answer:
        case Answer():
            await _send_body(send, answer.body)
        case FileAnswer(whole=True):
            await send({"type": "http.response.pathsend", "path": str(answer.path)})
        case FileAnswer():
            await _send_range(send, answer)
        case StreamAnswer():
            await _send_stream(send, answer)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


async def _send_body(send: Send, body: bytes) -> None:
    """Send a body in pieces: the listener copies each piece, and other requests run between two pieces."""
    for first in range(0, len(body) - _PIECE, _PIECE):
        await send({"type": "http.response.body", "body": body[first : first + _PIECE], "more_body": True})
        await asyncio.sleep(0)
    last = max(0, (len(body) - 1) // _PIECE * _PIECE)
    await send({"type": "http.response.body", "body": body[last:]})


async def _send_range(send: Send, answer: FileAnswer) -> None:
    left = answer.size
    with answer.path.open("rb") as file:
        file.seek(answer.first)
        while left:
            piece = await pools.BLOBS.run(partial(file.read, min(_PIECE, left)))
            if not piece:
                raise Interrupted("the file ended before the range did")
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
    if answer.size == 0:
        await send({"type": "http.response.body", "body": b""})


async def _send_stream(send: Send, answer: StreamAnswer) -> None:
    """Send what a store yields. The status is sent already, so a refusal breaks the answer off."""
    sent = 0
    try:
        async for piece in answer.pieces():
            sent += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except Refusal as refusal:
        raise Interrupted(refusal.message) from refusal
    if sent != answer.size:
        raise Interrupted("the bytes ended before the answer did")
    await send({"type": "http.response.body", "body": b""})
