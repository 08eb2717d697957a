"""Blobs and their uploads under `/v2/`."""

from dataclasses import dataclass

from twinport.exchange import AnyAnswer, Request
from twinport.model.identities import Caller
from twinport.oci.target import Target
from twinport.registry.layers import DownloadGrant, Layers
from twinport.registry.uploads import Uploads


@dataclass(frozen=True, slots=True)
class BlobRoutes:
    """One method for each route. Refusals are raised: the router words them."""

    uploads: Uploads
    layers: Layers

    async def head(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`HEAD /v2/NAME/blobs/DIGEST`."""
        raise NotImplementedError

    async def get(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`GET /v2/NAME/blobs/DIGEST`."""
        raise NotImplementedError

    async def presigned(self, request: Request, grant: DownloadGrant) -> AnyAnswer:
        """Serve what a verified presigned address grants."""
        raise NotImplementedError

    async def start(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`POST /v2/NAME/blobs/uploads/`, with `?digest=` the whole blob, with `?mount=&from=` perhaps nothing."""
        raise NotImplementedError

    async def append(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`PATCH /v2/NAME/blobs/uploads/ID`."""
        raise NotImplementedError

    async def status(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`GET /v2/NAME/blobs/uploads/ID`."""
        raise NotImplementedError

    async def complete(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`PUT /v2/NAME/blobs/uploads/ID?digest=`, with the last part as body or with none."""
        raise NotImplementedError

    async def cancel(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`DELETE /v2/NAME/blobs/uploads/ID`."""
        raise NotImplementedError
