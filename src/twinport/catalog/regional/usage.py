"""Which repositories hold each blob of a Region: a page of blobs at a time, for those that count all bytes."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from twinport.catalog.regional import schema
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.names import AccountId, RepositoryName
from twinport.model.usage import HeldBlob

_blob, _held, _repository = schema.blob, schema.repository_blob, schema.repository


@dataclass(frozen=True, slots=True)
class BlobPage:
    """Blobs in the order of their digests, and the last digest: None if no blob follows."""

    blobs: list[HeldBlob]
    after: str | None


def page(db: Connection, after: str, limit: int) -> BlobPage:
    """Return the blobs after a digest. Deleted repositories hold nothing."""
    query = select(_blob.c.digest, _blob.c.size).where(_blob.c.digest > after).order_by(_blob.c.digest).limit(limit)
    sizes = {row.digest: row.size for row in db.execute(query)}
    holders: dict[str, list[tuple[AccountId, RepositoryName]]] = {digest: [] for digest in sizes}
    held = select(_held.c.digest, _repository.c.account, _repository.c.name).join(
        _repository, _repository.c.id == _held.c.repository_id
    )
    for row in db.execute(held.where(_held.c.digest.in_(sizes), _repository.c.account != OF_NO_REGISTRY)):
        holders[row.digest].append((AccountId(row.account), RepositoryName(row.name)))
    found = [HeldBlob(size, holders[digest]) for digest, size in sizes.items()]
    return BlobPage(found, max(sizes) if len(sizes) == limit else None)
