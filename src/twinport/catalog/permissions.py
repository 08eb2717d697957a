"""What the gate reads to decide about a request: the policies of a principal and of a repository, and their tags."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    FromClause,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from twinport.catalog.engine.prepared import Prepared, Row
from twinport.catalog.partition import accounts
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema
from twinport.model.account_settings import PolicyScope
from twinport.model.names import Registry, RepositoryId
from twinport.model.repository_facts import RegistryPolicy, RepositoryFacts

_inline, _attached = partition_schema.inline_policy, partition_schema.attachment
_managed, _version = partition_schema.managed_policy, partition_schema.policy_version
_repository, _registry = regional_schema.repository, regional_schema.registry

_user, _role, _group = partition_schema.user, partition_schema.role, partition_schema.group
_default_version = and_(_version.c.policy_arn == _managed.c.arn, _version.c.version == _managed.c.default_version)
_documents = select(_managed.c.arn, _version.c.document).join(_version, _default_version)
_tags = select(partition_schema.identity_tag.c.key, partition_schema.identity_tag.c.value).where(
    partition_schema.identity_tag.c.owner_id == bindparam("id")
)
# A principal has its own policies, and a user also has those of its groups.
_groups = select(partition_schema.membership.c.group_id).where(partition_schema.membership.c.user_id == bindparam("id"))
_NOTHING = cast(null(), Text)
# How the databases write no tags at all.
_NO_TAGS = (None, "{}")


def _part(kind: str, first: Any, second: Any = _NOTHING, third: Any = _NOTHING) -> Any:
    """Return a part of what a principal holds, in the form that all parts have."""
    return select(literal(kind, Text), cast(first, Text), cast(second, Text), cast(third, Text))


def _holdings_statement(_engine: str) -> Any:
    """Return everything that a principal or a group holds, by one statement: rows of a kind and three texts."""
    owner: Any = bindparam("id")
    boundary, tags = partition_schema.boundary, partition_schema.identity_tag
    inline = _part("inline", _inline.c.name, _inline.c.document, _group.c.name)
    inline = inline.select_from(_inline.outerjoin(_group, _group.c.unique_id == _inline.c.owner_id))
    own_or_groups = or_(_attached.c.owner_id == owner, _attached.c.owner_id.in_(_groups))
    attached = select(_attached.c.policy_arn).where(own_or_groups).distinct().subquery("attached")
    managed = attached.outerjoin(_managed, _managed.c.arn == attached.c.policy_arn).outerjoin(
        _version, _default_version
    )
    return union_all(
        _part("principal", _user.c.unique_id).where(_user.c.unique_id == owner, ~accounts.is_disabled(_user.c.account)),
        _part("principal", _role.c.unique_id).where(_role.c.unique_id == owner, ~accounts.is_disabled(_role.c.account)),
        _part("boundary", boundary.c.policy_arn).where(boundary.c.owner_id == owner),
        inline.where(or_(_inline.c.owner_id == owner, _inline.c.owner_id.in_(_groups))),
        _part("attached", attached.c.policy_arn, _version.c.document).select_from(managed),
        _part("tag", tags.c.key, tags.c.value).where(tags.c.owner_id == owner),
    )


_HOLDINGS = Prepared(_holdings_statement)
_repository_tag = regional_schema.repository_tag
_registry_policy = Prepared(
    lambda _: select(_registry.c.policy, _registry.c.policy_scope).where(_registry.c.account == bindparam("account"))
)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a user (with its groups) or a role holds: inline documents, the ARNs of attached policies, and tags.

    Inline documents are mapped by name, those of a group as `group/NAME/POLICY`. Attached policies are mapped by ARN,
    to their document in force if they are a customer's. `boundary` is the ARN of the policy that bounds the user or
    role.
    """

    inline: Mapping[str, str]
    attached: Mapping[str, str | None]
    tags: Mapping[str, str]
    boundary: str | None


