"""Uploads that begin without a Region's key, for tests that look at something else."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from twinport.catalog import upload_requests
from twinport.catalog.regional import repositories, schema
from twinport.catalog.regional.uploads import Upload, UploadQuota
from twinport.catalog.upload_requests import Asked
from twinport.clock import Clock, ManualClock
from twinport.model import upload_ids
from twinport.model.identities import Caller
from twinport.model.images import Repository
from twinport.model.names import RepositoryId
from twinport.model.upload_ids import NONCES, UploadId
from twinport.refusals.images import RepositoryNotFound, UploadNotFound


@dataclass(frozen=True, slots=True)
class PlainUploadIds:
    """Ids without a secret: their mark is the repository's number."""

    clock: Clock = field(default_factory=ManualClock)

    async def issue(self, caller: Caller, repository: Repository) -> str:
        del caller
        return str(UploadId(int(self.clock.now().timestamp()), secrets.randbelow(NONCES), repository.id))

    async def is_issued(self, caller: Caller, repository: Repository, text: str) -> bool:
        del caller
        found = upload_ids.parse(text)
        return found is not None and found.mark == repository.id and found.may_begin(self.clock.now())


def open_upload(db: Connection, repository: RepositoryId, id_: str, now: datetime) -> None:
    """Make the row of an upload without bytes, as earlier versions did, so that the next part only lets it grow."""
    owner = repositories.get(db, repository)
    row = {"id": id_, "repository_id": owner.id, "account": repository.account, "size": 0}
    db.execute(schema.upload.insert().values(**row, created_at=now, touched_at=now))


def read_upload(db: Connection, repository: RepositoryId, id_: str) -> Upload:
    """Return an open upload that has a row. Raises RepositoryNotFound, UploadNotFound."""
    found = upload_requests.find(db, Asked(repository, id_), UploadQuota())
    if found.repository is None:
        raise RepositoryNotFound(repository.name, repository.account)
    if found.upload is None:
        raise UploadNotFound(id_, repository.name, repository.account)
    return found.upload
