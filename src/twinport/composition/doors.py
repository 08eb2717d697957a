"""Builds the doors: the registry protocol, the AWS services, the console, and twinport's own operations."""

from twinport.access.authorization_requests import AuthorizationRequests
from twinport.access.sign_in_throttle import SignInThrottle
from twinport.access.signing_in import SigningIn
from twinport.aws import shapes
from twinport.catalog import clearing
from twinport.composition.access import Access, basic_credentials
from twinport.composition.ground import Ground
from twinport.console.account_settings import AccountSettingPages
from twinport.console.activity import ActivityPages
from twinport.console.cookies import Cookie
from twinport.console.creation import CreationPages
from twinport.console.creation_templates import CreationTemplatePages
from twinport.console.deletion import DeletionPages
from twinport.console.door import ConsoleDoor
from twinport.console.entrance import Entrance
from twinport.console.image_archive import ArchivePages
from twinport.console.image_deletion import ImageDeletionPages
from twinport.console.image_findings import FindingsPages
from twinport.console.image_page import OneImagePages
from twinport.console.images import ImagePages
from twinport.console.lifecycle import LifecyclePages
from twinport.console.permissions import PermissionPages
from twinport.console.private_registry import PrivateRegistryPages
from twinport.console.pull_time_exclusions import PullTimeExclusionPages
from twinport.console.registry_scanning import RegistryScanningPages
from twinport.console.rendering import Renderer
from twinport.console.replication import ReplicationPages
from twinport.console.repositories import RepositoryPages
from twinport.console.repository_policy import RepositoryPolicyPages
from twinport.console.repository_settings import RepositorySettingsPages
from twinport.console.repository_tags import RepositoryTagPages
from twinport.console.roles import RolePages
from twinport.console.routes import Pages, RouteTable
from twinport.console.signing import SigningPages
from twinport.control.door import PREFIX, ControlDoor
from twinport.control.health import Readiness
from twinport.control.metrics import MetricsDoor, OwnListenerDoor, Scrape
from twinport.control.readers import SignedReaders
from twinport.ecr import door as ecr
from twinport.ecr import errors as ecr_errors
from twinport.gateway import Gateway, ServiceParts
from twinport.http.admission import CONSOLE
from twinport.http.application import Application
from twinport.http.messages import Door
from twinport.iam import door as iam
from twinport.iam import errors as iam_errors
from twinport.identities.entities import Entities
from twinport.identities.explanations import Explanations
from twinport.landing.terms import Parts
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.oci.blobs import BlobRoutes
from twinport.oci.door import OciDoor
from twinport.oci.early_pulls import NEVER_EARLY, EarlyPulls
from twinport.oci.listings import Listings
from twinport.oci.manifests import ManifestRoutes
from twinport.oci.presigned import PresignedDoor
from twinport.oci.redirects import LayerRedirects
from twinport.registry import download_links
from twinport.registry.garbage import Garbage
from twinport.registry.image_lists import ImageLists
from twinport.registry.pull_reads import PullReads
from twinport.replication import worker
from twinport.replication.status import DeliveryStatus
from twinport.settings.deviations import Deviation
from twinport.sts import door as sts


def doors(
    ground: Ground, access: Access, verbs: ecr.Verbs, identities: iam.Verbs, control: ControlDoor
) -> tuple[tuple[str, Door], ...]:
    """Build the doors by the prefixes of their paths, in the order in which `Application` tries them."""
    redirects = LayerRedirects(verbs.layers, verbs.links, ground.admission, verbs.public_url)
    is_redirecting = Deviation.LAYER_REDIRECT in ground.settings.ways
    blobs = BlobRoutes(
        verbs.uploads, verbs.layers, verbs.creation, ground.settings.ways, redirects if is_redirecting else None
    )
    return (
        ("/v2/", _registry_protocol(ground, access, verbs, blobs)),
        (download_links.PREFIX, PresignedDoor(verbs.links, blobs)),
        (PREFIX, control),
        (CONSOLE, _console(ground, access, verbs, identities)),
        ("/", _aws_services(ground, access, verbs, identities)),
    )


def _registry_protocol(ground: Ground, access: Access, verbs: ecr.Verbs, blobs: BlobRoutes) -> OciDoor:
    ways = ground.settings.ways
    parts = Parts.SPARSE if ground.settings.sparse_images else Parts.REQUIRED
    tokens = basic_credentials(ground, access)
    # SQLite answers in microseconds, and at once: there is nothing to begin.
    is_remote = ground.settings.database is not None
    early = EarlyPulls(tokens, PullReads(ground.catalog), ground.regions) if is_remote else NEVER_EARLY
    return OciDoor(
        admission=ground.admission,
        tokens=tokens,
        world=ground.world,
        regions=ground.regions,
        manifests=ManifestRoutes(verbs.images, verbs.creation, parts),
        blobs=blobs,
        listings=Listings(verbs.images, verbs.referrers, verbs.repositories, ways),
        deviations=ways,
        early=early,
    )


