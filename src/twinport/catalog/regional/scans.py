"""Scans of images: which are owed, and what the last one of each image found.

A scan is owed while it has a due time. A process that takes it up changes nothing before the end, so a scan whose
process died is still owed. The row of a scan is locked after its repository and before its findings.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, bindparam, delete, func, select, update

from twinport.catalog.engine import statements
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema
from twinport.catalog.regional.repositories import OF_NO_REGISTRY
from twinport.model.content import Digest
from twinport.model.images import Repository
from twinport.model.manifests import Manifest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryId, RepositoryName
from twinport.model.scanning import (
    Findings,
    Scan,
    ScannedImage,
    ScanningConfiguration,
    ScanState,
    ScanType,
    Severity,
    is_scannable,
    worst_first,
)

_scan, _findings, _repository, _manifest = schema.scan, schema.scan_findings, schema.repository, schema.manifest
# A row holds so many findings, so that a transaction over the rows of one scan stays small.
_IN_A_ROW = 100
# The statement of every description of images.
_OF_IMAGES = Prepared(
    lambda engine: select(_scan).where(
        _scan.c.repository_id == bindparam("repository_id"),
        _scan.c.scan_type == bindparam("scan_type"),
        statements.is_one_of(engine, _scan.c.digest, "digests"),
    )
)
_NO_RESULT = {"completed_at": None, "source_updated_at": None, "counts": None}


@dataclass(frozen=True, slots=True)
class OwedScan:
    """A scan that is due, with the time that names this request for it."""

    repository_id: int
    image: ScannedImage
    scan_type: ScanType
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """How a scan ends. Without findings it has failed. `due_at` is when the next one of this image is due, if any."""

    state: ScanState
    description: str
    findings: Findings | None = None
    due_at: datetime | None = None


# --- owing ------------------------------------------------------------------------------------------------


def owe(
    db: Connection,
    repository: Repository,
    configuration: ScanningConfiguration,
    new: tuple[Digest, Manifest],
    now: datetime,
) -> None:
    """Owe the scan of an image that is new in a repository, if its images are scanned when they are pushed."""
    digest, manifest = new
    if not is_scannable(manifest.config.media_type if manifest.config else None):
        return
    if configuration.applied(repository.name, scan_on_push=repository.scan_on_push).is_on_push:
        request(db, repository.id, digest, configuration.scan_type, now)


def owe_restored(
    db: Connection,
    repository: Repository,
    configuration: ScanningConfiguration,
    restored: Iterable[Digest],
    now: datetime,
) -> None:
    """As `owe`, for images that were restored from the archive: they are scanned as if they were new."""
    if configuration.applied(repository.name, scan_on_push=repository.scan_on_push).is_on_push:
        for batch in statements.batches(restored):
            media_types = _config_media_types(db, repository.id, batch)
            scannable = [digest for digest in batch if is_scannable(media_types.get(digest))]
            _request_all(db, repository.id, scannable, configuration.scan_type, now)


def request(db: Connection, repository_id: int, digest: Digest, scan_type: ScanType, now: datetime) -> None:
    """Owe a scan of an image from now on. Its last result stays until the scan ends."""
    _request_all(db, repository_id, [digest], scan_type, now)


def _request_all(
    db: Connection, repository_id: int, digests: Sequence[Digest], scan_type: ScanType, now: datetime
) -> None:
    state = {"state": ScanState.IN_PROGRESS.value, "description": None, "requested_at": now, "due_at": now}
    key = {"repository_id": repository_id, "scan_type": scan_type.value}
    rows = [{"digest": str(digest), **state} for digest in digests]
    statements.upsert_all(db, _scan, key, ("repository_id", "digest", "scan_type"), rows)


def was_requested_after(
    db: Connection, repository_id: int, digest: Digest, scan_type: ScanType, time: datetime
) -> bool:
    """Tell whether a scan was requested after a time. One that failed does not count: the image was not scanned."""
    query = select(_scan.c.state).where(
        *_is(_scan, repository_id, digest, scan_type),
        _scan.c.requested_at > time,
        _scan.c.state != ScanState.FAILED.value,
    )
    return db.execute(query).first() is not None


def config_media_type(db: Connection, repository_id: int, digest: Digest) -> str | None:
    return _config_media_types(db, repository_id, [digest]).get(digest)


def _config_media_types(db: Connection, repository_id: int, digests: Sequence[Digest]) -> dict[Digest, str | None]:
    query = select(_manifest.c.digest, _manifest.c.config_media_type).where(_manifest.c.repository_id == repository_id)
    rows = db.execute(query.where(_manifest.c.digest.in_([str(digest) for digest in digests])))
    return {Digest.parse(row.digest): row.config_media_type for row in rows}


# --- scanning ---------------------------------------------------------------------------------------------


def due(db: Connection, region: RegionName, now: datetime, limit: int) -> list[OwedScan]:
    """Return at most `limit` scans that are due. Registries take turns: each one's longest due comes first.

    Sorting reads every scan that is due.
    """
    age = (_scan.c.due_at, _scan.c.digest)
    turn = func.row_number().over(partition_by=_repository.c.account, order_by=age)
    columns = (_scan.c.repository_id, _scan.c.digest, _scan.c.scan_type, _scan.c.due_at)
    query = select(*columns, _repository.c.account, _repository.c.name)
    query = query.join(_repository, _repository.c.id == _scan.c.repository_id)
    query = query.where(_scan.c.due_at <= now, _repository.c.account != OF_NO_REGISTRY)
    return [_owed(region, row) for row in db.execute(query.order_by(turn, *age).limit(limit))]


def postpone(db: Connection, owed: OwedScan, until: datetime) -> None:
    db.execute(update(_scan).where(*_is_owed(owed)).values(due_at=until))


def end(db: Connection, owed: OwedScan, ending: Ending, now: datetime) -> bool:
    """Store how a scan ended. Tell whether it was still owed: its image may be gone, or another process was faster."""
    if not _is_there(db, owed.repository_id):
        return False
    changes = {"state": ending.state.value, "description": ending.description, "due_at": ending.due_at}
    changes |= _NO_RESULT if ending.findings is None else _result(ending.findings, now)
    if db.execute(update(_scan).where(*_is_owed(owed)).values(changes)).rowcount == 0:
        return False
    which = _is(_findings, owed.repository_id, owed.image.digest, owed.scan_type)
    db.execute(delete(_findings).where(*which))
    if ending.findings is not None and ending.findings.entries:
        key = _key(owed.repository_id, owed.image.digest, owed.scan_type)
        db.execute(_findings.insert(), [{**key, **row} for row in _rows(worst_first(ending.findings.entries))])
    return True


def forget(db: Connection, repository_id: int, digest: Digest) -> None:
    """Remove the scans of an image that goes."""
    for table in (_scan, _findings):
        db.execute(delete(table).where(table.c.repository_id == repository_id, table.c.digest == str(digest)))


# --- reading ----------------------------------------------------------------------------------------------


def of_image(db: Connection, repository_id: int, digest: Digest, scan_type: ScanType) -> Scan | None:
    return of_images(db, repository_id, [digest], scan_type).get(digest)


def of_images(db: Connection, repository_id: int, digests: Sequence[Digest], scan_type: ScanType) -> dict[Digest, Scan]:
    """Return the scans of these images by one type, as far as there are any."""
    if not digests:
        return {}
    names = json.dumps([str(digest) for digest in digests])
    found = _OF_IMAGES.all(db, repository_id=repository_id, scan_type=scan_type.value, digests=names)
    return {Digest.parse(row.digest): _read(row) for row in found}


def findings(
    db: Connection, repository_id: int, digest: Digest, scan_type: ScanType, part: tuple[int, int]
) -> list[Mapping[str, Any]]:
    """Return a part of a scan's findings: from a position on, so many."""
    first, count = part
    beginning, ending = first // _IN_A_ROW, (first + count) // _IN_A_ROW
    query = select(_findings.c.content).where(*_is(_findings, repository_id, digest, scan_type))
    query = query.where(_findings.c.number.between(beginning, ending)).order_by(_findings.c.number)
    entries = [entry for text in db.execute(query).scalars() for entry in json.loads(text)]
    return entries[first - beginning * _IN_A_ROW :][:count]


