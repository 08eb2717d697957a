"""Repositories: their rows, tags and policies.

A repository that is deleted is renamed to its id and belongs to no registry (`remove`). So no verb finds it, since each
looks for it by account and name. Its contents are deleted afterwards, some rows at a time: `catalog.regional.removals`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, bindparam, cast, delete, select, update

from twinport.catalog.engine import statements
from twinport.catalog.engine.columns import Text
from twinport.catalog.engine.prepared import Prepared
from twinport.catalog.regional import schema
from twinport.model.encryption import WITH_KEYS
from twinport.model.images import Mutability, NewRepository, Repository, TagRule
from twinport.model.names import AccountId, Registry, RepositoryId, RepositoryName
from twinport.refusals.images import RepositoryExists, RepositoryNotFound

_repository, _tag, _manifest = schema.repository, schema.repository_tag, schema.manifest
# The account of the rows of deleted repositories: no registry has it, so no query of a registry finds them.
OF_NO_REGISTRY = ""
# Names are of small letters, digits and separators, which all come before it.
_AFTER_EVERY_NAME = "~"
_REMOVED = {"account": OF_NO_REGISTRY, "name": cast(_repository.c.id, Text), "policy": None}

# The columns that a repository is read from, apart from its registry.
COLUMNS = (
    _repository.c.id,
    _repository.c.name,
    _repository.c.created_at,
    _repository.c.mutability,
    _repository.c.exclusions,
    _repository.c.scan_on_push,
    _repository.c.encryption,
    _repository.c.kms_key,
)
# Every verb runs one of these.
_FOUND = select(_repository).where(
    _repository.c.account == bindparam("account"), _repository.c.name == bindparam("name")
)


class Against(Enum):
    """What a transaction keeps other transactions from doing to a repository. On SQLite they wait in any case."""

    REMOVAL = "removal"
    CHANGES = "removal and changes"
    WRITERS = "removal, changes and pushes"
    ALL = "whatever refers to it"


_FIND = Prepared(lambda _: _FOUND)
_LOCK = {
    Against.REMOVAL: Prepared(lambda _: _FOUND.with_for_update(read=True, key_share=True)),
    Against.CHANGES: Prepared(lambda _: _FOUND.with_for_update(read=True)),
    Against.WRITERS: Prepared(lambda _: _FOUND.with_for_update(key_share=True)),
    Against.ALL: Prepared(lambda _: _FOUND.with_for_update()),
}


def find(db: Connection, repository: RepositoryId) -> Repository | None:
    row = _FIND.first(db, account=repository.account, name=repository.name)
    return None if row is None else of_row(repository.registry, row)


def get(db: Connection, repository: RepositoryId) -> Repository:
    """As `find`, for a repository that must exist. Raises RepositoryNotFound."""
    found = find(db, repository)
    if found is None:
        raise RepositoryNotFound(repository.name, repository.account)
    return found


def lock(db: Connection, repository: RepositoryId, against: Against) -> Repository:
    """As `get`; until it ends, the transaction keeps others from doing what the repository is locked against."""
    found = find_locked(db, repository, against)
    if found is None:
        raise RepositoryNotFound(repository.name, repository.account)
    return found


def find_locked(db: Connection, repository: RepositoryId, against: Against) -> Repository | None:
    """As `lock`, for a repository that need not exist."""
    row = _LOCK[against].first(db, account=repository.account, name=repository.name)
    return None if row is None else of_row(repository.registry, row)


def insert(db: Connection, repository: RepositoryId, new: NewRepository, now: datetime) -> Repository:
    """Create a repository with its tags and its policy. Raises RepositoryExists."""
    row = {
        "account": repository.account,
        "name": repository.name,
        "created_at": now,
        "mutability": new.tag_rule.mutability.value,
        "exclusions": json.dumps(new.tag_rule.exclusions),
        "scan_on_push": new.scan_on_push,
        "encryption": new.encryption,
        "kms_key": new.kms_key,
        "policy": new.policy,
    }
    if not statements.insert_absent(db, _repository, row):
        raise RepositoryExists(repository.name, repository.account)
    made = get(db, repository)
    put_tags(db, made.id, new.tags)
    return made


def listed(db: Connection, registry: Registry, after: str, limit: int, prefix: str = "") -> list[Repository]:
    """Return at most `limit` repositories of a registry in the order of their names, those after `after`.

    With a prefix, only those whose names begin with it: a range of the index, however many others there are.
    """
    chosen = select(_repository).where(_repository.c.account == registry.account, _repository.c.name > after)
    if prefix:
        chosen = chosen.where(_repository.c.name >= prefix, _repository.c.name < prefix + _AFTER_EVERY_NAME)
    return [of_row(registry, row) for row in db.execute(chosen.order_by(_repository.c.name).limit(limit))]


def reaches(db: Connection, account: str, limit: int) -> bool:
    """Tell whether an account has at least `limit` repositories here."""
    query = select(_repository.c.id).where(_repository.c.account == account)
    return db.execute(query.limit(1).offset(limit - 1)).first() is not None


def is_anywhere(db: Connection, name: str, account: AccountId | None) -> bool:
    """Tell whether any registry of the Region, or that of an account, has a repository of a name."""
    query = select(_repository.c.id).where(_repository.c.name == name)
    if account is not None:
        query = query.where(_repository.c.account == account)
    return db.execute(query.limit(1)).first() is not None


def with_keys(db: Connection, limit: int) -> list[tuple[AccountId, RepositoryName]]:
    """Return at most `limit` repositories of this Region that asked for keys of KMS, in the order of their names."""
    query = select(_repository.c.account, _repository.c.name).where(
        _repository.c.encryption.in_(WITH_KEYS), _repository.c.account != OF_NO_REGISTRY
    )
    rows = db.execute(query.order_by(_repository.c.account, _repository.c.name).limit(limit))
    return [(AccountId(row.account), RepositoryName(row.name)) for row in rows]


def has_images(db: Connection, repository_id: int) -> bool:
    return db.execute(select(_manifest.c.digest).where(_manifest.c.repository_id == repository_id)).first() is not None


def keep(db: Connection, repository: Repository) -> None:
    """Keep a repository that was read before from removal until the transaction ends. Raises RepositoryNotFound.

    A new repository of the same name is another one.
    """
    kept = find_locked(db, repository.identity, Against.REMOVAL)
    if kept is None or kept.id != repository.id:
        raise RepositoryNotFound(repository.name, repository.registry.account)


def remove(db: Connection, repository_id: int) -> None:
    """Take a repository, locked against everything, from its registry: its name is free, and no query finds it.

    `catalog.regional.removals` deletes its images, layers and uploads later.
    """
    db.execute(update(_repository).where(_repository.c.id == repository_id).values(_REMOVED))


def remove_some(db: Connection, limit: int) -> int:
    """As `remove`, for at most `limit` repositories of any registry. Tell how many there were."""
    chosen = select(_repository.c.id).where(_repository.c.account != OF_NO_REGISTRY).limit(limit)
    ids = db.execute(chosen.with_for_update()).scalars().all()
    db.execute(update(_repository).where(_repository.c.id.in_(ids)).values(_REMOVED))
    return len(ids)


def set_tag_rule(db: Connection, repository_id: int, rule: TagRule) -> None:
    changes = {"mutability": rule.mutability.value, "exclusions": json.dumps(rule.exclusions)}
    db.execute(update(_repository).where(_repository.c.id == repository_id).values(changes))


def set_scan_on_push(db: Connection, repository_id: int, value: bool) -> None:  # noqa: FBT001 — the column's value
    db.execute(update(_repository).where(_repository.c.id == repository_id).values(scan_on_push=value))


def policy(db: Connection, repository_id: int) -> str | None:
    text: str | None = db.execute(select(_repository.c.policy).where(_repository.c.id == repository_id)).scalar_one()
    return text


def set_policy(db: Connection, repository_id: int, text: str | None) -> None:
    """Store or, with None, remove the repository's policy."""
    changes = {"policy": text, "policy_version": _repository.c.policy_version + 1}
    db.execute(update(_repository).where(_repository.c.id == repository_id).values(changes))


def tags(db: Connection, repository_id: int) -> dict[str, str]:
    rows = db.execute(
        select(_tag.c.key, _tag.c.value).where(_tag.c.repository_id == repository_id).order_by(_tag.c.key)
    )
    return {row.key: row.value for row in rows}


def put_tags(db: Connection, repository_id: int, new: Mapping[str, str]) -> None:
    """Add tags to a repository, replacing the values of those it has."""
    for key, value in new.items():
        statements.upsert(db, _tag, {"repository_id": repository_id, "key": key}, {"value": value})


def remove_tags(db: Connection, repository_id: int, keys: Sequence[str]) -> None:
    db.execute(delete(_tag).where(_tag.c.repository_id == repository_id, _tag.c.key.in_(keys)))


def of_row(registry: Registry, row: Any) -> Repository:
    """Read a row that has the columns of a repository."""
    return Repository(
        id=row.id,
        registry=registry,
        name=RepositoryName(row.name),
        created_at=row.created_at,
        tag_rule=TagRule(Mutability(row.mutability), tuple(json.loads(row.exclusions))),
        scan_on_push=row.scan_on_push,
        encryption=row.encryption,
        kms_key=row.kms_key,
    )