def holdings(db: Connection, principal_id: str) -> Holdings | None:
    """Return what a user or role holds; None when none has this unique id any more, or its account is disabled."""
    rows = _HOLDINGS.all(db, id=principal_id)
    return _held(rows) if any(kind == "principal" for kind, *_ in rows) else None


def group_holdings(db: Connection, group_id: str) -> Holdings:
    """Return the policies and tags of a group, which is no principal."""
    return _held(_HOLDINGS.all(db, id=group_id))


def _held(rows: Sequence[Row]) -> Holdings:
    parts: dict[str, list[Row]] = {}
    for kind, *texts in rows:
        parts.setdefault(kind, []).append(tuple(texts))
    bounding = parts.get("boundary", ())
    return Holdings(
        inline={_inline_name(name, group): document for name, document, group in parts.get("inline", ())},
        attached={arn: document for arn, document, _ in parts.get("attached", ())},
        tags={key: value for key, value, _ in parts.get("tag", ())},
        boundary=bounding[0][0] if bounding else None,
    )


def _inline_name(name: str, group: str | None) -> str:
    return name if group is None else f"group/{group}/{name}"


def documents(db: Connection, arns: Sequence[str]) -> dict[str, str]:
    """Return the documents in force of customers' managed policies, by ARN; those of AWS are not rows."""
    rows = db.execute(_documents.where(_managed.c.arn.in_(arns)))
    return {row.arn: row.document for row in rows}


def identity_tags(db: Connection, owner: str) -> dict[str, str]:
    """Return the tags of a user or role by unique id, or of a managed policy by ARN."""
    return {row.key: row.value for row in db.execute(_tags, {"id": owner})}


def registry_policy(db: Connection, registry: Registry) -> RegistryPolicy | None:
    row = _registry_policy.first(db, account=registry.account)
    return None if row is None else _registrys(*row)


def repository(db: Connection, repository: RepositoryId) -> RepositoryFacts:
    """Return what decides about a repository, by one statement."""
    row = _FACTS.first(db, account=repository.account, name=repository.name)
    assert row is not None  # noqa: S101 — the question itself is a row
    return facts(row)


# --- the same, for statements that read more (`catalog.pulls`) ---------------------------------------------


def asked_repository() -> FromClause:
    """Return the source of one row, whether or not the asked repository is there."""
    asked = select(
        cast(bindparam("account"), Text).label("account"), cast(bindparam("name"), Text).label("name")
    ).subquery("asked")
    return with_repository(asked, asked.c.account, asked.c.name)


def with_repository(asked: FromClause, account: Any, name: Any) -> FromClause:
    """Return the rows of a source, each beside its registry and its repository if they are there."""
    of_that_name = and_(_repository.c.account == account, _repository.c.name == name)
    return asked.outerjoin(_registry, _registry.c.account == account).outerjoin(_repository, of_that_name)


def fact_columns(engine: str) -> tuple[Any, ...]:
    """Return the columns that `facts` reads."""
    collected = func.json_group_object if engine == "sqlite" else func.json_object_agg
    tags = select(cast(collected(_repository_tag.c.key, _repository_tag.c.value), Text))
    own_tags = tags.where(_repository_tag.c.repository_id == _repository.c.id).scalar_subquery()
    return _registry.c.policy, _registry.c.policy_scope, _repository.c.policy, own_tags


def facts(row: Row) -> RepositoryFacts:
    """Read the values of `fact_columns`."""
    registrys_policy, scope, policy, tags = row
    return RepositoryFacts(_registrys(registrys_policy, scope), policy, {} if tags in _NO_TAGS else json.loads(tags))


_FACTS = Prepared(lambda engine: select(*fact_columns(engine)).select_from(asked_repository()))


def _registrys(text: str | None, scope: str | None) -> RegistryPolicy | None:
    return None if text is None else RegistryPolicy(text, PolicyScope(scope or PolicyScope.V2))
