"""Builds the console. Imported at its first request: its pages and their templates are a tenth of all imports."""

from twinport.access.authorization_requests import AuthorizationRequests
from twinport.access.sign_in_throttle import SignInThrottle
from twinport.access.signing_in import SigningIn
from twinport.composition.access import Access
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
from twinport.ecr import door as ecr
from twinport.iam import door as iam
from twinport.identities.entities import Entities
from twinport.identities.explanations import Explanations
from twinport.registry.image_lists import ImageLists


def console(ground: Ground, access: Access, verbs: ecr.Verbs, identities: iam.Verbs) -> ConsoleDoor:
    """Build the door of the console, with all its pages."""
    repositories = RepositoryPages(verbs.repositories, ground.regions, verbs.public_url, ground.home)
    pages: tuple[Pages, ...] = (
        repositories,
        *_image_pages(ground, verbs),
        *_repository_pages(ground, access, verbs),
        *_registry_pages(ground, verbs),
        *_role_pages(ground, verbs, identities),
    )
    throttle = SignInThrottle(ground.unguarded)
    signing_in = SigningIn(ground.unguarded, access.principals, throttle, access.uses)
    session, renderer = Cookie("session", access.sessions.site), _renderer(ground)
    opening, visit = ground.settings.opening, Cookie("visit", access.sessions.site)
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


def _renderer(ground: Ground) -> Renderer:
    return Renderer(ground.regions, lambda: ground.orders.known.read_only_since)


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
