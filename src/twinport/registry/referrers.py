"""Referrers: the manifests of a repository that name another as their subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import images, repositories
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import Referrer
from twinport.model.names import Registry, RepositoryName
from twinport.registry import paging
from twinport.registry.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class ReferrerQuery:
    """At most `limit` referrers of `subject` after the digest `after`; of the artifact `types`, if any are given."""

    subject: Digest
    types: Sequence[str]
    after: str
    limit: int


class ArtifactStatus(Enum):
    """Which referrers a list has (ArtifactStatusFilter of the service model)."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    ACTIVATING = "ACTIVATING"
    ANY = "ANY"


_MET_STATUSES = (ArtifactStatus.ACTIVE, ArtifactStatus.ANY)


@dataclass(frozen=True, slots=True)
class WantedReferrers:
    """The referrers of `subject` in a status; of the artifact `types`, if any are given."""

    subject: Digest
    types: tuple[str, ...] = ()
    status: ArtifactStatus = ArtifactStatus.ACTIVE

    @property
    def words(self) -> tuple[str, ...]:
        """Return what a page's token is bound to."""
        return (str(self.subject), self.status.value, *self.types)


@dataclass(frozen=True, slots=True)
class Referrers:
    gate: Gate
    catalog: Catalog

    async def list(
        self, caller: Caller, registry: Registry, name: RepositoryName, query: ReferrerQuery
    ) -> tuple[Sequence[Referrer], bool]:
        """Return referrers in the order of their digests, and whether more follow.

        A subject that was never pushed may have some.

        ListImageReferrers has no action of its own: the gate decides about ecr:BatchGetImage.
        """
        await self.gate.authorize(caller, "ecr:BatchGetImage", RepositoryResource(registry, name))
        return await self.catalog.region(registry.region).read_much(lambda db: _listed(db, registry, name, query))

    async def page(
        self, caller: Caller, registry: Registry, name: RepositoryName, wanted: WantedReferrers, page: PageRequest
    ) -> Page[Referrer]:
        """As `list`, a page of ECR's ListImageReferrers. No image is archived here, so all referrers are active."""
        await self.gate.authorize(caller, "ecr:BatchGetImage", RepositoryResource(registry, name))
        request = ("ListImageReferrers", str(registry), name, *wanted.words)
        (after,) = paging.start(page, request, ("",))
        query = ReferrerQuery(wanted.subject, wanted.types, after, page.limit)
        found, more = await self.catalog.region(registry.region).read_much(
            lambda db: _listed(db, registry, name, query)
        )
        if wanted.status not in _MET_STATUSES:
            return Page((), None)
        return paging.page(found, request, lambda referrer: (str(referrer.digest),), more=more)


def _listed(
    db: Connection, registry: Registry, name: RepositoryName, query: ReferrerQuery
) -> tuple[list[Referrer], bool]:
    repository = repositories.get(db, registry, name)
    return images.referrers(db, repository.id, query.subject, query.types, query.after, query.limit)
