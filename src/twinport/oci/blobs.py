"""Blobs and their uploads under `/v2/`."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl

from twinport.blobs.store import StoredFile, StoredStream
from twinport.http.messages import Answer, AnyAnswer, FileAnswer, Request, StreamAnswer
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.oci.headers import ContentType, safe_headers
from twinport.oci.ranges import Span, Unsatisfiable, Whole, asked_range, part_range
from twinport.oci.redirects import LayerRedirects
from twinport.oci.target import Target
from twinport.refusals.images import LayerNotFound, SizeMismatch, UploadOutOfOrder
from twinport.refusals.requests import InvalidParameter
from twinport.registry.create_on_push import CreateOnPush, pushed
from twinport.registry.layers import AvailableLayer, DownloadGrant, Layer, Layers, ServedLayer
from twinport.registry.mounts import Mounts
from twinport.registry.uploads import START, Part, Uploads, UploadState
from twinport.settings.deviations import STANDARD, Deviation, Deviations

_LENGTH = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class BlobRoutes:
    """One method for each route. The methods raise refusals; the router words them."""

    uploads: Uploads
    mounts: Mounts
    layers: Layers
    creation: CreateOnPush
    deviations: Deviations = STANDARD
    redirects: LayerRedirects | None = None

    async def head(self, _request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`HEAD /v2/NAME/blobs/DIGEST`."""
        digest = Digest.parse(target.reference)
        [state] = await self.layers.check(caller, target.repository, [str(digest)])
        if not isinstance(state, AvailableLayer):
            raise LayerNotFound(str(digest), target.repository.name, target.repository.account)
        return Answer(200, {**_blob_headers(digest), "content-length": str(state.size)})

    async def get(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`GET /v2/NAME/blobs/DIGEST`."""
        digest = Digest.parse(target.reference)
        if self.redirects is not None:
            return await self.redirects.answer(request, caller, target, digest)
        return _content(request, await self.layers.find(caller, target.repository, digest))

    async def delete(self, _request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`DELETE /v2/NAME/blobs/DIGEST`."""
        await self.layers.remove(caller, target.repository, Digest.parse(target.reference))
        return Answer(202, safe_headers(ContentType.TEXT))

    async def presigned(self, request: Request, grant: DownloadGrant) -> AnyAnswer:
        """Serve the layer that a verified presigned address grants."""
        return _content(request, await self.layers.redeem(grant))

    async def start(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`POST /v2/NAME/blobs/uploads/`: with `?digest=` the whole blob, with `?mount=&from=` perhaps nothing."""
        starting = partial(self._start, request, caller, target)
        return await pushed(self.creation, caller, target.repository, START, starting)

    async def _start(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        query = _query(request)
        if "mount" in query:
            layer = await self._mounted(caller, target, query)
        elif "digest" in query:
            digest, pieces = Digest.parse(query["digest"]), _body(request, None)
            layer = await self.uploads.upload_whole(caller, target.repository, digest, pieces)
        else:
            layer = None
        if layer is not None:
            return _created(target, layer)
        return Answer(202, _upload_headers(target, await self.uploads.start(caller, target.repository)))

    async def append(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`PATCH /v2/NAME/blobs/uploads/ID`."""
        where = target.repository, target.reference
        try:
            upload = await self.uploads.append(caller, *where, _part(request))
        except UploadOutOfOrder as refusal:
            return _out_of_order(target, refusal)
        status = 201 if Deviation.CHUNK_CREATED in self.deviations else 202
        return Answer(status, _upload_headers(target, upload))

    async def status(self, _request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`GET /v2/NAME/blobs/uploads/ID`."""
        upload = await self.uploads.status(caller, target.repository, target.reference)
        return Answer(204, _upload_headers(target, upload))

    async def complete(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`PUT /v2/NAME/blobs/uploads/ID?digest=`, with the last part as body or with none."""
        digest = Digest.parse(_query(request).get("digest", ""))
        last = None if request.header("content-length") == "0" else _part(request)
        where = target.repository, target.reference
        try:
            return _created(target, await self.uploads.complete(caller, *where, digest, last))
        except UploadOutOfOrder as refusal:
            return _out_of_order(target, refusal)

    async def cancel(self, _request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`DELETE /v2/NAME/blobs/uploads/ID`."""
        await self.uploads.cancel(caller, target.repository, target.reference)
        return Answer(204, safe_headers(ContentType.TEXT))

    async def _mounted(self, caller: Caller, target: Target, query: Mapping[str, str]) -> Layer | None:
        digest = Digest.parse(query["mount"])
        if "from" not in query:
            return await self.mounts.mount_from_any(caller, target.repository, digest)
        source = target.sibling(query["from"])
        if source is None:
            return None
        return await self.mounts.mount(caller, target.repository, digest, source)


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))


def _part(request: Request) -> Part:
    """Parse where a part belongs. Raises ContentRangeInvalid, SizeMismatch."""
    header = request.header("content-range")
    if header is None:
        return Part(_body(request, None))
    span = part_range(header)
    return Part(_body(request, span), span.first)


async def _body(request: Request, span: Span | None) -> AsyncIterator[bytes]:
    """Yield the body, and refuse it if its length differs from its headers. Raises SizeMismatch, Interrupted."""
    announced = _announced_size(request, span)
    received = 0
    async for piece in request.pieces():
        received += len(piece)
        yield piece
    if announced not in (None, received):
        raise SizeMismatch(announced, received)


def _announced_size(request: Request, span: Span | None) -> int | None:
    header = request.header("content-length")
    length = None if header is None else _length(header)
    if span is None:
        return length
    if length not in (None, span.size):
        raise SizeMismatch(span.size, length)
    return span.size


def _length(header: str) -> int:
    """Parse a Content-Length. Some servers let a duplicate header through. Raises InvalidParameter."""
    if not _LENGTH.fullmatch(header):
        raise InvalidParameter("Content-Length", "must be one number of bytes")
    return int(header)


def _content(request: Request, layer: ServedLayer) -> AnyAnswer:
    """Answer with a layer's bytes or the requested range of them, or with the address where the store has them."""
    if isinstance(layer.serving, StoredStream) and layer.serving.address is not None:
        return Answer(307, {**safe_headers(ContentType.TEXT), "location": layer.serving.address()})
    headers = _blob_headers(layer.digest)
    is_other = request.header("if-range") not in (None, headers["etag"])
    match Whole() if is_other else asked_range(request.header("range"), layer.size):
        case Whole():
            return _bytes(200, headers, layer, None)
        case Span() as span:
            headers["content-range"] = f"bytes {span.first}-{span.last}/{layer.size}"
            return _bytes(206, headers, layer, span)
        case Unsatisfiable():
            headers["content-range"] = f"bytes */{layer.size}"
            return Answer(416, headers)


def _bytes(status: int, headers: Mapping[str, str], layer: ServedLayer, span: Span | None) -> AnyAnswer:
    """Answer with a span of a layer, or all of it: a file by its path, else what its store yields."""
    first, size = (0, layer.size) if span is None else (span.first, span.size)
    match layer.serving:
        case StoredFile(path=path):
            return FileAnswer(status, headers, path, first, size, whole=span is None)
        case StoredStream(read=read):
            return StreamAnswer(status, headers, size, partial(read, first, size))


def _created(target: Target, layer: Layer) -> Answer:
    location = f"{target.prefix}/blobs/{layer.digest}"
    headers = {"location": location, "docker-content-digest": str(layer.digest)}
    return Answer(201, {**safe_headers(ContentType.TEXT), **headers})


def _out_of_order(target: Target, refusal: UploadOutOfOrder) -> Answer:
    """Answer with the position at which the client must continue."""
    headers = {**_upload_headers(target, UploadState(refusal.upload, refusal.size))}
    error = {"code": "BLOB_UPLOAD_INVALID", "message": refusal.message}
    headers["content-type"] = ContentType.JSON.value
    return Answer(416, headers, json.dumps({"errors": [error]}, separators=(",", ":"), ensure_ascii=False).encode())


def _blob_headers(digest: Digest) -> dict[str, str]:
    return {
        **safe_headers(ContentType.BYTES),
        "docker-content-digest": str(digest),
        "etag": f'"{digest}"',
        "accept-ranges": "bytes",
    }


def _upload_headers(target: Target, upload: UploadState) -> dict[str, str]:
    """Return the headers with an upload's address and progress. Without bytes it is `0-0`, as in other registries."""
    return {
        **safe_headers(ContentType.TEXT),
        "location": f"{target.prefix}/blobs/uploads/{upload.id}",
        "range": f"0-{max(upload.size - 1, 0)}",
        "docker-upload-uuid": upload.id,
    }
