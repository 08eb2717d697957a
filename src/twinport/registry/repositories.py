"""The verbs of repositories: create, describe, tag and delete them, and decide whether their images' tags may move."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from twinport.access.gate import Gate, RepositoryResource, every_repository, tag_context
from twinport.catalog import repository_lists
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import repositories
from twinport.catalog.regional.repositories import Against
from twinport.clock import Clock
from twinport.model.addresses import is_reserved_name
from twinport.model.encryption import key_arn
from twinport.model.identities import Caller
from twinport.model.images import NewRepository, Repository, TagRule
from twinport.model.names import RegionName, Registry, RepositoryId, RepositoryName
from twinport.model.tags import check_count
from twinport.refusals.images import EncryptionRefused, RepositoryNotEmpty, RepositoryNotFound, TooManyRepositories
from twinport.refusals.requests import InvalidParameter
from twinport.registry import paging
from twinport.registry.expected import Expected, require
from twinport.registry.paging import Page, PageRequest
from twinport.settings.deviations import UNLIMITED, Quotas
from twinport.settings.storage import EncryptionAtRest


class Contents(Enum):
    """What DeleteRepository does with images: refuse while there are any, or delete them too (`force`)."""

    SPARED = "spared"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Repositories:
    """The verbs of repositories. `regions` are those that this deployment knows."""

    gate: Gate
    catalog: Catalog
    world: Clock
    regions: Collection[RegionName]
    quotas: Quotas = UNLIMITED
    encryption_at_rest: EncryptionAtRest = EncryptionAtRest.REFUSE

    async def create(self, caller: Caller, repository: RepositoryId, new: NewRepository) -> Repository:
        """Create a repository.

        Raises RepositoryExists, TooManyRepositories, EncryptionRefused, and InvalidParameter for what cannot be a key.
        """
        resource, context = RepositoryResource(repository), tag_context(new.tags)
        await self.gate.authorize(caller, "ecr:CreateRepository", resource, context)
        if new.tags:
            await self.gate.authorize(caller, "ecr:TagResource", resource, context)
        new = encrypted(repository.registry, new, self.encryption_at_rest)
        check_name(repository.name, self.regions)
        now = self.world.now()
        return await self.catalog.region(repository.region).write(
            lambda db: insert(db, repository, new, now, self.quotas)
        )

    async def describe(self, caller: Caller, registry: Registry, names: Sequence[RepositoryName]) -> list[Repository]:
        """Return the named repositories, in the order of the request. Raises RepositoryNotFound."""
        resources = [RepositoryResource(registry.repository(name)) for name in names]
        decisions = [await self.gate.decision(caller, ("ecr:DescribeRepositories",), each) for each in resources]
        region = self.catalog.region(registry.region)
        found = await region.read(lambda db: repository_lists.named(db, registry, names))
        for decide, each in zip(decisions, found, strict=True):
            await decide(each.facts)
        return [_there(each.repository, name, registry) for each, name in zip(found, names, strict=True)]

    async def list(self, caller: Caller, registry: Registry, page: PageRequest, prefix: str = "") -> Page[Repository]:
        """Return a page of the registry's repositories, all or those with a prefix, in the order of their names."""
        resource = every_repository(registry)
        await self.gate.authorize(caller, "ecr:DescribeRepositories", resource)
        request = ("DescribeRepositories", str(registry), *([prefix] if prefix else []))
        (after,) = paging.start(page, request, ("",))
        found = await self.catalog.region(registry.region).read_much(
            lambda db: repositories.listed(db, registry, after, page.limit + 1, prefix)
        )
        return paging.cut(found, page, request, lambda repository: (repository.name,))

    async def names(self, caller: Caller, registry: Registry, after: str, limit: int) -> Sequence[RepositoryName]:
        """Return at most `limit` names of the registry's repositories in their order, those after `after`."""
        resource = every_repository(registry)
        await self.gate.authorize(caller, "ecr:DescribeRepositories", resource)
        return await self.catalog.region(registry.region).read_much(
            lambda db: [each.name for each in repositories.listed(db, registry, after, limit)]
        )

    async def delete(self, caller: Caller, repository: RepositoryId, images: Contents) -> Repository:
        """Delete a repository with everything in it, and return what it was.

        It is gone at once, and its name is free; the sweep deletes its contents later (registry/garbage.py).
        Raises RepositoryNotEmpty if it has images and these are to be spared.
        """
        await self.gate.authorize(caller, "ecr:DeleteRepository", RepositoryResource(repository))
        return await self.catalog.region(repository.region).write(lambda db: _delete(db, repository, images))

    async def set_tag_rule(
        self, caller: Caller, repository: RepositoryId, rule: TagRule, expected: Expected[TagRule] | None = None
    ) -> None:
        """Decide whether existing tags may move from now on.

        Raises ChangedMeanwhile unless `expected` is what holds before.
        """
        await self.gate.authorize(caller, "ecr:PutImageTagMutability", RepositoryResource(repository))

        def store(db: Connection) -> None:
            found = repositories.lock(db, repository, Against.WRITERS)
            require(expected, found.tag_rule)
            repositories.set_tag_rule(db, found.id, rule)

        await self.catalog.region(repository.region).write(store)


