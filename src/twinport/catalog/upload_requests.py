"""What a request of an upload reads by one statement: the facts that decide, the repository, the upload, the digest.

As in `catalog.pulls`, a caller of this module decides by `facts` before it tells anything of the rest.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, true

from twinport.catalog import permissions
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import repositories, schema, uploads
from twinport.catalog.regional.blobs import StoredBlob
from twinport.catalog.regional.uploads import Upload, UploadQuota, Used
from twinport.model.content import Digest, Key
from twinport.model.images import Repository
from twinport.model.names import RepositoryId
from twinport.model.repository_facts import RepositoryFacts

_upload, _blob = schema.upload, schema.blob
_FACTS = 4


@dataclass(frozen=True, slots=True)
class Found:
    """The repository, if it is there, and its open upload of an id.

    `has_row`: an upload of this id is or was open, in this repository or another. `used` is what the account's uploads
    take of their quota. `standing` is where the bytes of the digest lie, whichever repository holds it; no client may
    learn that.
    """

    facts: RepositoryFacts
    repository: Repository | None
    upload: Upload | None
    has_row: bool
    used: Used
    standing: StoredBlob | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request names, as far as it names it."""

    repository: RepositoryId
    upload_id: str = ""
    digest: Digest | None = None


def find(db: Connection, asked: Asked, quota: UploadQuota) -> Found:
    """Find what a request names."""
    row = _FIND.first(
        db,
        account=asked.repository.account,
        name=asked.repository.name,
        upload_id=asked.upload_id,
        digest=str(asked.digest or ""),
        most=quota.uploads,
    )
    assert row is not None  # noqa: S101 — the question itself is a row
    repository = None if row.id is None else repositories.of_row(asked.repository.registry, row)
    return Found(
        facts=permissions.facts(row[:_FACTS]),
        repository=repository,
        upload=None if repository is None else _open_upload(asked.upload_id, repository, row),
        has_row=row.owner is not None,
        used=Used(int(row.uploads), int(row.held)),
        standing=None if row.standing_key is None else _standing(row),
    )


def _open_upload(upload_id: str, repository: Repository, row: Any) -> Upload | None:
    is_open = row.owner == repository.id and row.ended_at is None
    return uploads.of_row(upload_id, repository, row) if is_open else None


def _standing(row: Any) -> StoredBlob:
    return StoredBlob(Key(row.standing_key), row.standing_size, row.damage)


def _finding(engine: str) -> Any:
    used = uploads.used()
    source = permissions.asked_repository().join(used, true())
    source = source.outerjoin(_upload, _upload.c.id == bindparam("upload_id"))
    source = source.outerjoin(uploads.LAST, uploads.IS_LAST)
    return select(
        *permissions.fact_columns(engine),
        *repositories.COLUMNS,
        _upload.c.repository_id.label("owner"),
        _upload.c.ended_at,
        *uploads.COLUMNS,
        used.c.uploads,
        used.c.held,
        _blob.c.key.label("standing_key"),
        _blob.c.size.label("standing_size"),
        _blob.c.damage,
    ).select_from(source.outerjoin(_blob, _blob.c.digest == bindparam("digest")))


_FIND = Prepared(_finding)