# --- private ----------------------------------------------------------------------------------------------


def _key(repository_id: int, digest: Digest, scan_type: ScanType) -> dict[str, Any]:
    return {"repository_id": repository_id, "digest": str(digest), "scan_type": scan_type.value}


def _is(table: Table, repository_id: int, digest: Digest, scan_type: ScanType) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in _key(repository_id, digest, scan_type).items()]


def _is_owed(owed: OwedScan) -> list[ColumnElement[bool]]:
    return [*_is(_scan, owed.repository_id, owed.image.digest, owed.scan_type), _scan.c.due_at == owed.due_at]


def _is_there(db: Connection, repository_id: int) -> bool:
    """Tell whether a repository is not deleted, and keep it from being deleted until the transaction ends."""
    query = select(_repository.c.id).where(_repository.c.id == repository_id, _repository.c.account != OF_NO_REGISTRY)
    return db.execute(query.with_for_update(read=True, key_share=True)).first() is not None


def _owed(region: RegionName, row: Row[*tuple[Any, ...]]) -> OwedScan:
    repository = RepositoryId(Registry(AccountId(row.account), region), RepositoryName(row.name))
    image = ScannedImage(repository, Digest.parse(row.digest))
    return OwedScan(row.repository_id, image, ScanType(row.scan_type), row.due_at)


def _result(found: Findings, now: datetime) -> dict[str, Any]:
    counts = json.dumps({severity.value: count for severity, count in found.counts.items()})
    return {"completed_at": now, "source_updated_at": found.source_updated_at, "counts": counts}


def _rows(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    cut = [entries[first : first + _IN_A_ROW] for first in range(0, len(entries), _IN_A_ROW)]
    return [{"number": number, "content": json.dumps(each)} for number, each in enumerate(cut)]


def _read(row: Any) -> Scan:
    return Scan(
        state=ScanState(row.state),
        description=row.description,
        completed_at=row.completed_at,
        source_updated_at=row.source_updated_at,
        counts={Severity(name): count for name, count in json.loads(row.counts or "{}").items()},
    )
