"""A registry with garbage in it: pushes, mounts and deletions by the verbs, and what rows and files are left."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, select

from tests.catalogs import TimedCatalog
from tests.fakes import REGISTRY, AllowAll, caller
from tests.shelf import image_of
from tests.upload_ids import PlainUploadIds
from twinport.blobs.files import FileBlobStores
from twinport.blobs.store import PARTS
from twinport.catalog.ports import Database, WholeCatalog
from twinport.catalog.regional import schema
from twinport.clock import ManualClock
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.images import NamedImage, NewRepository
from twinport.model.names import RepositoryName, TagName
from twinport.registry.garbage import Garbage, Swept
from twinport.registry.images import Images
from twinport.registry.layers import AvailableLayer, Layers
from twinport.registry.mounts import Mounts
from twinport.registry.orphans import Orphans
from twinport.registry.repositories import Contents, Repositories
from twinport.registry.uploads import Part, Uploads
from twinport.registry.verification import Verification
from twinport.settings.retention import Retention

ME = caller()
REGION = REGISTRY.region
API, OTHER = RepositoryName("team/api"), RepositoryName("team/other")
TICK = timedelta(seconds=1)


@dataclass
class Dump:
    """One registry over a real catalog and real files. Time stands still unless it is moved."""

    catalog: WholeCatalog
    folder: Path
    world: ManualClock = field(default_factory=ManualClock)
    retention: Retention = field(default_factory=Retention)

    def __post_init__(self) -> None:
        self.catalog = TimedCatalog(self.catalog, self.world)
        self.stores = FileBlobStores(self.folder)
        gate = AllowAll()
        self.uploads = Uploads(self.catalog, self.stores, gate, PlainUploadIds(self.world), retention=self.retention)
        self.mounts = Mounts(gate, self.catalog)
        self.layers = Layers(self.catalog, self.stores, gate, self.world, self.retention)
        self.images = Images(gate, self.catalog, lambda: None)
        self.repositories = Repositories(gate, self.catalog, self.world, (REGION,))
        self.garbage = Garbage(self.catalog, self.stores, self.retention)
        self.orphans = Orphans(self.catalog, self.stores, self.world, self.world, self.retention)
        self.verification = Verification(self.catalog, self.stores, self.retention, "ann")

    @property
    def region(self) -> Database:
        return self.catalog.region(REGION)

    async def make(self, *names: RepositoryName) -> None:
        for name in names or (API, OTHER):
            await self.repositories.create(ME, REGISTRY.repository(name), NewRepository())

    async def upload(self, content: bytes, name: RepositoryName = API) -> Digest:
        layer = await self.uploads.upload_whole(ME, REGISTRY.repository(name), Digest.of(content), pieces_of(content))
        return layer.digest

    async def begin(self, content: bytes, name: RepositoryName = API) -> str:
        """Begin an upload, and leave it."""
        upload = await self.uploads.start(ME, REGISTRY.repository(name))
        await self.uploads.append(ME, REGISTRY.repository(name), upload.id, Part(pieces_of(content)))
        return upload.id

    async def mount(self, digest: Digest, source: RepositoryName = API, name: RepositoryName = OTHER) -> bool:
        return await self.mounts.mount(ME, REGISTRY.repository(name), digest, source) is not None

    async def put(self, *layers: bytes, name: RepositoryName = API, tag: str = "latest") -> Digest:
        """Push an image whose parts are there already."""
        push = Push(image_of(*layers), None, (TagName(tag),), None, Unchanged.ACCEPT)
        return (await self.images.put(ME, REGISTRY.repository(name), push)).digest

    async def push(self, *layers: bytes, name: RepositoryName = API, tag: str = "latest") -> Digest:
        for layer in layers:
            await self.upload(layer, name)
        return await self.put(*layers, name=name, tag=tag)

    async def delete(self, digest: Digest, name: RepositoryName = API) -> None:
        removed = await self.images.delete(ME, REGISTRY.repository(name), [NamedImage(str(digest))])
        assert removed.failures == ()

    async def drop(self, name: RepositoryName = API) -> None:
        await self.repositories.delete(ME, REGISTRY.repository(name), Contents.DELETED)

    async def has(self, digest: Digest, name: RepositoryName = API) -> bool:
        """Ask as a client does before it pushes."""
        [state] = await self.layers.check(ME, REGISTRY.repository(name), [str(digest)])
        return isinstance(state, AvailableLayer)

    async def sweep(self, after: timedelta = timedelta()) -> Swept:
        self.world.advance(after)
        return await self.garbage.sweep(REGION)

    async def settle(self) -> None:
        """Let all time pass that anything is kept."""
        for _ in range(3):
            await self.sweep(
                max(self.retention.garbage_delay, self.retention.upload_expiry, self.retention.reader_grace) + TICK
            )

    def files(self) -> set[str]:
        return {path.name for path in self.folder.rglob("blobs/*/*")}

    async def leave(self, content: bytes) -> Path:
        """Store bytes that no row will name, and return their file."""
        async with self.stores.region(REGION).create() as writer:
            await writer.write(content)
            return self.stores.region(REGION).path((await writer.finish()).key)

    async def tidy(self) -> None:
        """Go through every folder once, however recently that was done."""
        for part in PARTS:
            await self.orphans.collect(REGION, await self.orphans.find(REGION, part))

    def file_of(self, content: bytes) -> Path:
        [path] = [path for path in self.folder.rglob("blobs/*/*") if path.read_bytes() == content]
        return path

    async def keys(self) -> set[str]:
        """Return the keys that rows name."""
        return await self.region.read(named_keys)

    async def stored(self) -> set[bytes]:
        """Return what the files hold that are left."""
        return {path.read_bytes() for path in self.folder.rglob("blobs/*/*")}


def named_keys(db: Connection) -> set[str]:
    columns = (schema.blob.c.key, schema.upload_segment.c.key, schema.offer_blob.c.key)
    return {key for column in columns for key in db.execute(select(column)).scalars()}


async def pieces_of(content: bytes) -> AsyncIterator[bytes]:
    yield content


def fresh(mark: str = "layer") -> bytes:
    return f"{mark} {uuid4()}".encode()
