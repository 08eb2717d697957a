"""Operations on layers: ECR's own API to upload and download them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import repository_of
from twinport.model.content import Digest
from twinport.refusals.requests import InvalidParameter
from twinport.registry.create_on_push import CreateOnPush, pushed
from twinport.registry.download_links import DownloadLinks
from twinport.registry.layers import AvailableLayer, Layers, UnavailableLayer, UnreadableDigest
from twinport.registry.uploads import START, Part, Uploads

# The part size that clients are told to use (from AWS's published examples).
_PART_SIZE = 10 << 20
_PIECE = 128 << 10


@dataclass(frozen=True, slots=True)
class LayerOperations:
    layers: Layers
    uploads: Uploads
    links: DownloadLinks
    public_url: str | None
    creation: CreateOnPush

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "BatchCheckLayerAvailability": self.check,
            "InitiateLayerUpload": self.start,
            "UploadLayerPart": self.upload_part,
            "CompleteLayerUpload": self.complete,
            "GetDownloadUrlForLayer": self.download_url,
        }

    async def check(
        self, call: Call, request: ecr.BatchCheckLayerAvailabilityRequest
    ) -> ecr.BatchCheckLayerAvailabilityResponse:
        repository = repository_of(call, request)
        states = await self.layers.check(call.caller, repository, request["layerDigests"])
        return {
            "layers": [_shown(state) for state in states if not isinstance(state, UnreadableDigest)],
            "failures": [_shown_failure(state) for state in states if isinstance(state, UnreadableDigest)],
        }

    async def start(self, call: Call, request: ecr.InitiateLayerUploadRequest) -> ecr.InitiateLayerUploadResponse:
        repository = repository_of(call, request)
        starting = partial(self.uploads.start, call.caller, repository)
        upload = await pushed(self.creation, call.caller, repository, START, starting)
        return {"uploadId": upload.id, "partSize": _PART_SIZE}

    async def upload_part(self, call: Call, request: ecr.UploadLayerPartRequest) -> ecr.UploadLayerPartResponse:
        repository = repository_of(call, request)
        first, part = request["partFirstByte"], request["layerPartBlob"]
        if first + len(part) - 1 != request["partLastByte"]:
            raise InvalidParameter("partLastByte", f"must be that of a part of {len(part)} bytes from {first}")
        sent = Part(_in_pieces(part), first)
        upload = await self.uploads.append(call.caller, repository, request["uploadId"], sent)
        return {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "uploadId": upload.id,
            "lastByteReceived": upload.size - 1,
        }

    async def complete(self, call: Call, request: ecr.CompleteLayerUploadRequest) -> ecr.CompleteLayerUploadResponse:
        repository = repository_of(call, request)
        digests = [Digest.parse(digest) for digest in request["layerDigests"]]
        layer = await self.uploads.complete_parts(call.caller, repository, request["uploadId"], digests)
        return {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "uploadId": request["uploadId"],
            "layerDigest": str(layer.digest),
        }

    async def download_url(
        self, call: Call, request: ecr.GetDownloadUrlForLayerRequest
    ) -> ecr.GetDownloadUrlForLayerResponse:
        repository = repository_of(call, request)
        digest = Digest.parse(request["layerDigest"])
        grant = await self.layers.grant_download(call.caller, repository, digest)
        endpoint = self.public_url or f"{call.scheme}://{call.host}"
        return {"downloadUrl": await self.links.write(grant, endpoint), "layerDigest": str(digest)}


async def _in_pieces(part: bytes) -> AsyncIterator[bytes]:
    """Yield a part in pieces, since the loop copies each. Other requests run before each of them."""
    for first in range(0, max(1, len(part)), _PIECE):
        await asyncio.sleep(0)
        yield part[first : first + _PIECE]


def _shown(state: AvailableLayer | UnavailableLayer) -> ecr.Layer:
    match state:
        case AvailableLayer(digest, size, media_type):
            layer: ecr.Layer = {"layerDigest": str(digest), "layerAvailability": "AVAILABLE", "layerSize": size}
            return {**layer, "mediaType": media_type} if media_type else layer
        case UnavailableLayer(digest):
            return {"layerDigest": str(digest), "layerAvailability": "UNAVAILABLE"}


def _shown_failure(state: UnreadableDigest) -> ecr.LayerFailure:
    if not state.text:
        return {"failureCode": "MissingLayerDigest", "failureReason": "Layer digest cannot be null or empty"}
    return {
        "layerDigest": state.text,
        "failureCode": "InvalidLayerDigest",
        "failureReason": "Layer digest should be sha256: or sha512: and lower-case hexadecimal digits",
    }
