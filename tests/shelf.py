"""A repository with something in it, for tests of images that need no upload."""

import json
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, func, select

from tests.fakes import NOW, REGISTRY
from twinport.catalog.engine import statements
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import registries, repositories, schema
from twinport.model.content import Digest
from twinport.model.images import NewRepository, Repository, TagRule
from twinport.model.manifests import OCI_INDEX, OCI_MANIFEST
from twinport.model.names import Registry, RepositoryId, RepositoryName
from twinport.model.replication import DeliveryReport, ReplicationConfiguration, ReplicationRule
from twinport.replication.status import DeliveryStatus

API = RepositoryName("team/api")
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Shelf:
    """A repository of one registry and what a test wants to put there or to know."""

    catalog: WholeCatalog
    registry: Registry = REGISTRY
    name: RepositoryName = API

    @property
    def identity(self) -> RepositoryId:
        return self.registry.repository(self.name)

    async def make_repository(self, rule: TagRule | None = None) -> Repository:
        new = NewRepository(tag_rule=rule or TagRule())
        return await self.catalog.region(self.registry.region).write(
            lambda db: repositories.insert(db, self.identity, new, NOW)
        )

    async def hold(self, *blobs: bytes) -> None:
        """Make the repository hold blobs, as finished uploads would."""

        def link(db: Connection) -> None:
            repository = repositories.get(db, self.identity)
            for content in blobs:
                digest = str(Digest.of(content))
                row = {"digest": digest, "key": str(uuid4()), "size": len(content), "created_at": NOW}
                statements.insert_absent(db, schema.blob, row)
                row = {"repository_id": repository.id, "digest": digest, "linked_at": NOW}
                statements.insert_absent(db, schema.repository_blob, row)

        await self.catalog.region(self.registry.region).write(link)

    async def replicate_to(self, *destinations: Registry) -> None:
        rules = ReplicationConfiguration((ReplicationRule(destinations),))
        await self.catalog.region(self.registry.region).write(
            lambda db: registries.set_replication(db, self.registry.account, rules, "AROA")
        )

    async def owed(self) -> list[DeliveryReport]:
        """Return what the registry owes, the first first."""
        reports = (await DeliveryStatus(self.catalog).page(self.registry, 1000, None)).reports
        return list(reversed(reports))

    async def count(self) -> dict[str, int]:
        """Count the rows of every table: nothing changed if no count did."""
        tables = schema.regional.sorted_tables
        return await self.catalog.region(self.registry.region).read(
            lambda db: {
                table.name: db.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
            }
        )


def entry(content: bytes, media_type: str = LAYER_TYPE, **more: object) -> dict[str, object]:
    """Write a descriptor of some content."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **more}


def image_of(config: bytes, *layers: bytes, **more: object) -> bytes:
    """Write an OCI image manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": entry(config, CONFIG_TYPE),
        "layers": [entry(layer) for layer in layers],
        **more,
    }
    return json.dumps(document).encode()


def index_of(*manifests: bytes, **more: object) -> bytes:
    """Write an OCI index."""
    entries = [entry(manifest, OCI_MANIFEST) for manifest in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}).encode()
