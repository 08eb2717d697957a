"""The tour believes no registry: what it pulls is hashed here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from twinport.tour.image import File, build, sha256
from twinport.tour.itinerary import OTHER_REGION
from twinport.tour.registry import CopyDiffers, RegistryClient, RegistryRefused

IMAGE = build([{"file": File(b"content", 0o644)}], ["/file"], "amd64")
HONEST = {blob.digest: blob.content for blob in (*IMAGE.blobs, IMAGE.manifest)}


async def test_a_true_copy_is_pulled_whole() -> None:
    async with registry(HONEST) as client:
        assert await client.pull("tour/hello", IMAGE.manifest.digest) == IMAGE.size


@pytest.mark.parametrize("digest", HONEST)
async def test_a_copy_that_differs_anywhere_is_refused(digest: str) -> None:
    async with registry({**HONEST, digest: HONEST[digest] + b" "}) as client:
        with pytest.raises(CopyDiffers, match=digest):
            await client.pull("tour/hello", IMAGE.manifest.digest)


async def test_a_copy_that_lacks_a_layer_is_refused() -> None:
    without = {digest: content for digest, content in HONEST.items() if digest != IMAGE.layers[0].digest}
    async with registry(without) as client:
        with pytest.raises(RegistryRefused, match="404"):
            await client.pull("tour/hello", IMAGE.manifest.digest)


@asynccontextmanager
async def registry(contents: dict[str, bytes]) -> AsyncIterator[RegistryClient]:
    """A registry that serves these bytes under these digests, whether or not they fit."""

    async def serve(request: web.Request) -> web.Response:
        content = contents.get(request.path.rpartition("/")[2])
        return web.Response(status=404) if content is None else web.Response(body=content)

    application = web.Application()
    application.router.add_get("/v2/{path:.*}", serve)
    async with TestServer(application) as server, aiohttp.ClientSession() as http:
        yield RegistryClient(http, f"http://{server.host}:{server.port}", OTHER_REGION, sha256(b"token"))
