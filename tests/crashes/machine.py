"""A machine on which twinport runs, goes down at a chosen operation, and comes up again over what is left."""

import secrets
from collections.abc import AsyncIterator, Container
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.blobs.forgetful_disk import Crash, ForgetfulDisk, Killed, Plan, works
from tests.crashes.mortal import MortalCatalog
from tests.creation import template_roles
from tests.fakes import ACCOUNT, NOW, OTHER_REGION, REGISTRY, AllowAll, caller
from tests.replication.world import Image
from tests.upload_ids import PlainUploadIds
from twinport.access.lane_sessions import LaneSessions
from twinport.access.sealing import Sealer
from twinport.access.sessions import Sessions
from twinport.blobs.files import FileBlobStores
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import registries, repositories
from twinport.clock import ManualClock
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.images import NamedImage, NewRepository
from twinport.model.names import AccountId, Registry, RepositoryName, TagName
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.registry.garbage import Garbage
from twinport.registry.images import Images
from twinport.registry.layers import Layers
from twinport.registry.mounts import Mounts
from twinport.registry.repositories import Contents, Repositories
from twinport.registry.uploads import Part, Uploads
from twinport.replication.courier import Courier
from twinport.replication.local_destination import LocalDestinations
from twinport.replication.post_office import PostOffice
from twinport.replication.worker import ReplicationWorker
from twinport.settings.retention import Retention

HOME, FAR = REGISTRY, Registry(ACCOUNT, OTHER_REGION)
REGIONS = (HOME.region, FAR.region)
API, WEB = RepositoryName("team/api"), RepositoryName("team/web")
ME = caller()
RETENTION = Retention()
# So few that a small repository, or an upload of some parts, is emptied in many transactions, between which the machine
# may stop.
ROWS_AT_ONCE = 3


@dataclass(frozen=True)
class Role:
    unique_id: str = "AROAREPLICATIONEXAMPLE"
    # Used just now: that it is noted now and then is of no consequence.
    last_used_at: datetime | None = NOW


class Roles:
    """Every account has the replication role."""

    async def find(self, account: AccountId, service: str) -> Role:
        del account, service
        return Role()


@dataclass
class Machine:
    """Verbs and couriers over a catalog and a disk that both outlive them.

    `dies_at` are the kinds of operations at which it may go down, and `leaves` is what is then on the disk.
    """

    folder: Path
    catalog: WholeCatalog
    dies_at: Container[str]
    leaves: Crash
    disk: ForgetfulDisk = field(default_factory=ForgetfulDisk)
    clock: ManualClock = field(default_factory=ManualClock)

    async def set_up(self) -> None:
        """Make two repositories, and owe every push to the other Region."""
        self.come_up()
        for name in (API, WEB):
            await self.repositories.create(ME, HOME.repository(name), NewRepository())
        rules = ReplicationConfiguration((ReplicationRule((FAR,), ("team/api",)),))
        await self.catalog.region(HOME.region).write(
            lambda db: registries.set_replication(db, ACCOUNT, rules, Role.unique_id)
        )
        await self.catalog.region(FAR.region).write(
            lambda db: repositories.insert(db, FAR.repository(WEB), NewRepository(), self.clock.now())
        )

    def come_up(self) -> None:
        """Begin a process: what the last one had in its memory is gone."""
        self.stores = FileBlobStores(self.folder, self.disk)
        catalog, clock, gate = MortalCatalog(self.catalog, self.disk), self.clock, AllowAll()
        self.uploads = Uploads(catalog, self.stores, gate, PlainUploadIds(clock), rows_at_once=ROWS_AT_ONCE)
        self.mounts = Mounts(gate, catalog)
        self.layers = Layers(catalog, self.stores, gate, clock)
        self.images = Images(gate, catalog, lambda: None)
        self.repositories = Repositories(gate, catalog, clock, REGIONS)
        self.garbage = Garbage(catalog, self.stores, RETENTION, ROWS_AT_ONCE)
        self.office = PostOffice(catalog, jitter=lambda: 0.0)
        sessions = LaneSessions(Sessions(catalog, Sealer({"k": bytes(32)}, "k"), clock), clock)
        roles = template_roles(catalog, gate)
        destinations = LocalDestinations(REGIONS, catalog, self.stores, gate, roles, sessions, clock)
        courier = Courier(catalog, self.stores, destinations, Roles(), sessions, clock)
        self.replication = ReplicationWorker(self.office, courier, secrets.token_hex(8))

    def go_on(self, plan: Plan) -> None:
        """Count operations from zero, and act on `plan`."""
        self.disk.plan = plan
        self.disk.operations.clear()

    def crash(self) -> None:
        """Stop, and begin a new process over what the disk then holds."""
        self.disk.crash(self.leaves)
        self.come_up()

    def rest(self) -> None:
        self.disk.plan = works

    # --- what clients do ---

    async def push_whole(self, content: bytes, name: RepositoryName = API) -> Digest:
        return (
            await self.uploads.upload_whole(ME, HOME.repository(name), Digest.of(content), pieces_of(content))
        ).digest

    async def push_parts(self, *parts: bytes, name: RepositoryName = API, last: bytes = b"") -> Digest:
        """Push a layer in parts; the last one may come with the completion."""
        upload = await self.uploads.start(ME, HOME.repository(name))
        for part in parts:
            await self.uploads.append(ME, HOME.repository(name), upload.id, Part(pieces_of(part)))
        digest = Digest.of(b"".join((*parts, last)))
        ending = Part(pieces_of(last)) if last else None
        return (await self.uploads.complete(ME, HOME.repository(name), upload.id, digest, ending)).digest

    async def leave_unfinished(self, *parts: bytes, name: RepositoryName = API) -> str:
        upload = await self.uploads.start(ME, HOME.repository(name))
        for part in parts:
            await self.uploads.append(ME, HOME.repository(name), upload.id, Part(pieces_of(part)))
        return upload.id

    async def put(self, image: Image, tag: str | None, name: RepositoryName = API) -> None:
        tags = (TagName(tag),) if tag else ()
        await self.images.put(
            ME, HOME.repository(name), Push(image.content, image.media_type, tags, None, Unchanged.ACCEPT)
        )

    async def push(self, image: Image, tag: str | None, name: RepositoryName = API) -> None:
        for content in image.blobs:
            await self.push_whole(content, name)
        await self.put(image, tag, name)

    async def delete(self, *images: NamedImage, name: RepositoryName = API) -> None:
        await self.images.delete(ME, HOME.repository(name), images)

    async def delete_repository(self, name: RepositoryName) -> None:
        await self.repositories.delete(ME, HOME.repository(name), Contents.DELETED)

    async def sweep_what_is_old(self) -> None:
        """Delete what was not needed for a day: first rows, then bytes, once their readers are done."""
        self.clock.advance(RETENTION.garbage_delay * 2)
        for _ in range(2):
            for region in REGIONS:
                await self.garbage.sweep(region)
            self.clock.advance(RETENTION.reader_grace * 2)

    async def deliver(self) -> int:
        """Carry what is due now, and return the number of attempts; killed in a group of tasks is killed."""
        try:
            return await self.replication.deliver_what_is_due()
        except BaseExceptionGroup as ended:
            if ended.subgroup(Killed) is None:
                raise
            raise Killed from ended

    async def deliver_everything(self) -> None:
        """Carry until nothing is owed: pauses pass, and the leases of dead processes lapse."""
        while (pause := await self.office.next_due_in()) is not None:
            self.clock.advance(pause)
            await self.deliver()


async def pieces_of(content: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(content), 1 << 18):
        yield content[first : first + (1 << 18)]
