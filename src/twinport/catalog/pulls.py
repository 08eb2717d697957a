"""What a pull reads: the facts that decide about it, and what it serves, by one statement.

So a pull costs one read of the Region. A caller of this module decides by `facts` before it tells anything of the rest.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, FromClause, and_, bindparam, case, func, select

from twinport.catalog import permissions
from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared, Row
from twinport.catalog.regional import images, schema, storage
from twinport.catalog.regional.blobs import StoredBlob
from twinport.model.content import Digest, Key
from twinport.model.images import ImageId, ImageStatus, StoredManifest
from twinport.model.names import RepositoryId
from twinport.model.repository_facts import RepositoryFacts

_repository, _manifest, _tag = schema.repository, schema.manifest, schema.tag
_blob, _held = schema.blob, schema.repository_blob
# A larger manifest is read by a statement of its own, once the pull is allowed.
_SMALL = 1 << 16
_FACTS = 4


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """A manifest of a repository, if both are there. `is_large`: its content is not read yet (`content`)."""

    facts: RepositoryFacts
    repository_id: int | None
    manifest: StoredManifest | None
    is_large: bool = False
    # That of the Region when this was read (`WholeCatalog.version`).
    version: int | None = None


@dataclass(frozen=True, slots=True)
class FoundBlob:
    """A blob of a repository, if both are there."""

    facts: RepositoryFacts
    is_repository_there: bool
    blob: StoredBlob | None
    # As above.
    version: int | None = None


def manifest(db: Connection, repository: RepositoryId, image: ImageId) -> FoundManifest:
    """Find an image by its tag or digest. If both are given, the tag must name the digest."""
    asked = {"account": repository.account, "name": repository.name}
    if image.tag is not None:
        row = _BY_TAG.first(db, **asked, tag=image.tag)
    else:
        row = _BY_DIGEST.first(db, **asked, digest=str(image.digest))
    assert row is not None  # noqa: S101 — the question itself is a row
    facts, (version, repository_id, *rest) = permissions.facts(row[:_FACTS]), row[_FACTS:]
    found = _manifest_of(tuple(rest), image)
    return FoundManifest(facts, repository_id, found, found is not None and rest[-1] is None, version)


def large_manifest(db: Connection, repository_id: int, found: StoredManifest) -> StoredManifest | None:
    """Return a large manifest that was found, with its content; None if it was removed since."""
    return images.stored(db, repository_id, found.digest, found.tag)


def blob(db: Connection, repository: RepositoryId, digest: Digest) -> FoundBlob:
    """Find a blob that a repository holds."""
    row = _BLOB.first(db, account=repository.account, name=repository.name, digest=str(digest))
    assert row is not None  # noqa: S101 — as above
    facts, (version, repository_id, key, size, damage) = permissions.facts(row[:_FACTS]), row[_FACTS:]
    stored = None if key is None else StoredBlob(Key(key), size, damage)
    return FoundBlob(facts, repository_id is not None, stored, version)


def _manifest_of(row: Row, image: ImageId) -> StoredManifest | None:
    name, media_type, status, content = row
    if name is None or (image.digest is not None and str(image.digest) != name):
        return None
    found = ImageStatus.ACTIVE if status is None else ImageStatus(status)
    return StoredManifest(content or b"", image.digest or Digest.parse(name), media_type, image.tag, found)


def _by_tag(engine: str) -> Any:
    source = permissions.asked_repository()
    tagged = and_(_tag.c.repository_id == _repository.c.id, _tag.c.name == bindparam("tag"))
    named = and_(_manifest.c.repository_id == _tag.c.repository_id, _manifest.c.digest == _tag.c.digest)
    return _manifests(engine, source.outerjoin(_tag, tagged).outerjoin(_manifest, named))


def _by_digest(engine: str) -> Any:
    source = permissions.asked_repository()
    named = and_(_manifest.c.repository_id == _repository.c.id, _manifest.c.digest == bindparam("digest"))
    return _manifests(engine, source.outerjoin(_manifest, named))


def _manifests(engine: str, source: FromClause) -> Any:
    content = case((func.length(_manifest.c.content) <= _SMALL, _manifest.c.content))
    return select(
        *permissions.fact_columns(engine),
        statements.version(engine),
        _repository.c.id,
        _manifest.c.digest,
        _manifest.c.media_type,
        schema.image_storage.c.status,
        content,
    ).select_from(source.outerjoin(schema.image_storage, storage.OF_THE_IMAGE))


def _blobs(engine: str) -> Any:
    source = permissions.asked_repository()
    # Joined by themselves: PostgreSQL 18 may look for the constant digest in `blob` alone, and find what is not held.
    linked = _held.join(_blob, _blob.c.digest == _held.c.digest)
    held = and_(_held.c.repository_id == _repository.c.id, _held.c.digest == bindparam("digest"))
    source = source.outerjoin(linked, held)
    return select(
        *permissions.fact_columns(engine),
        statements.version(engine),
        _repository.c.id,
        _blob.c.key,
        _blob.c.size,
        _blob.c.damage,
    ).select_from(source)


_BY_TAG, _BY_DIGEST, _BLOB = Prepared(_by_tag), Prepared(_by_digest), Prepared(_blobs)
