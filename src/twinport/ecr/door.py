"""The Amazon ECR API: joins the tables of operations of the modules beside this one."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.ecr.accounts import AccountOperations
from twinport.ecr.images import ImageOperations
from twinport.ecr.layers import LayerOperations
from twinport.ecr.lifecycle import LifecycleOperations
from twinport.ecr.referrers import ReferrerOperations
from twinport.ecr.registries import RegistryOperations
from twinport.ecr.repositories import RepositoryOperations
from twinport.ecr.scanning import ScanningOperations
from twinport.ecr.signing import SigningOperations
from twinport.ecr.templates import TemplateOperations
from twinport.ecr.tokens import TokenOperations
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
from twinport.registry.referrers import Referrers
from twinport.registry.replication import Replication
from twinport.registry.repositories import Repositories, RepositoryTags
from twinport.registry.scanning import Scanning
from twinport.registry.signing import Signing
from twinport.registry.storage_classes import StorageClasses
from twinport.registry.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Verbs:
    """The verbs behind the door, and the address that clients use, if the operator has set it."""

    repositories: Repositories
    tags: RepositoryTags
    policies: RepositoryPolicies
    registry_policies: RegistryPolicies
    replication: Replication
    scanning: Scanning
    images: Images
    referrers: Referrers
    layers: Layers
    uploads: Uploads
    mounts: Mounts
    templates: CreationTemplates
    creation: CreateOnPush
    links: DownloadLinks
    authorization: Authorization
    account_settings: AccountSettings
    exclusions: PullTimeExclusions
    signing: Signing
    lifecycle: LifecyclePolicies
    lifecycle_previews: LifecyclePreviews
    storage_classes: StorageClasses
    public_url: str | None


def handlers(verbs: Verbs) -> Mapping[str, Handler[Call]]:
    """Return the implemented operations. Every other operation of the model is refused by name."""
    return {
        **RepositoryOperations(verbs.repositories, verbs.tags, verbs.policies, verbs.public_url).table(),
        **RegistryOperations(verbs.registry_policies, verbs.replication).table(),
        **ScanningOperations(verbs.scanning).table(),
        **AccountOperations(verbs.account_settings, verbs.exclusions).table(),
        **SigningOperations(verbs.signing).table(),
        **ReferrerOperations(verbs.referrers).table(),
        **LifecycleOperations(verbs.lifecycle, verbs.lifecycle_previews, verbs.storage_classes).table(),
        **TemplateOperations(verbs.templates).table(),
        **ImageOperations(verbs.images, verbs.creation).table(),
        **LayerOperations(verbs.layers, verbs.uploads, verbs.links, verbs.public_url, verbs.creation).table(),
        **TokenOperations(verbs.authorization, verbs.public_url).table(),
    }
