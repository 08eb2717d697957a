"""A small world for scenarios: two accounts, three Regions, real databases and blob files, a clock that is moved."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from tests.creation import template_roles
from tests.fakes import AskedOneByOne
from twinport.access.gate import NO_CONTEXT, Context, Gate, Resource
from twinport.access.lane_sessions import LaneSessions
from twinport.access.sealing import Sealer
from twinport.access.sessions import Sessions
from twinport.blobs.files import FileBlobStores
from twinport.catalog import pulls
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import blobs, delivery_reports, images, outbox, registries, repositories
from twinport.catalog.regional.blobs import NewBlob
from twinport.catalog.regional.images import NewImage
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.landing import pushes
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest, Key
from twinport.model.identities import Caller
from twinport.model.images import NewRepository, Repository, TagRule
from twinport.model.manifests import OCI_INDEX, OCI_MANIFEST, parse_manifest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName, TagName
from twinport.model.replication import DeliveryReport, ReplicationConfiguration, ReplicationRule
from twinport.replication.blob_transfer import SLICE
from twinport.replication.courier import Courier
from twinport.replication.courier import Roles as CourierRoles
from twinport.replication.destination import Destinations
from twinport.replication.local_destination import LocalDestinations
from twinport.replication.post_office import PostOffice
from twinport.replication.worker import ReplicationWorker

ANN, BOB = AccountId("111111111111"), AccountId("222222222222")
IRELAND, VIRGINIA, OSAKA = RegionName("eu-west-1"), RegionName("us-east-1"), RegionName("ap-northeast-3")
HOME = Registry(ANN, IRELAND)
FAR = Registry(ANN, VIRGINIA)
FARTHER = Registry(ANN, OSAKA)
PARTNER = Registry(BOB, IRELAND)
NAME = RepositoryName("team/api")
SEALER = Sealer({"k": bytes(32)}, "k")
ROLE_ID = "AROAREPLICATIONEXAMPLE"
Wrap = Callable[[Destinations], Destinations]
REPLICATE, CREATE = "ecr:ReplicateImage", "ecr:CreateRepository"


@dataclass(frozen=True, slots=True)
class Role:
    unique_id: str = ROLE_ID
    last_used_at: datetime | None = None


@dataclass(slots=True)
class Roles:
    """Accounts that have the replication role."""

    accounts: set[AccountId] = field(default_factory=lambda: {ANN, BOB})

    async def find(self, account: AccountId, service: str) -> Role | None:
        assert service == "replication.ecr.amazonaws.com"
        return Role() if account in self.accounts else None


@dataclass(slots=True)
class Policies(AskedOneByOne):
    """A gate as registry policies work: at home everything, across accounts what was granted, and denials first."""

    granted: set[tuple[str, Registry]] = field(default_factory=set)
    denied: set[tuple[str, Registry]] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        del context
        self.asked.append((action, resource.arn))
        registry = getattr(resource, "registry", None)
        is_own = caller.account == resource.account
        if (action, registry) in self.denied or not (is_own or (action, registry) in self.granted):
            raise AccessDenied(caller.arn, action, resource.arn)


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest with the blobs that it names."""

    content: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()

    @property
    def digest(self) -> Digest:
        return Digest.of(self.content)


def descriptor(content: bytes, media_type: str) -> Mapping[str, object]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def image(*layers: bytes, config: bytes = b"{}") -> Image:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip") for layer in layers],
    }
    return Image(json.dumps(document).encode(), OCI_MANIFEST, (config, *layers))


def index(*children: Image) -> Image:
    manifests = [descriptor(child.content, child.media_type) for child in children]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return Image(json.dumps(document).encode(), OCI_INDEX)


