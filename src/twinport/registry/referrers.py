"""Referrers: the manifests of a repository that name another as their subject."""

from collections.abc import Sequence
from dataclasses import dataclass

from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog.ports import Catalog
from twinport.catalog.regional import images, repositories
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import Referrer
from twinport.model.names import Registry, RepositoryName


@dataclass(frozen=True, slots=True)
class ReferrerQuery:
    """At most `limit` referrers of `subject` after the digest `after`; of the artifact `types`, if any are given."""

    subject: Digest
    types: Sequence[str]
    after: str
    limit: int


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
        return await self.catalog.region(registry.region).read_much(
            lambda db: images.referrers(
                db,
                repositories.get(db, registry, name).id,
                query.subject,
                query.types,
                query.after,
                query.limit,
            )
        )