@dataclass(frozen=True, slots=True)
class RepositoryTags:
    """The verbs of a repository's own tags (an image's tags are names, and live in images)."""

    gate: Gate
    catalog: Catalog

    async def put(self, caller: Caller, repository: RepositoryId, tags: Mapping[str, str]) -> None:
        """Add tags, replacing the values of those that are there. Raises TooManyTags and changes nothing."""
        resource = RepositoryResource(repository)
        await self.gate.authorize(caller, "ecr:TagResource", resource, tag_context(tags))
        await self.catalog.region(repository.region).write(lambda db: _add_tags(db, repository, tags))

    async def remove(self, caller: Caller, repository: RepositoryId, keys: Sequence[str]) -> None:
        """Remove tags. Keys that are absent are ignored."""
        resource, context = RepositoryResource(repository), {"aws:TagKeys": tuple(keys)}
        await self.gate.authorize(caller, "ecr:UntagResource", resource, context)
        await self.catalog.region(repository.region).write(
            lambda db: repositories.remove_tags(db, repositories.lock(db, repository, Against.WRITERS).id, keys)
        )

    async def list(self, caller: Caller, repository: RepositoryId) -> dict[str, str]:
        await self.gate.authorize(caller, "ecr:ListTagsForResource", RepositoryResource(repository))
        return await self.catalog.region(repository.region).read(
            lambda db: repositories.tags(db, repositories.get(db, repository).id)
        )


def _there(found: Repository | None, name: RepositoryName, registry: Registry) -> Repository:
    if found is None:
        raise RepositoryNotFound(name, registry.account)
    return found


def insert(db: Connection, repository: RepositoryId, new: NewRepository, now: datetime, quotas: Quotas) -> Repository:
    """Create a repository. Raises RepositoryExists, TooManyRepositories."""
    made = repositories.insert(db, repository, new, now)
    most = quotas.repositories
    if most is not None and repositories.reaches(db, repository.account, most + 1):
        raise TooManyRepositories(repository.account, most)
    return made


def check_name(name: RepositoryName, regions: Collection[RegionName]) -> None:
    """Raise InvalidParameter for a name that would be the path of another registry."""
    if is_reserved_name(name, regions):
        raise InvalidParameter("repositoryName", "must not begin with an account id and a Region")


def encrypted(registry: Registry, new: NewRepository, at_rest: EncryptionAtRest) -> NewRepository:
    """Return the settings with the ARN of the key. Raises InvalidParameter, EncryptionRefused."""
    key = key_arn(registry, new.encryption, new.kms_key)
    if key is not None and not at_rest.takes_keys:
        raise EncryptionRefused(new.encryption)
    return replace(new, kms_key=key)


def _delete(db: Connection, repository: RepositoryId, images: Contents) -> Repository:
    row = repositories.lock(db, repository, Against.ALL)
    if images is Contents.SPARED and repositories.has_images(db, row.id):
        raise RepositoryNotEmpty(repository.name, repository.account)
    repositories.remove(db, row.id)
    return row


def _add_tags(db: Connection, repository: RepositoryId, tags: Mapping[str, str]) -> None:
    row = repositories.lock(db, repository, Against.WRITERS)
    check_count({**repositories.tags(db, row.id), **tags})
    repositories.put_tags(db, row.id, tags)
