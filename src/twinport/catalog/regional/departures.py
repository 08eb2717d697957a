"""Departures from a Region: the manifests and blobs of an image that is owed to another registry."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from twinport.catalog.engine.statements import batches
from twinport.catalog.regional import repositories
from twinport.catalog.regional.blobs import StoredBlob
from twinport.catalog.regional.schema import blob, manifest, manifest_blob, manifest_child
from twinport.model.cargo import BLOB, Cargo
from twinport.model.content import Digest, Key
from twinport.model.manifests import Descriptor
from twinport.model.names import RepositoryId
from twinport.refusals.images import ImageNotFound, LayerNotFound


def cargo(db: Connection, repository: RepositoryId, digest: Digest) -> Cargo:
    """Describe an image with all that it refers to. Raises a NotFound if any of it is gone."""
    row = repositories.get(db, repository)
    manifests: dict[Digest, Descriptor] = {}
    children: dict[Digest, tuple[Digest, ...]] = {}
    wanted = {digest}
    while wanted:
        found = _manifests(db, row.id, wanted)
        for missing in wanted - found.keys():
            raise ImageNotFound(str(missing), None, repository.name, repository.account)
        manifests |= found
        below = _children(db, row.id, wanted)
        children |= below
        wanted = {child for named in below.values() for child in named} - manifests.keys()
    stored = _blobs(db, row.id, manifests)
    present = {digest: blob for digest, blob in stored.items() if blob is not None}
    for missing in stored.keys() - present.keys():
        raise LayerNotFound(str(missing), repository.name, repository.account)
    return Cargo(
        repository_id=row.id,
        root=digest,
        manifests=manifests,
        children=children,
        blobs={digest: Descriptor(BLOB, digest, blob.size) for digest, blob in present.items()},
        keys={digest: blob.key for digest, blob in present.items()},
        damaged=frozenset(digest for digest, blob in present.items() if blob.damage is not None),
    )


def contents(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, bytes]:
    """Return the bytes of manifests; those that are gone are missing from the answer."""
    query = select(manifest.c.digest, manifest.c.content).where(manifest.c.repository_id == repository_id)
    return {
        Digest.parse(row.digest): row.content
        for names in batches(str(digest) for digest in digests)
        for row in db.execute(query.where(manifest.c.digest.in_(names)))
    }


def _manifests(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, Descriptor]:
    found: dict[Digest, Descriptor] = {}
    for names in batches(str(digest) for digest in digests):
        query = select(manifest.c.digest, manifest.c.media_type, func.length(manifest.c.content).label("size"))
        query = query.where(manifest.c.repository_id == repository_id, manifest.c.digest.in_(names))
        for row in db.execute(query):
            digest = Digest.parse(row.digest)
            found[digest] = Descriptor(row.media_type, digest, row.size)
    return found


def _children(db: Connection, repository_id: int, digests: Iterable[Digest]) -> dict[Digest, tuple[Digest, ...]]:
    children: dict[Digest, tuple[Digest, ...]] = {}
    for parents in batches(str(digest) for digest in digests):
        query = select(manifest_child.c.parent, manifest_child.c.child).where(
            manifest_child.c.repository_id == repository_id, manifest_child.c.parent.in_(parents)
        )
        for link in db.execute(query.order_by(manifest_child.c.child)):
            parent = Digest.parse(link.parent)
            children[parent] = (*children.get(parent, ()), Digest.parse(link.child))
    return children


def _blobs(db: Connection, repository_id: int, manifests: Iterable[Digest]) -> dict[Digest, StoredBlob | None]:
    """Return the blobs that manifests name, None for one without a row."""
    known = manifest_blob.outerjoin(blob, blob.c.digest == manifest_blob.c.digest)
    columns = (manifest_blob.c.digest, blob.c.size, blob.c.key, blob.c.damage)
    query = select(*columns).distinct().select_from(known)
    found: dict[Digest, StoredBlob | None] = {}
    for names in batches(str(digest) for digest in manifests):
        mine = (manifest_blob.c.repository_id == repository_id, manifest_blob.c.manifest.in_(names))
        for row in db.execute(query.where(*mine)):
            found[Digest.parse(row.digest)] = (
                None if row.key is None else StoredBlob(Key(row.key), row.size, row.damage)
            )
    return found
