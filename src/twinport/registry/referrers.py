"""Referrers: the manifests of a repository that name another as their subject."""

from collections.abc import Sequence
from dataclasses import dataclass

from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import referrer_lists, repositories
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageStatus, Referrer, ReferrerFilter
from twinport.model.names import RepositoryId
from twinport.registry import paging
from twinport.registry.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class ReferrerQuery:
    """At most `limit` referrers of `subject` after the digest `after`; of the artifact `types`, if any are given.

    Without a status it asks for referrers of every status.
    """

    subject: Digest
    types: Sequence[str]
    after: str
    limit: int
    status: ImageStatus | None = ImageStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class WantedReferrers:
    """The referrers of `subject` in a status, or in any; of the artifact `types`, if any are given."""

    subject: Digest
    types: tuple[str, ...] = ()
    status: ImageStatus | None = ImageStatus.ACTIVE

    @property
    def words(self) -> tuple[str, ...]:
        """Return what a page's token is bound to."""
        return (str(self.subject), self.status.value if self.status else "ANY", *self.types)


@dataclass(frozen=True, slots=True)
class Referrers:
    gate: Gate
    catalog: Catalog

    async def list(
        self, caller: Caller, repository: RepositoryId, query: ReferrerQuery
    ) -> tuple[Sequence[Referrer], bool]:
        """Return referrers in the order of their digests, and whether more follow.

        A subject that was never pushed may have some.

        ListImageReferrers has no action of its own: the gate decides about ecr:BatchGetImage.
        """
        await self.gate.authorize(caller, "ecr:BatchGetImage", RepositoryResource(repository))
        return await self.catalog.region(repository.region).read_much(lambda db: _listed(db, repository, query))

    async def page(
        self, caller: Caller, repository: RepositoryId, wanted: WantedReferrers, page: PageRequest
    ) -> Page[Referrer]:
        """As `list`, a page of ECR's ListImageReferrers."""
        await self.gate.authorize(caller, "ecr:BatchGetImage", RepositoryResource(repository))
        request = ("ListImageReferrers", str(repository.registry), repository.name, *wanted.words)
        (after,) = paging.start(page, request, ("",))
        query = ReferrerQuery(wanted.subject, wanted.types, after, page.limit, wanted.status)
        found, more = await self.catalog.region(repository.region).read_much(lambda db: _listed(db, repository, query))
        return paging.page(found, request, lambda referrer: (str(referrer.digest),), more=more)


def _listed(db: Connection, repository: RepositoryId, query: ReferrerQuery) -> tuple[list[Referrer], bool]:
    row = repositories.get(db, repository)
    wanted = ReferrerFilter(query.types, query.status)
    return referrer_lists.find(db, row.id, query.subject, wanted, query.after, query.limit)
