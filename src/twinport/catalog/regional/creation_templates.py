"""Repository creation templates: a row each, by account and prefix."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from twinport.catalog.engine import statements
from twinport.catalog.regional import lifecycle, schema
from twinport.model.creation_templates import AppliedFor, CreationTemplate, Encryption, StoredTemplate, keys_for
from twinport.model.images import Mutability, Repository, TagRule
from twinport.model.names import AccountId, Registry, RepositoryId
from twinport.refusals.images import TemplateExists, TemplateNotFound

_template = schema.creation_template


def insert(db: Connection, registry: Registry, template: CreationTemplate, now: datetime) -> StoredTemplate:
    """Store a new template. Raises TemplateExists."""
    row = {"account": registry.account, "prefix": template.key, **_settings(template), "created_at": now}
    if not statements.insert_absent(db, _template, {**row, "updated_at": now}):
        raise TemplateExists(template.prefix, registry.account)
    return StoredTemplate(registry, template, now, now)


def get(db: Connection, registry: Registry, key: str) -> CreationTemplate:
    """Return a template. Raises TemplateNotFound."""
    row = db.execute(select(_template).where(*_named(registry, key))).one_or_none()
    if row is None:
        raise TemplateNotFound(key, registry.account)
    return _read(registry, row).template


def lock(db: Connection, registry: Registry, key: str) -> StoredTemplate:
    """Return a template that no other transaction changes meanwhile. Raises TemplateNotFound."""
    row = db.execute(select(_template).where(*_named(registry, key)).with_for_update()).one_or_none()
    if row is None:
        raise TemplateNotFound(key, registry.account)
    return _read(registry, row)


def replace(db: Connection, registry: Registry, template: CreationTemplate, now: datetime) -> None:
    """Give the template with this key other settings."""
    changes = {**_settings(template), "updated_at": now}
    db.execute(update(_template).where(*_named(registry, template.key)).values(changes))


def remove(db: Connection, registry: Registry, key: str) -> StoredTemplate:
    """Delete a template, and return what it was. Raises TemplateNotFound."""
    row = db.execute(delete(_template).where(*_named(registry, key)).returning(*_template.c)).one_or_none()
    if row is None:
        raise TemplateNotFound(key, registry.account)
    return _read(registry, row)


def listed(
    db: Connection, registry: Registry, keys: Collection[str] | None, after: str, limit: int
) -> list[StoredTemplate]:
    """Return at most `limit` templates after the key `after`, in the order of their keys: all, or those of `keys`."""
    if keys is None:
        return _listed(db, registry, None, after, limit)
    found: list[StoredTemplate] = []
    for batch in statements.batches(sorted(key for key in set(keys) if key > after)):
        found += _listed(db, registry, batch, after, limit - len(found))
        if len(found) >= limit:
            break
    return found


def matching(db: Connection, repository: RepositoryId, purpose: AppliedFor) -> StoredTemplate | None:
    """Return the template for a repository that `purpose` creates: of those that match its name, the most specific."""
    keys = keys_for(repository.name)
    rows = db.execute(select(_template).where(_template.c.account == repository.account, _template.c.prefix.in_(keys)))
    fitting = (found for row in rows if purpose in (found := _read(repository.registry, row)).template.applied_for)
    return min(fitting, key=lambda found: keys.index(found.template.key), default=None)


def put_lifecycle(db: Connection, made: Repository, template: CreationTemplate, now: datetime) -> None:
    """Give a repository that a template has just created the template's lifecycle policy, if it has one."""
    if template.lifecycle is not None:
        lifecycle.put(db, made.id, template.lifecycle, "created", now)


def is_any(db: Connection, account: AccountId) -> bool:
    """Tell whether an account has a template here."""
    return db.execute(select(_template.c.prefix).where(_template.c.account == account).limit(1)).first() is not None


def _listed(
    db: Connection, registry: Registry, keys: Collection[str] | None, after: str, limit: int
) -> list[StoredTemplate]:
    query = select(_template).where(_template.c.account == registry.account, _template.c.prefix > after)
    if keys is not None:
        query = query.where(_template.c.prefix.in_(keys))
    return [_read(registry, row) for row in db.execute(query.order_by(_template.c.prefix).limit(limit))]


def _named(registry: Registry, key: str) -> tuple[Any, Any]:
    return _template.c.account == registry.account, _template.c.prefix == key


def _settings(template: CreationTemplate) -> dict[str, Any]:
    return {
        "given_prefix": template.prefix,
        "applied_for": json.dumps([each.value for each in template.applied_for]),
        "description": template.description,
        "encryption": template.encryption.kind,
        "kms_key": template.encryption.key,
        "tags": json.dumps(template.tags, ensure_ascii=False),
        "mutability": template.tag_rule.mutability.value,
        "exclusions": json.dumps(template.tag_rule.exclusions),
        "policy": template.policy,
        "lifecycle": template.lifecycle,
        "role_arn": template.role_arn,
    }


def _read(registry: Registry, row: Row[Any]) -> StoredTemplate:
    template = CreationTemplate(
        prefix=row.given_prefix,
        applied_for=tuple(AppliedFor(value) for value in json.loads(row.applied_for)),
        description=row.description,
        encryption=Encryption(row.encryption, row.kms_key),
        tags=json.loads(row.tags),
        tag_rule=TagRule(Mutability(row.mutability), tuple(json.loads(row.exclusions))),
        policy=row.policy,
        lifecycle=row.lifecycle,
        role_arn=row.role_arn,
    )
    return StoredTemplate(registry, template, row.created_at, row.updated_at)
