"""Departures from a Region: the manifests and blobs of an image that is owed to another registry."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from twinport.catalog.engine.statements import batches
from twinport.catalog.regional import repositories
from twinport.catalog.regional.schema import blob, manifest, manifest_blob, manifest_child
from twinport.model.cargo import BlobEntry, Cargo, ManifestEntry
from twinport.model.content import Digest, Key
from twinport.model.names import Registry, RepositoryName
from twinport.refusals.images import ImageNotFound, LayerNotFound


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
    blobs, damaged = _blobs(db, repository.id, manifests)
    for blob_digest, entry in blobs.items():
        if entry is None:
            raise LayerNotFound(str(blob_digest), name, source.account)
    present = {entry.digest: entry for entry in blobs.values() if entry}
    return Cargo(repository.id, digest, manifests, present, frozenset(damaged))


def contents(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, bytes]:
    """Return the bytes of manifests; those that are gone are missing from the answer."""
    query = select(manifest.c.digest, manifest.c.content).where(manifest.c.repository_id == repository_id)
    return {
        Digest.parse(row.digest): row.content
        for names in batches(str(digest) for digest in digests)
        for row in db.execute(query.where(manifest.c.digest.in_(names)))
    }


def _manifests(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, ManifestEntry]:
    found: dict[Digest, ManifestEntry] = {}
    for names in batches(str(digest) for digest in digests):
        children = _children(db, repository_id, names)
        query = select(manifest.c.digest, manifest.c.media_type, func.length(manifest.c.content).label("size"))
        query = query.where(manifest.c.repository_id == repository_id, manifest.c.digest.in_(names))
        for row in db.execute(query):
            digest = Digest.parse(row.digest)
            found[digest] = ManifestEntry(digest, row.media_type, row.size, tuple(children.get(row.digest, ())))
    return found


def _children(db: Connection, repository_id: int, parents: list[str]) -> dict[str, list[Digest]]:
    query = select(manifest_child.c.parent, manifest_child.c.child).where(
        manifest_child.c.repository_id == repository_id, manifest_child.c.parent.in_(parents)
    )
    children: dict[str, list[Digest]] = {}
    for link in db.execute(query.order_by(manifest_child.c.child)):
        children.setdefault(link.parent, []).append(Digest.parse(link.child))
    return children


def _blobs(
    db: Connection, repository_id: int, manifests: Iterable[Digest]
) -> tuple[dict[Digest, BlobEntry | None], set[Digest]]:
    """Return the blobs that manifests name, None for one without a row; and which of them are damaged."""
    known = manifest_blob.outerjoin(blob, blob.c.digest == manifest_blob.c.digest)
    columns = (manifest_blob.c.digest, blob.c.size, blob.c.key, blob.c.damage)
    query = select(*columns).distinct().select_from(known)
    found: dict[Digest, BlobEntry | None] = {}
    damaged: set[Digest] = set()
    for names in batches(str(digest) for digest in manifests):
        mine = (manifest_blob.c.repository_id == repository_id, manifest_blob.c.manifest.in_(names))
        for row in db.execute(query.where(*mine)):
            digest = Digest.parse(row.digest)
            found[digest] = BlobEntry(digest, row.size, Key(row.key)) if row.key is not None else None
            if row.damage is not None:
                damaged.add(digest)
    return found, damaged