class World:
    """Databases and blob files beneath one folder, and replication over them."""

    def __init__(
        self,
        folder: Path,
        wrap: Wrap = lambda destinations: destinations,
        *,
        clock: ManualClock | None = None,
        catalog: WholeCatalog | None = None,
        slice_size: int = SLICE,
    ) -> None:
        self.folder = folder
        self.clock = clock or ManualClock()
        self.catalog = catalog or EmbeddedCatalog(folder, self.clock)
        self.stores = FileBlobStores(folder)
        self.gate, self.roles = Policies(), Roles()
        self.regions = {IRELAND, VIRGINIA, OSAKA}
        self.wrap, self.slice_size = wrap, slice_size
        self.sessions = LaneSessions(Sessions(self.catalog, SEALER, self.clock), self.clock)
        self.destinations = self.destinations_behind(self.gate)
        self.replication = self.new_process()

    def destinations_behind(self, gate: Gate) -> Destinations:
        roles = template_roles(self.catalog, gate)
        catalog, stores, sessions = self.catalog, self.stores, self.sessions
        return self.wrap(LocalDestinations(self.regions, catalog, stores, gate, roles, sessions, self.clock))

    def new_process(self, gate: Gate | None = None, roles: CourierRoles | None = None) -> ReplicationWorker:
        """Replication as a process begins it: with a name of its own, and nothing in memory."""
        destinations = self.destinations_behind(gate or self.gate)
        courier = Courier(
            self.catalog, self.stores, destinations, roles or self.roles, self.sessions, self.clock, self.slice_size
        )
        office = PostOffice(self.catalog, jitter=lambda: 0.0)
        return ReplicationWorker(office, courier, secrets.token_hex(8))

    def close(self) -> None:
        self.catalog.close()

    # --- what users do ---

    async def configure(self, source: Registry, *rules: ReplicationRule) -> None:
        configuration, now = ReplicationConfiguration(rules), self.clock.now()

        def put(db: Connection) -> None:
            registries.set_replication(db, source.account, configuration, ROLE_ID if rules else None)
            outbox.cancel_removed(db, source.account, configuration, now, 100)

        await self.catalog.region(source.region).write(put)

    async def create(self, registry: Registry, rule: TagRule = TagRule(), name: RepositoryName = NAME) -> None:  # noqa: B008 — frozen
        now = self.clock.now()
        await self.catalog.region(registry.region).write(
            lambda db: repositories.insert(db, registry.repository(name), NewRepository(rule), now)
        )

    async def push(
        self, what: Image, tag: str | None = None, to: Registry = HOME, name: RepositoryName = NAME
    ) -> Digest:
        """Store an image with its blobs, and owe what the rules say in the same transaction."""
        keys = {content: await self._write(to, content) for content in what.blobs}
        now = self.clock.now()
        pushed = Push(what.content, what.media_type, (TagName(tag),) if tag else (), None, Unchanged.ACCEPT)
        new = NewImage(what.digest, what.content, parse_manifest(what.content, what.media_type))

        def put(db: Connection) -> None:
            repository = repositories.find(db, to.repository(name)) or repositories.insert(
                db, to.repository(name), NewRepository(), now
            )
            for content, key in keys.items():
                blobs.record(db, NewBlob(Digest.of(content), key, len(content)), now)
                blobs.link(db, repository.id, Digest.of(content), now)
            pushes.store(db, to.repository(name), pushed, new, now)

        await self.catalog.region(to.region).write(put)
        return what.digest

    async def delete(self, what: Image, at: Registry = HOME, name: RepositoryName = NAME) -> None:
        now = self.clock.now()

        def remove(db: Connection) -> None:
            images.remove_manifest(db, repositories.get(db, at.repository(name)).id, what.digest, now)

        await self.catalog.region(at.region).write(remove)

    async def deliver(self) -> int:
        """Carry what is due, until nothing is."""
        return await self.replication.deliver_what_is_due()

    async def wait(self, time: timedelta) -> int:
        self.clock.advance(time)
        return await self.deliver()

    # --- what users see ---

    async def repository(self, registry: Registry, name: RepositoryName = NAME) -> Repository | None:
        return await self.catalog.region(registry.region).read(
            lambda db: repositories.find(db, registry.repository(name))
        )

    async def tag(self, registry: Registry, tag: str, name: RepositoryName = NAME) -> Digest | None:
        found = await self.repository(registry, name)
        if found is None:
            return None
        return await self.catalog.region(registry.region).read(lambda db: images.tagged(db, found.id, tag))

    async def has(self, registry: Registry, what: Image, name: RepositoryName = NAME) -> bool:
        """Tell whether an image is whole here: its manifest as pushed, and every blob with bytes that hash right."""
        found = await self.repository(registry, name)
        if found is None:
            return False
        region = self.catalog.region(registry.region)
        manifest = await region.read(lambda db: images.stored(db, found.id, what.digest))
        if manifest is None:
            return False
        assert manifest.content == what.content
        for content in what.blobs:
            digest = Digest.of(content)
            where = (await region.read(partial(pulls.blob, repository=registry.repository(name), digest=digest))).blob
            assert where is not None, "a manifest is visible without its blobs"
            stored = self.stores.region(registry.region).path(where.key).read_bytes()
            assert hashlib.sha256(stored).hexdigest() == digest.hex
        return True

    async def statuses(self, what: Image, source: Registry = HOME) -> list[DeliveryReport]:
        region = self.catalog.region(source.region)
        return await region.read(lambda db: delivery_reports.statuses(db, source.account, NAME, what.digest))

    async def status(self, what: Image, source: Registry = HOME) -> DeliveryReport:
        [report] = await self.statuses(what, source)
        return report

    def blob_files(self, region: RegionName) -> list[Path]:
        return [path for path in (self.folder / "regions" / region / "blobs").rglob("*") if path.is_file()]

    async def _write(self, registry: Registry, content: bytes) -> Key:
        async with self.stores.region(registry.region).create() as writer:
            await writer.write(content)
            return (await writer.finish()).key
