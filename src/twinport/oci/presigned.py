"""Layers by presigned address: a client with the address may read that layer until the address expires."""

from dataclasses import dataclass

from twinport.errors import Refusal
from twinport.http.messages import AnyAnswer, Request
from twinport.metrics import current_request
from twinport.oci import errors
from twinport.oci.blobs import BlobRoutes
from twinport.refusals.requests import MethodUnsupported
from twinport.registry.download_links import DownloadLinks


@dataclass(frozen=True, slots=True)
class PresignedDoor:
    links: DownloadLinks
    blobs: BlobRoutes

    async def answer(self, request: Request) -> AnyAnswer:
        current_request.entered("oci")
        current_request.asked("oci:presigned")
        try:
            if request.method not in ("GET", "HEAD"):
                raise MethodUnsupported(request.method, ("GET", "HEAD"))
            return await self.blobs.presigned(request, await self.links.read(request.raw_path, request.query))
        except Refusal as refusal:
            return errors.refused(refusal, realm="")