def _aws_services(ground: Ground, access: Access, verbs: ecr.Verbs, identities: iam.Verbs) -> Gateway:
    services = (
        ServiceParts(shapes.load("ecr"), ecr.handlers(verbs), ecr_errors.ERRORS),
        ServiceParts(shapes.load("iam"), iam.handlers(identities), iam_errors.ERRORS),
        ServiceParts(shapes.load("sts"), sts.handlers(access.sts_verbs), sts.ERRORS, sts.UNSIGNED),
    )
    return Gateway(ground.admission, access.authenticator, ground.world, services, access.uses)


def _console(ground: Ground, access: Access, verbs: ecr.Verbs, identities: iam.Verbs) -> ConsoleDoor:
    repositories = RepositoryPages(verbs.repositories, ground.regions, verbs.public_url, ground.home)
    pages: tuple[Pages, ...] = (
        repositories,
        *_image_pages(ground, verbs),
        *_repository_pages(ground, access, verbs),
        *_registry_pages(ground, verbs),
        *_role_pages(ground, verbs, identities),
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
        pages=RouteTable(tuple(route for each in pages for route in each.routes())),
        first_page=repositories.first_page,
        renderer=renderer,
    )


def _image_pages(ground: Ground, verbs: ecr.Verbs) -> tuple[Pages, ...]:
    """Build the pages of a repository's images, and of one image."""
    lists = ImageLists(verbs.images.gate, ground.catalog)
    return (
        ImagePages(verbs.repositories, lists, verbs.replication, verbs.public_url),
        ArchivePages(verbs.images, verbs.storage_classes),
        ImageDeletionPages(verbs.images),
        FindingsPages(verbs.images, verbs.scanning),
        OneImagePages(verbs.images, verbs.referrers, verbs.replication, verbs.public_url),
    )


def _role_pages(ground: Ground, verbs: ecr.Verbs, identities: iam.Verbs) -> tuple[Pages, ...]:
    """Build the pages of IAM's roles, and of replication, whose rules create one."""
    roles, replication = identities.roles, verbs.replication
    policies = (identities.principal_policies, identities.managed_policies)
    return (
        ReplicationPages(replication, roles, ground.regions),
        RolePages(roles, *policies, identities.deletions, replication, ground.regions),
    )


def _repository_pages(ground: Ground, access: Access, verbs: ecr.Verbs) -> tuple[Pages, ...]:
    """Build the pages that create, change and delete a repository."""
    at_rest = ground.settings.encryption_at_rest
    return (
        CreationPages(verbs.repositories, at_rest),
        DeletionPages(verbs.repositories, verbs.images),
        RepositorySettingsPages(verbs.repositories, verbs.scanning, at_rest, verbs.public_url),
        RepositoryPolicyPages(verbs.policies, _explanations(ground, access)),
        RepositoryTagPages(verbs.tags),
        LifecyclePages(verbs.lifecycle, verbs.lifecycle_previews),
    )


def _registry_pages(ground: Ground, verbs: ecr.Verbs) -> tuple[Pages, ...]:
    """Build the pages of a registry's settings, but for that of its replication."""
    settings = (verbs.scanning, verbs.account_settings, verbs.exclusions, verbs.signing, verbs.templates)
    return (
        PrivateRegistryPages(verbs.replication, verbs.registry_policies, *settings),
        ActivityPages(verbs.replication),
        PermissionPages(verbs.registry_policies),
        RegistryScanningPages(verbs.scanning),
        AccountSettingPages(verbs.account_settings),
        PullTimeExclusionPages(verbs.exclusions),
        SigningPages(verbs.signing),
        CreationTemplatePages(verbs.templates, ground.settings.encryption_at_rest),
    )


def _explanations(ground: Ground, access: Access) -> Explanations:
    requests = AuthorizationRequests(ground.catalog, ground.world)
    return Explanations(access.gate, access.gate, Entities(ground.catalog, access.gate), requests)


def control_door(ground: Ground, access: Access, couriers: worker.ReplicationWorker, scrape: Scrape) -> ControlDoor:
    """Build the door of twinport's own operations. A reset stops the couriers and starts them again."""
    garbage = Garbage(ground.catalog, ground.stores, ground.settings.retention)

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
    readiness = Readiness({"database": ground.catalog.check, "store": ground.stores.check})
    opening = ground.settings.opening
    metrics = MetricsDoor(ground.admission, opening, ground.settings.metrics_secret, scrape)
    signed = SignedReaders(ground.admission, access.authenticator, access.gate, ground.world)
    return ControlDoor(ground.admission, opening, ground.regions, reset, deliveries, readiness, metrics.answer, signed)


def metrics_application(ground: Ground, scrape: Scrape) -> Application:
    """Build the application of the metrics listener, which answers for all processes of the host."""
    return Application(ground.admission, (("/", OwnListenerDoor(ground.settings.metrics_secret, scrape)),))
