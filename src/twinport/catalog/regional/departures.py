"""Departures from a Region: the manifests and blobs of an image that is owed to another registry."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from twinport.catalog.engine.statements import batches
from twinport.catalog.regional import repositories
from twinport.catalog.regional.blobs import StoredBlob
from twinport.catalog.regional.schema import blob, manifest, manifest_blob, manifest_child
from twinport.errors import NotFound
from twinport.model.cargo import BLOB, Cargo
from twinport.model.content import Digest, Key
from twinport.model.images import Repository
from twinport.model.manifests import Descriptor
from twinport.model.names import RepositoryId
from twinport.refusals.images import ImageNotFound, LayerNotFound


def cargo(db: Connection, repository: RepositoryId, digest: Digest) -> Cargo:
    """Describe an image with all that it refers to. Raises a NotFound if any of it is gone."""
    found = cargoes(db, repository, [digest])[digest]
    if isinstance(found, NotFound):
        raise found
    return found


def cargoes(db: Connection, repository: RepositoryId, digests: Iterable[Digest]) -> dict[Digest, Cargo | NotFound]:
    """As `cargo`, for several images: what would be raised stands for an image of which something is gone."""
    roots = list(dict.fromkeys(digests))
    try:
        tree = _tree(db, repositories.get(db, repository), roots)
    except NotFound as refusal:
        return dict.fromkeys(roots, refusal)
    return {digest: tree.cargo(digest) for digest in roots}


@dataclass(frozen=True, slots=True)
class _Tree:
    """What some images of a repository refer to, directly or not. A blob without a row is None."""

    repository: Repository
    manifests: dict[Digest, Descriptor]
    children: dict[Digest, tuple[Digest, ...]]
    blobs: dict[Digest, dict[Digest, StoredBlob | None]]

    def cargo(self, root: Digest) -> Cargo | NotFound:
        name, account = self.repository.name, self.repository.registry.account
        below = self._below(root)
        for digest in below:
            if digest not in self.manifests:
                return ImageNotFound(str(digest), None, name, account)
        stored = {digest: blob for each in below for digest, blob in self.blobs.get(each, {}).items()}
        present = {digest: blob for digest, blob in stored.items() if blob is not None}
        for missing in stored.keys() - present.keys():
            return LayerNotFound(str(missing), name, account)
        return Cargo(
            repository_id=self.repository.id,
            root=root,
            manifests={digest: self.manifests[digest] for digest in below},
            children={digest: self.children[digest] for digest in below if digest in self.children},
            blobs={digest: Descriptor(BLOB, digest, blob.size) for digest, blob in present.items()},
            keys={digest: blob.key for digest, blob in present.items()},
            damaged=frozenset(digest for digest, blob in present.items() if blob.damage is not None),
        )

    def _below(self, root: Digest) -> list[Digest]:
        """Return an image and all that it refers to, each once."""
        found = {root: None}
        left = [root]
        while left:
            new = [child for child in self.children.get(left.pop(), ()) if child not in found]
            found.update(dict.fromkeys(new))
            left += new
        return list(found)


def _tree(db: Connection, repository: Repository, roots: Iterable[Digest]) -> _Tree:
    manifests: dict[Digest, Descriptor] = {}
    children: dict[Digest, tuple[Digest, ...]] = {}
    seen: set[Digest] = set()
    wanted = set(roots)
    while wanted:
        manifests |= _manifests(db, repository.id, wanted)
        below = _children(db, repository.id, wanted)
        children |= below
        seen |= wanted
        wanted = {child for named in below.values() for child in named} - seen
    return _Tree(repository, manifests, children, _blobs(db, repository.id, manifests))


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


def _blobs(
    db: Connection, repository_id: int, manifests: Iterable[Digest]
) -> dict[Digest, dict[Digest, StoredBlob | None]]:
    """Return the blobs that each manifest names, None for one without a row."""
    known = manifest_blob.outerjoin(blob, blob.c.digest == manifest_blob.c.digest)
    columns = (manifest_blob.c.manifest, manifest_blob.c.digest, blob.c.size, blob.c.key, blob.c.damage)
    query = select(*columns).select_from(known)
    found: dict[Digest, dict[Digest, StoredBlob | None]] = {}
    for names in batches(str(digest) for digest in manifests):
        mine = (manifest_blob.c.repository_id == repository_id, manifest_blob.c.manifest.in_(names))
        for row in db.execute(query.where(*mine)):
            stored = None if row.key is None else StoredBlob(Key(row.key), row.size, row.damage)
            found.setdefault(Digest.parse(row.manifest), {})[Digest.parse(row.digest)] = stored
    return found
