"""Layers by way of a presigned address, as Amazon ECR sends its clients to its object store."""

from dataclasses import dataclass

from twinport.http.admission import Admission
from twinport.http.messages import Answer, Request
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.oci.headers import ContentType, safe_headers
from twinport.oci.target import Target
from twinport.registry.download_links import DownloadLinks
from twinport.registry.layers import Layers


@dataclass(frozen=True, slots=True)
class LayerRedirects:
    layers: Layers
    links: DownloadLinks
    admission: Admission
    public_url: str | None

    async def answer(self, request: Request, caller: Caller, target: Target, digest: Digest) -> Answer:
        """Answer with the address of the layer. Raises LayerNotFound, LayerInaccessible."""
        grant = await self.layers.grant_download(caller, target.repository, digest)
        location = await self.links.write(grant, self.public_url or self.admission.endpoint(request))
        return Answer(307, {**safe_headers(ContentType.TEXT), "location": location})
