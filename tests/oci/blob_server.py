"""The blob routes behind a real server, which runs in the loop of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
from granian.constants import Interfaces
from granian.server.embed import Server
from sqlalchemy import Connection

from tests.blobs.streaming_store import StreamingStores
from tests.creation import create_on_push
from tests.fakes import NOW, REGISTRY, AllowAll, caller
from tests.ports import free_port
from tests.upload_ids import PlainUploadIds
from tests.waiting import PATIENCE_SECONDS
from twinport.blobs.files import FileBlobStores
from twinport.blobs.store import BlobStores
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import repositories
from twinport.clock import ManualClock
from twinport.errors import Refusal
from twinport.http.messages import Answer, AnyAnswer, Receive, Request, Send, request_of, send_answer
from twinport.model.images import NewRepository
from twinport.model.names import RepositoryName
from twinport.oci.blobs import BlobRoutes
from twinport.oci.target import Target
from twinport.registry.layers import Layers
from twinport.registry.mounts import Mounts
from twinport.registry.uploads import Uploads

NAME, OTHER_NAME = RepositoryName("team/api"), RepositoryName("team/web")
STALL_LIMIT = timedelta(seconds=0.5)


@dataclass(frozen=True)
class Site:
    """A served registry: how to reach it and what lies beneath."""

    session: aiohttp.ClientSession
    port: int
    routed: "Routed"
    clock: ManualClock
    folder: Path

    @property
    def routes(self) -> BlobRoutes:
        return self.routed.routes

    async def ended(self, requests: int) -> None:
        """Wait until so many requests have come to an end since the start."""
        async with asyncio.timeout(PATIENCE_SECONDS), self.routed.change:
            await self.routed.change.wait_for(lambda: self.routed.ended >= requests)

    def files(self) -> list[Path]:
        return list(self.folder.rglob("blobs/*/*"))


@dataclass
class Routed:
    """An ASGI application with the blob routes alone. A refusal is answered by its name."""

    routes: BlobRoutes
    ended: int = 0
    change: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, scope: dict[str, object], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        request = replace(request_of(scope, receive, "r"), stall_limit=STALL_LIMIT)
        try:
            answer = await self.answer(request)
        except Refusal as refusal:
            answer = Answer(400, {"content-type": "text/plain"}, type(refusal).__name__.encode())
        await send_answer(send, answer, head=request.method == "HEAD")
        async with self.change:
            self.ended += 1
            self.change.notify_all()

    async def answer(self, request: Request) -> AnyAnswer:
        name, _, rest = request.path.removeprefix("/v2/").partition("/blobs/")
        is_upload = rest.startswith("uploads/")
        target = Target(REGISTRY.repository(RepositoryName(name)), f"/v2/{name}", rest.removeprefix("uploads/"))
        route = {
            ("HEAD", False): self.routes.head,
            ("GET", False): self.routes.get,
            ("POST", True): self.routes.start,
            ("PATCH", True): self.routes.append,
            ("GET", True): self.routes.status,
            ("PUT", True): self.routes.complete,
            ("DELETE", True): self.routes.cancel,
        }[request.method, is_upload]
        return await route(request, caller(), target)


@asynccontextmanager
async def served_blobs(folder: Path, *, files: bool = True) -> AsyncIterator[Site]:
    """Serve blobs from files, or from a store that can only be read."""
    catalog = EmbeddedCatalog(folder, ManualClock())
    await catalog.region(REGISTRY.region).write(_insert_repositories)
    kept, clock = FileBlobStores(folder), ManualClock()
    stores: BlobStores = kept if files else StreamingStores(kept)
    gate, creation = AllowAll(), create_on_push(catalog, AllowAll(), clock)
    uploads, layers = Uploads(catalog, stores, gate, PlainUploadIds()), Layers(catalog, stores, gate, clock)
    routed = Routed(BlobRoutes(uploads, Mounts(gate, catalog), layers, creation))
    port = free_port()
    server = Server(
        routed, address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False, log_enabled=False
    )
    serving = asyncio.create_task(server.serve())
    await _until_it_listens(port)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield Site(session, port, routed, clock, folder)
    server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
    await serving
    catalog.close()


def _insert_repositories(db: Connection) -> None:
    for name in (NAME, OTHER_NAME):
        repositories.insert(db, REGISTRY.repository(name), NewRepository(), NOW)


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                await writer.wait_closed()
                return
