"""A bucket in memory that answers as a test tells it to: late, wrongly, or not at all."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from twinport.aws.sigv4 import Credentials
from twinport.egress.bucket import BucketAddress

BUCKET = "blobs"
_UPLOAD = "<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>"
_COMPLETED = "<CompleteMultipartUploadResult><ETag>tag</ETag></CompleteMultipartUploadResult>"
_MODIFIED = "Tue, 01 Dec 2026 00:00:00 GMT"

# Answers a request in the store's place, or returns None to have the store answer.
Lie = Callable[[web.Request, bytes], Awaitable[web.StreamResponse | None]]


async def truth(_request: web.Request, _body: bytes) -> web.StreamResponse | None:
    return None


@dataclass
class LyingStore:
    """`objects` are by their keys; `asked` has each request's method and query."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[int, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    lie: Lie = truth

    @property
    def address(self) -> BucketAddress:
        return BucketAddress(self.url, BUCKET, "us-east-1", Credentials("key", "secret"))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append((request.method, request.query_string))
        lie = await self.lie(request, body)
        return self._true(request, body) if lie is None else lie

    def _true(self, request: web.Request, body: bytes) -> web.Response:
        key = request.path.removeprefix(f"/{BUCKET}/")
        match request.method, dict(request.query):
            case "POST", {"uploads": _}:
                return web.Response(text=_UPLOAD)
            case "PUT", {"partNumber": number}:
                self.parts[int(number)] = body
            case "POST", {"uploadId": _}:
                self.objects[key] = b"".join(self.parts[number] for number in sorted(self.parts))
                return web.Response(text=_COMPLETED)
            case "PUT", _:
                self.objects[key] = body
            case "DELETE", _:
                self.objects.pop(key, None)
                return web.Response(status=204)
            case _:
                return self._read(request, key)
        return web.Response(headers={"ETag": '"tag"'})

    def _read(self, request: web.Request, key: str) -> web.Response:
        content, headers = self.objects.get(key), {"ETag": '"tag"', "Last-Modified": _MODIFIED}
        if content is None:
            return web.Response(status=404)
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        if asked is None:
            return web.Response(body=content, headers=headers)
        first, end = int(asked[1]), min(int(asked[2]) + 1, len(content))
        if first >= len(content):
            return web.Response(status=416)
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
        return web.Response(status=206, body=content[first:end], headers=headers)


@asynccontextmanager
async def lying() -> AsyncIterator[LyingStore]:
    store = LyingStore()
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", store.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield store
    await runner.cleanup()
