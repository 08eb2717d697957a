"""The composition root: the only place that builds the objects, each once."""

import asyncio
import importlib
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from twinport.access.authentication import Authenticator
from twinport.access.basic_keys import BasicKeys
from twinport.access.organization_settings import organization
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.access.principals import Principals
from twinport.access.rate_limits import PacedGate
from twinport.access.role_sessions import RoleSessions
from twinport.access.sealing import Sealer, sealer_of_folder
from twinport.access.sessions import Sessions
from twinport.access.sign_in_throttle import SignInThrottle
from twinport.access.signing_in import SigningIn
from twinport.access.tokens import RegionKeys, RegistryTokens
from twinport.access.uses import Uses
from twinport.aws import shapes
from twinport.blobs.files import FileBlobStores
from twinport.blobs.measured import MeasuredDisk
from twinport.blobs.operations import OwnDisk
from twinport.catalog import clearing
from twinport.catalog.embedded import WholeCatalog
from twinport.catalog.engine.sqlite import CLOSING_LIMIT
from twinport.catalog.measured import MeasuredCatalog
from twinport.catalog.regional.uploads import UploadQuota
from twinport.clock import Clock, WallClock, WorldClock
from twinport.composition.databases import note_catalog, open_catalog
from twinport.composition.late import LateTokens, issuer_keys
from twinport.console.activity import ActivityPages
from twinport.console.cookies import Cookie
from twinport.console.door import ConsoleDoor
from twinport.console.entrance import Entrance
from twinport.console.images import ImagePages
from twinport.console.permissions import PermissionPages
from twinport.console.private_registry import PrivateRegistryPages
from twinport.console.rendering import Renderer
from twinport.console.replication import ReplicationPages
from twinport.console.repositories import RepositoryPages
from twinport.console.roles import RolePages
from twinport.control.backlog import BacklogReader
from twinport.control.door import PREFIX, ControlDoor
from twinport.control.health import Readiness
from twinport.control.metrics import MetricsDoor, OwnListenerDoor, Scrape, load_exposition
from twinport.control.readers import SignedReaders
from twinport.ecr import door as ecr
from twinport.ecr import errors as ecr_errors
from twinport.files import private_files
from twinport.gateway import Gateway, ServiceParts
from twinport.http.admission import CONSOLE, Admission, admission_of
from twinport.http.application import Application
from twinport.http.messages import Door
from twinport.iam import door as iam
from twinport.iam import errors as iam_errors
from twinport.identities.access_keys import AccessKeys
from twinport.identities.account_facts import AccountFacts
from twinport.identities.account_report import AccountReport
from twinport.identities.assumptions import Assumptions
from twinport.identities.authorization_messages import AuthorizationMessages, Decoding
from twinport.identities.boundaries import Boundaries
from twinport.identities.context_lookup import ContextLookup
from twinport.identities.credential_reports import CredentialReports
from twinport.identities.deletion import DeletionRunner, Deletions
from twinport.identities.entities import Entities
from twinport.identities.groups import Groups
from twinport.identities.instance_profiles import InstanceProfiles
from twinport.identities.key_owners import KeyOwners
from twinport.identities.login_profiles import LoginProfiles
from twinport.identities.managed_policies import ManagedPolicies
from twinport.identities.oidc_providers import OidcProviders
from twinport.identities.own_sessions import OwnSessions
from twinport.identities.principal_policies import PrincipalPolicies
from twinport.identities.roles import Roles
from twinport.identities.service_access import ServiceAccess
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.identities.simulations import Simulations
from twinport.identities.users import Users
from twinport.identities.web_identities import WebIdentities
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.names import RegionName, region_name
from twinport.model.regions import DEFAULT_REGIONS, HOME_REGION
from twinport.oci.blobs import BlobRoutes
from twinport.oci.door import OciDoor, Tokens
from twinport.oci.listings import Listings
from twinport.oci.manifests import ManifestRoutes
from twinport.oci.presigned import PresignedDoor
from twinport.oci.redirects import LayerRedirects
from twinport.policies.aws_managed import AwsPolicies
from twinport.processes.breakdown import Breakdown
from twinport.processes.loops import Loop, Loops
from twinport.processes.peers import Peers, this_host
from twinport.processes.scrapes import ScrapedProcesses
from twinport.processes.wakeups import Messenger, Topic, Wakeups
from twinport.registry import download_links
from twinport.registry.authorization import Authorization
from twinport.registry.download_links import DownloadLinks
from twinport.registry.garbage import Garbage
from twinport.registry.images import Images
from twinport.registry.layers import Layers
from twinport.registry.orphans import Orphans
from twinport.registry.policies import RegistryPolicies, RepositoryPolicies
from twinport.registry.pushes import Parts
from twinport.registry.referrers import Referrers
from twinport.registry.repositories import Repositories, RepositoryTags
from twinport.registry.settings import Replication
from twinport.registry.uploads import PartRule, Uploads
from twinport.registry.verification import Verification
from twinport.replication import worker
from twinport.replication.courier import Courier
from twinport.replication.forgetting import Forgetting
from twinport.replication.local_destination import LocalDestinations
from twinport.replication.post_office import PostOffice
from twinport.replication.reclaiming import Reclaiming
from twinport.replication.reopening import Reopening
from twinport.replication.status import DeliveryStatus
from twinport.settings.deviations import Deviation, quotas_of
from twinport.settings.loading import Settings
from twinport.sts import door as sts


