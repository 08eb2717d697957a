"""What leaves a Region: the manifests and blobs of an image that is owed elsewhere."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from twinport.catalog import repositories
from twinport.catalog.schema import blob, manifest, manifest_blob, manifest_child
from twinport.errors import ImageNotFound, LayerNotFound
from twinport.model.cargo import BlobEntry, Cargo, ManifestEntry
from twinport.model.content import Digest, Key
from twinport.model.names import Registry, RepositoryName


def cargo(db: Connection, source: Registry, name: RepositoryName, digest: Digest) -> Cargo:
    """Describe an image with all that it refers to. Raises a NotFound if any of it is gone."""
    repository = repositories.get(db, source, name)
    manifests: dict[Digest, ManifestEntry] = {}
    wanted = {digest}
    while wanted:
        found = _manifests(db, repository.id, wanted)
        for missing in wanted - found.keys():
            raise ImageNotFound(str(missing), None, name, source.account)
        manifests |= found
        wanted = {child for entry in found.values() for child in entry.children} - manifests.keys()
    blobs = _blobs(db, repository.id, manifests)
    for blob_digest, entry in blobs.items():
        if entry is None:
            raise LayerNotFound(str(blob_digest), name, source.account)
    return Cargo(repository.id, digest, manifests, {entry.digest: entry for entry in blobs.values() if entry})


def contents(db: Connection, repository_id: int, digests: Collection[Digest]) -> dict[Digest, bytes]:
    """Return the bytes of manifests; those that are gone are missing from the answer."""
    rows = db.execute(
        select(manifest.c.digest, manifest.c.content).where(
            manifest.c.repository_id == repository_id, manifest.c.digest.in_([str(each) for each in digests])
        )
    )
    return {Digest.parse(row.digest): row.content for row in rows}


def _manifests(db: Connection, repository_id: int, digests: Collection[Digest]) -> dict[Digest, ManifestEntry]:
    names = [str(digest) for digest in digests]
    children: dict[str, list[Digest]] = {name: [] for name in names}
    links = select(manifest_child.c.parent, manifest_child.c.child).where(
        manifest_child.c.repository_id == repository_id, manifest_child.c.parent.in_(names)
    )
    for link in db.execute(links.order_by(manifest_child.c.child)):
        children[link.parent].append(Digest.parse(link.child))
    rows = db.execute(
        select(manifest.c.digest, manifest.c.media_type, func.length(manifest.c.content).label("size")).where(
            manifest.c.repository_id == repository_id, manifest.c.digest.in_(names)
        )
    )
    entries = (
        ManifestEntry(Digest.parse(row.digest), row.media_type, row.size, tuple(children[row.digest])) for row in rows
    )
    return {entry.digest: entry for entry in entries}


def _blobs(db: Connection, repository_id: int, manifests: Collection[Digest]) -> dict[Digest, BlobEntry | None]:
    rows = db.execute(
        select(manifest_blob.c.digest, blob.c.size, blob.c.key)
        .distinct()
        .select_from(manifest_blob.outerjoin(blob, blob.c.digest == manifest_blob.c.digest))
        .where(
            manifest_blob.c.repository_id == repository_id,
            manifest_blob.c.manifest.in_([str(each) for each in manifests]),
        )
    )
    found: dict[Digest, BlobEntry | None] = {}
    for row in rows:
        digest = Digest.parse(row.digest)
        found[digest] = BlobEntry(digest, row.size, Key(row.key)) if row.key is not None else None
    return found
