"""Builds the verbs of ECR, and replication's couriers."""

from functools import partial

from twinport.access.gate import Gate
from twinport.access.generations import Generations
from twinport.access.rate_limits import PacedGate
from twinport.access.template_roles import TemplateRoles
from twinport.catalog.regional.uploads import UploadQuota
from twinport.composition.access import Access
from twinport.composition.ground import Ground
from twinport.ecr import door as ecr
from twinport.model.account_settings import BlobMounting
from twinport.processes.wakeups import Topic, Wakeups
from twinport.registry.account_settings import AccountSettings
from twinport.registry.authorization import Authorization
from twinport.registry.create_on_push import CreateOnPush
from twinport.registry.creation_templates import CreationTemplates
from twinport.registry.download_links import DownloadLinks
from twinport.registry.images import Images
from twinport.registry.layers import Layers
from twinport.registry.lifecycle import LifecyclePolicies, LifecyclePreviews
from twinport.registry.mounts import Mounts
from twinport.registry.policies import RegistryPolicies, RepositoryPolicies
from twinport.registry.pull_time_exclusions import PullTimeExclusions
from twinport.registry.pulls import Pulls
from twinport.registry.referrers import Referrers
from twinport.registry.replication import Replication
from twinport.registry.repositories import Repositories, RepositoryTags
from twinport.registry.scanning import Scanning
from twinport.registry.signing import Signing
from twinport.registry.storage_classes import StorageClasses
from twinport.registry.upload_ids import SealedUploadIds
from twinport.registry.uploads import PartRule, Uploads
from twinport.replication import worker
from twinport.replication.courier import Courier
from twinport.replication.local_destination import LocalDestinations
from twinport.replication.post_office import PostOffice
from twinport.settings.deviations import Deviation


def registry_verbs(ground: Ground, access: Access, pulls: Pulls) -> ecr.Verbs:
    """Build the verbs of ECR and of the registry protocol."""
    due = partial(ground.wakeups.ring, Topic.LIFECYCLE)
    catalog, world, quotas, retention = ground.catalog, ground.world, ground.settings.quotas, ground.settings.retention
    gate, mounting = _deviating(ground, access)
    return ecr.Verbs(
        repositories=Repositories(gate, catalog, world, ground.regions, quotas, ground.settings.encryption_at_rest),
        tags=RepositoryTags(gate, catalog),
        policies=RepositoryPolicies(gate, access.gate, catalog),
        registry_policies=RegistryPolicies(gate, catalog),
        replication=Replication(gate, catalog, access.roles, ground.regions),
        scanning=Scanning(gate, catalog, partial(ground.wakeups.ring, Topic.SCANS)),
        images=Images(gate, catalog, partial(_pushed, ground.wakeups), quotas, pulls),
        referrers=Referrers(access.gate, catalog),
        lifecycle=LifecyclePolicies(gate, catalog, due),
        lifecycle_previews=LifecyclePreviews(gate, catalog, due),
        storage_classes=StorageClasses(gate, catalog, due),
        layers=Layers(catalog, ground.stores, gate, world, retention),
        uploads=_uploads(ground, access, gate),
        mounts=Mounts(gate, catalog, mounting),
        templates=CreationTemplates(gate, catalog, access.roles, world, ground.settings.encryption_at_rest),
        creation=CreateOnPush(gate, catalog, _template_roles(ground, access), world, ground.regions, quotas),
        links=DownloadLinks(access.keys),
        authorization=Authorization(gate, access.tokens),
        account_settings=AccountSettings(gate, catalog, mounting),
        exclusions=PullTimeExclusions(gate, catalog),
        signing=Signing(gate, catalog),
        public_url=ground.settings.public_url,
    )


def _deviating(ground: Ground, access: Access) -> tuple[Gate, BlobMounting]:
    """Return the gate, and whether blobs are mounted, as the operator wants them to differ from the standard."""
    ways = ground.settings.ways
    gate: Gate = PacedGate(access.gate, ground.unguarded) if Deviation.RATES in ways else access.gate
    return gate, BlobMounting.DISABLED if Deviation.NO_MOUNTS in ways else BlobMounting.ENABLED


def _uploads(ground: Ground, access: Access, gate: Gate) -> Uploads:
    settings = ground.settings
    ids = SealedUploadIds(access.keys, Generations(ground.catalog), ground.world)
    part_rule = PartRule.ECR if Deviation.PART_MINIMUM in settings.ways else PartRule.ANY_SIZE
    quota = UploadQuota(settings.open_uploads, settings.open_upload_bytes)
    return Uploads(ground.catalog, ground.stores, gate, ids, part_rule, settings.retention, quota)


def _pushed(wakeups: Wakeups) -> None:
    """Wake what follows a push: copies, and scans."""
    wakeups.ring(Topic.DELIVERIES)
    wakeups.ring(Topic.SCANS)


def couriers(ground: Ground, access: Access) -> worker.ReplicationWorker:
    """Build the worker of replication with everything that its couriers need."""
    retention = ground.settings.retention
    destinations = LocalDestinations(
        ground.regions,
        ground.catalog,
        ground.stores,
        access.gate,
        _template_roles(ground, access),
        access.lane_sessions,
        ground.world,
        retention.offer_expiry,
    )
    courier = Courier(ground.catalog, ground.stores, destinations, access.roles, access.lane_sessions, ground.world)
    running = worker.ReplicationWorker(PostOffice(ground.catalog), courier, ground.peers.name, retention)
    ground.wakeups.on(Topic.DELIVERIES, running.wake)
    return running


def _template_roles(ground: Ground, access: Access) -> TemplateRoles:
    return TemplateRoles(ground.catalog, access.gate, access.gate, ground.settings.encryption_at_rest)
