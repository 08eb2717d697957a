"""Builds the doors: the registry protocol, the AWS services, the console, and twinport's own operations."""

import importlib
from functools import partial

from twinport.aws import shapes
from twinport.composition.access import Access, basic_credentials
from twinport.composition.ground import Ground
from twinport.composition.late import LateDoor
from twinport.composition.reset import Reset
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
from twinport.landing.terms import Parts
from twinport.oci.blobs import BlobRoutes
from twinport.oci.door import OciDoor
from twinport.oci.early_pulls import NEVER_EARLY, EarlyPulls
from twinport.oci.known_pulls import NEVER_KNOWN, KnownPulls
from twinport.oci.listings import Listings
from twinport.oci.manifests import ManifestRoutes
from twinport.oci.presigned import PresignedDoor
from twinport.oci.redirects import LayerRedirects
from twinport.processes.draining import Draining
from twinport.registry import download_links
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
        verbs.uploads,
        verbs.mounts,
        verbs.layers,
        verbs.creation,
        ground.settings.ways,
        redirects if is_redirecting else None,
    )
    return (
        ("/v2/", _registry_protocol(ground, access, verbs, blobs)),
        (download_links.PREFIX, PresignedDoor(verbs.links, blobs)),
        (PREFIX, control),
        (CONSOLE, LateDoor(partial(_console, ground, access, verbs, identities))),
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
        known=NEVER_KNOWN if is_remote else KnownPulls(ground.catalog, ground.world),
    )


def _aws_services(ground: Ground, access: Access, verbs: ecr.Verbs, identities: iam.Verbs) -> Gateway:
    services = (
        ServiceParts(shapes.load("ecr"), ecr.handlers(verbs), ecr_errors.ERRORS),
        ServiceParts(shapes.load("iam"), iam.handlers(identities), iam_errors.ERRORS),
        ServiceParts(shapes.load("sts"), sts.handlers(access.sts_verbs), sts.ERRORS, sts.UNSIGNED),
    )
    return Gateway(ground.admission, access.authenticator, ground.world, services, access.uses)


def _console(ground: Ground, access: Access, verbs: ecr.Verbs, identities: iam.Verbs) -> Door:
    door: Door = importlib.import_module("twinport.composition.console").console(ground, access, verbs, identities)
    return door


def control_door(
    ground: Ground, access: Access, couriers: worker.ReplicationWorker, scrape: Scrape, draining: Draining
) -> ControlDoor:
    """Build the door of twinport's own operations."""
    reset = Reset(ground, couriers).run
    deliveries = DeliveryStatus(ground.catalog).page
    readiness = Readiness({"database": ground.catalog.check, "store": ground.stores.check})
    opening = ground.settings.opening
    metrics = MetricsDoor(ground.admission, opening, ground.settings.metrics_secret, scrape)
    signed = SignedReaders(ground.admission, access.authenticator, access.gate, ground.world)
    return ControlDoor(
        ground.admission, opening, ground.regions, reset, deliveries, readiness, metrics.answer, signed, draining
    )


def metrics_application(ground: Ground, scrape: Scrape) -> Application:
    """Build the application of the metrics listener, which answers for all processes of the host."""
    return Application(ground.admission, (("/", OwnListenerDoor(ground.settings.metrics_secret, scrape)),))