@dataclass(frozen=True, slots=True)
class BackgroundTasks:
    """The tasks that run beside the requests.

    Couriers stop in their own way: they get a moment to finish their transfers.
    """

    settings: Settings
    catalog: WholeCatalog
    sessions: Sessions
    peers: Peers
    scraped: ScrapedProcesses
    couriers: worker.Replication
    loops: Loops

    async def start(self) -> None:
        """Raise ConfigurationWrong if this folder and this database do not belong together."""
        await self.sessions.open()
        await note_catalog(self.settings, self.catalog)
        self.peers.open()
        await self.scraped.open()
        await self.couriers.start()
        await self.loops.start()

    async def stop(self, within: timedelta) -> None:
        """Stop in an orderly way. What still runs after `within` ends with the process."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await self.loops.stop()
                await self.couriers.stop()
        await self.scraped.close()
        self.peers.close()


@dataclass(frozen=True, slots=True)
class App:
    """What `serve` runs. `worker` runs only the tasks. `metrics_application` is for the metrics listener."""

    application: Application
    metrics_application: Application
    tasks: BackgroundTasks
    catalog: WholeCatalog

    @property
    def breakdown(self) -> Breakdown:
        return self.catalog.breakdown

    def close(self, within: timedelta = CLOSING_LIMIT) -> None:
        self.catalog.close(within)


@dataclass(frozen=True, slots=True)
class _Ground:
    """The parts that everything else depends on."""

    settings: Settings
    world: WorldClock
    catalog: WholeCatalog
    sealer: Sealer
    admission: Admission
    regions: Collection[RegionName]
    peers: Peers
    wakeups: Wakeups


@dataclass(frozen=True, slots=True)
class _Access:
    """The parts that authenticate callers and decide what they may do."""

    gate: PolicyGate
    principals: Principals
    uses: Uses
    authenticator: Authenticator
    sessions: Sessions
    keys: RegionKeys
    tokens: RegistryTokens
    roles: ServiceLinkedRoles
    sts_verbs: sts.Verbs


def build(
    settings: Settings,
    gate: type[PolicyGate] = PolicyGate,
    opened: Callable[[Settings, Clock], WholeCatalog] = open_catalog,
    kind: str = "server",
) -> App:
    """Open the data folder and build the parts. Raises what `open_catalog` does.

    `gate` and `opened` may supply a gate and a catalog that also record their calls. `kind` is the kind of this
    process that other processes see in the folder.
    """
    world = WorldClock(WallClock())
    catalog = MeasuredCatalog(opened(settings, world))
    private_files.close_folder(settings.data)
    admission = admission_of(settings.allowed_hosts, settings.public_url, settings.trusted_proxies)
    regions = tuple(region_name(text) for text in settings.regions) or DEFAULT_REGIONS
    sealer, peers = sealer_of_folder(settings.data), Peers(settings.data / "processes", this_host(), kind)
    wakeups = Wakeups(_messenger(settings, catalog, peers))
    ground = _Ground(settings, world, catalog, sealer, admission, frozenset(regions), peers, wakeups)
    access = _access(ground, gate)
    identities = _identity_verbs(ground, access)
    stores = FileBlobStores(settings.data, MeasuredDisk(OwnDisk()))
    couriers = _couriers(ground, access, stores)
    verbs = _verbs(ground, access, stores)
    loops = {"uses": access.uses.run, **_between_processes(ground, stores), **_upkeep(ground, stores, verbs)}
    scraped = ScrapedProcesses(settings.data / "metrics", this_host())
    tasks = BackgroundTasks(settings, catalog, access.sessions, peers, scraped, couriers, Loops(loops))
    scrape = Scrape(scraped.numbers, BacklogReader(catalog, world, ground.regions))
    if settings.metrics_listen or settings.metrics_secret:
        load_exposition()
    control = _control(ground, access, stores, couriers, scrape)
    doors = _doors(ground, access, (verbs, identities), control)
    application = Application(admission, doors, has_access_log=settings.has_access_log)
    return App(application, _metrics_application(ground, scrape), tasks, catalog)


def _metrics_application(ground: _Ground, scrape: Scrape) -> Application:
    return Application(ground.admission, (("/", OwnListenerDoor(ground.settings.metrics_secret, scrape)),))


def _between_processes(ground: _Ground, stores: FileBlobStores) -> dict[str, Loop]:
    """Return the loops that share work with other processes or notify them."""
    wakeups, submitted = ground.wakeups, asyncio.Event()
    wakeups.on(Topic.DELETIONS, submitted.set)
    due_again = partial(wakeups.ring, Topic.DELIVERIES)
    return {
        "deletions": DeletionRunner(ground.catalog, ground.world, submitted, ground.peers.name).run,
        "wake-ups": wakeups.run,
        "reclaiming": Reclaiming(ground.catalog, ground.peers, due_again).run,
        "reopening": Reopening(ground.catalog, stores, due_again).run,
    }


def _upkeep(ground: _Ground, stores: FileBlobStores, verbs: ecr.Verbs) -> dict[str, Loop]:
    """Return the loops that collect garbage and verify stored data. Any number of processes may run them."""
    catalog, world, retention = ground.catalog, ground.world, ground.settings.retention
    return {
        "garbage": Garbage(catalog, stores, retention, running=verbs.uploads.running).run,
        "orphans": Orphans(catalog, stores, world, WallClock(), retention).run,
        "forgetting": Forgetting(catalog, retention).run,
        "verification": Verification(catalog, stores, retention, ground.peers.name).run,
    }


def _messenger(settings: Settings, catalog: WholeCatalog, peers: Peers) -> Messenger:
    """Return the messenger to the other processes. Processes on one SQLite file share a host and a folder."""
    if settings.database is None:
        return peers
    notifications = importlib.import_module("twinport.catalog.notifications")
    messenger: Messenger = notifications.Notifications(catalog.partition, settings.database, peers.name)
    return messenger


def _access(ground: _Ground, gate_class: type[PolicyGate]) -> _Access:
    library = PolicyLibrary(ground.catalog, AwsPolicies())
    messages = AuthorizationMessages(ground.sealer)
    gate = gate_class(ground.catalog, library, organization(ground.settings.organization), messages.encode)
    sessions = Sessions(ground.catalog, ground.sealer, ground.world)
    principals = Principals(ground.catalog, ground.sealer, ground.world, ground.settings.opening)
    uses = Uses(ground.catalog)
    keys = RegionKeys(ground.catalog, ground.sealer, ground.world, ground.regions)
    return _Access(
        gate=gate,
        principals=principals,
        uses=uses,
        authenticator=Authenticator(principals, sessions, WallClock(), ground.regions),
        sessions=sessions,
        keys=keys,
        tokens=RegistryTokens(keys, principals, ground.world, uses),
        roles=ServiceLinkedRoles(ground.catalog, gate, ground.world),
        sts_verbs=_sts_verbs(ground, gate, sessions, messages),
    )


def _sts_verbs(ground: _Ground, gate: PolicyGate, sessions: Sessions, messages: AuthorizationMessages) -> sts.Verbs:
    catalog, world, wall = ground.catalog, ground.world, WallClock()
    of_roles = RoleSessions(gate.library, sessions, world)
    keys = issuer_keys(ground.settings, wall)
    return sts.Verbs(
        assumptions=Assumptions(gate, of_roles),
        web_identities=WebIdentities(catalog, keys, LateTokens(), gate, of_roles, wall),
        own_sessions=OwnSessions(gate, gate.library, sessions, world),
        key_owners=KeyOwners(catalog, gate),
        decoding=Decoding(gate, messages),
    )


def _couriers(ground: _Ground, access: _Access, stores: FileBlobStores) -> worker.Replication:
    retention = ground.settings.retention
    destinations = LocalDestinations(
        ground.regions, ground.catalog, stores, access.gate, ground.world, retention.offers
    )
    courier = Courier(ground.catalog, stores, destinations, access.roles, access.sessions, ground.world)
    couriers = worker.Replication(PostOffice(ground.catalog), courier, ground.peers.name, retention)
    ground.wakeups.on(Topic.DELIVERIES, couriers.wake)
    return couriers


def _verbs(ground: _Ground, access: _Access, stores: FileBlobStores) -> ecr.Verbs:
    catalog, world, ways, retention = ground.catalog, ground.world, ground.settings.ways, ground.settings.retention
    gate = PacedGate(access.gate, WallClock()) if Deviation.RATES in ways else access.gate
    part_rule = PartRule.ECR if Deviation.PART_MINIMUM in ways else PartRule.ANY_SIZE
    return ecr.Verbs(
        repositories=Repositories(gate, catalog, world, ground.regions, quotas_of(ways)),
        tags=RepositoryTags(gate, catalog),
        policies=RepositoryPolicies(gate, access.gate, catalog),
        registry_policies=RegistryPolicies(gate, catalog),
        replication=Replication(gate, catalog, access.roles, ground.regions),
        images=Images(gate, catalog, partial(ground.wakeups.ring, Topic.DELIVERIES), quotas_of(ways)),
        layers=Layers(catalog, stores, gate, world, retention),
        uploads=Uploads(
            catalog,
            stores,
            gate,
            part_rule,
            retention,
            UploadQuota(ground.settings.open_uploads, ground.settings.open_upload_bytes),
        ),
        links=DownloadLinks(access.keys),
        authorization=Authorization(gate, access.tokens),
        public_url=ground.settings.public_url,
    )


def _identity_verbs(ground: _Ground, access: _Access) -> iam.Verbs:
    catalog, world, aws = ground.catalog, ground.world, AwsPolicies()
    entities = Entities(catalog, access.gate)
    boundaries = Boundaries(catalog, entities, aws)
    return iam.Verbs(
        users=Users(catalog, entities, boundaries, world),
        boundaries=boundaries,
        keys=AccessKeys(catalog, entities, world, ground.sealer, access.uses),
        login_profiles=LoginProfiles(catalog, entities, world),
        groups=Groups(catalog, entities, world),
        roles=Roles(catalog, entities, boundaries, world, access.uses),
        service_linked_roles=access.roles,
        deletions=Deletions(catalog, access.gate, world, partial(ground.wakeups.ring, Topic.DELETIONS)),
        managed_policies=ManagedPolicies(catalog, entities, world, aws),
        principal_policies=PrincipalPolicies(catalog, entities, world, aws),
        instance_profiles=InstanceProfiles(catalog, entities, world),
        oidc_providers=OidcProviders(catalog, entities, world),
        account=AccountFacts(catalog, entities),
        report=AccountReport(catalog, entities, aws, access.uses),
        context_lookup=ContextLookup(catalog, entities, aws),
        credential_reports=CredentialReports(catalog, entities, access.uses, world),
        service_access=ServiceAccess(catalog, entities, aws, access.uses, world),
        simulations=Simulations(catalog, entities, access.gate.library, access.gate.organization),
    )


def _doors(
    ground: _Ground, access: _Access, both: tuple[ecr.Verbs, iam.Verbs], control: ControlDoor
) -> tuple[tuple[str, Door], ...]:
    verbs, identities = both
    ways = ground.settings.ways
    redirects = LayerRedirects(verbs.layers, verbs.links, ground.admission, verbs.public_url)
    blobs = BlobRoutes(verbs.uploads, verbs.layers, ways, redirects if Deviation.LAYER_REDIRECT in ways else None)
    parts = Parts.SPARSE if ground.settings.sparse_images else Parts.REQUIRED
    oci = OciDoor(
        admission=ground.admission,
        tokens=_basic_credentials(ground, access),
        world=ground.world,
        regions=ground.regions,
        manifests=ManifestRoutes(verbs.images, parts),
        blobs=blobs,
        listings=Listings(verbs.images, Referrers(access.gate, ground.catalog), verbs.repositories, ways),
        deviations=ways,
    )
    services = (
        ServiceParts(shapes.load("ecr"), ecr.handlers(verbs), ecr_errors.ERRORS),
        ServiceParts(shapes.load("iam"), iam.handlers(identities), iam_errors.ERRORS),
        ServiceParts(shapes.load("sts"), sts.handlers(access.sts_verbs), sts.ERRORS, sts.UNSIGNED),
    )
    return (
        ("/v2/", oci),
        (download_links.PREFIX, PresignedDoor(verbs.links, blobs)),
        (PREFIX, control),
        (CONSOLE, _console(ground, access, verbs, identities)),
        ("/", Gateway(ground.admission, access.authenticator, ground.world, services, access.uses)),
    )


def _basic_credentials(ground: _Ground, access: _Access) -> Tokens:
    if not ground.settings.basic_access_keys:
        return access.tokens
    home = region_name(ground.settings.regions[0]) if ground.settings.regions else HOME_REGION
    return BasicKeys(access.tokens, access.principals, access.gate, home)


def _console(ground: _Ground, access: _Access, verbs: ecr.Verbs, identities: iam.Verbs) -> ConsoleDoor:
    repositories = RepositoryPages(verbs.repositories, ground.regions, verbs.public_url)
    pages = (
        repositories,
        ImagePages(verbs.repositories, verbs.images, verbs.replication, verbs.public_url),
        PrivateRegistryPages(verbs.replication, verbs.registry_policies),
        ReplicationPages(verbs.replication, identities.roles, ground.regions),
        ActivityPages(verbs.replication),
        PermissionPages(verbs.registry_policies),
        RolePages(
            identities.roles,
            identities.principal_policies,
            identities.managed_policies,
            identities.deletions,
            verbs.replication,
            ground.regions,
        ),
    )
    signing_in = SigningIn(ground.catalog, access.principals, SignInThrottle(ground.catalog), ground.world, access.uses)
    session, renderer = Cookie("session", ground.sealer.instance), Renderer(ground.regions)
    opening, visit = ground.settings.opening, Cookie("visit", ground.sealer.instance)
    return ConsoleDoor(
        admission=ground.admission,
        signing_in=signing_in,
        cookie=session,
        world=ground.world,
        regions=ground.regions,
        entrance=Entrance(signing_in, session, visit, renderer, opening),
        pages=tuple(route for each in pages for route in each.routes()),
        first_page=repositories.first_page,
        renderer=renderer,
    )


def _control(
    ground: _Ground, access: _Access, stores: FileBlobStores, couriers: worker.Replication, scrape: Scrape
) -> ControlDoor:
    garbage = Garbage(ground.catalog, stores, ground.settings.retention)

    async def reset() -> None:
        # Stop the couriers, so that no delivery arrives in the empty state.
        await couriers.stop()
        # Rows before bytes when deleting (law 1).
        await clearing.clear(ground.catalog)
        for name in await ground.catalog.regions():
            await garbage.remove_bytes(name)
        await couriers.start()
        telemetry.event(Event.STATE_RESET)

    deliveries = DeliveryStatus(ground.catalog).page
    readiness = Readiness({"database": ground.catalog.check, "store": stores.check})
    opening = ground.settings.opening
    metrics = MetricsDoor(ground.admission, opening, ground.settings.metrics_secret, scrape)
    signed = SignedReaders(ground.admission, access.authenticator, access.gate, ground.world)
    return ControlDoor(ground.admission, opening, ground.regions, reset, deliveries, readiness, metrics.answer, signed)
