"""What the gate reads to decide about a request: the policies of a principal and of a repository, and their tags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, or_, select, union_all

from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema
from twinport.model.account_settings import PolicyScope
from twinport.model.names import Registry

_inline, _attached = partition_schema.inline_policy, partition_schema.attachment
_managed, _version = partition_schema.managed_policy, partition_schema.policy_version
_repository, _registry = regional_schema.repository, regional_schema.registry

_principal = union_all(
    select(partition_schema.user.c.unique_id).where(partition_schema.user.c.unique_id == bindparam("id")),
    select(partition_schema.role.c.unique_id).where(partition_schema.role.c.unique_id == bindparam("id")),
)
# A principal has its own policies, and a user also has those of its groups.
_groups = select(partition_schema.membership.c.group_id).where(partition_schema.membership.c.user_id == bindparam("id"))
_inline_documents = (
    select(_inline.c.name, _inline.c.document, partition_schema.group.c.name.label("group_name"))
    .join_from(_inline, partition_schema.group, partition_schema.group.c.unique_id == _inline.c.owner_id, isouter=True)
    .where(or_(_inline.c.owner_id == bindparam("id"), _inline.c.owner_id.in_(_groups)))
)
_attached_arns = (
    select(_attached.c.policy_arn)
    .where(or_(_attached.c.owner_id == bindparam("id"), _attached.c.owner_id.in_(_groups)))
    .distinct()
)
_boundary = select(partition_schema.boundary.c.policy_arn).where(
    partition_schema.boundary.c.owner_id == bindparam("id")
)
_default_version = and_(_version.c.policy_arn == _managed.c.arn, _version.c.version == _managed.c.default_version)
_documents = select(_managed.c.arn, _version.c.document).join(_version, _default_version)
_tags = select(partition_schema.identity_tag.c.key, partition_schema.identity_tag.c.value).where(
    partition_schema.identity_tag.c.owner_id == bindparam("id")
)
_repository_policy = select(_repository.c.id, _repository.c.policy).where(
    _repository.c.account == bindparam("account"), _repository.c.name == bindparam("name")
)
_repository_tags = select(regional_schema.repository_tag.c.key, regional_schema.repository_tag.c.value).where(
    regional_schema.repository_tag.c.repository_id == bindparam("repository_id")
)
_registry_policy = select(_registry.c.policy, _registry.c.policy_scope).where(
    _registry.c.account == bindparam("account")
)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a user (with its groups) or a role holds: inline documents, the ARNs of attached policies, and tags.

    Inline documents are mapped by name, those of a group as `group/NAME/POLICY`. `boundary` is the ARN of the policy
    that bounds the user or role.
    """

    inline: Mapping[str, str]
    attached: tuple[str, ...]
    tags: Mapping[str, str]
    boundary: str | None


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """A repository's policy and tags; of a missing repository, neither."""

    policy: str | None
    tags: Mapping[str, str]


def holdings(db: Connection, principal_id: str) -> Holdings | None:
    """Return what a user or role holds, or None when no principal has this unique id any more."""
    chosen = {"id": principal_id}
    if db.execute(_principal, chosen).first() is None:
        return None
    return _holdings(db, principal_id, db.execute(_boundary, chosen).scalar())


def group_holdings(db: Connection, group_id: str) -> Holdings:
    """Return the policies and tags of a group, which is no principal."""
    return _holdings(db, group_id, None)


def _holdings(db: Connection, owner_id: str, boundary: str | None) -> Holdings:
    chosen = {"id": owner_id}
    return Holdings(
        inline={_inline_name(row.name, row.group_name): row.document for row in db.execute(_inline_documents, chosen)},
        attached=tuple(db.execute(_attached_arns, chosen).scalars()),
        tags=identity_tags(db, owner_id),
        boundary=boundary,
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


def repository(db: Connection, registry: Registry, name: str) -> RepositoryFacts:
    row = db.execute(_repository_policy, {"account": registry.account, "name": name}).one_or_none()
    if row is None:
        return RepositoryFacts(None, {})
    tags = db.execute(_repository_tags, {"repository_id": row.id})
    return RepositoryFacts(row.policy, {tag.key: tag.value for tag in tags})


def registry_policy(db: Connection, registry: Registry) -> tuple[str, PolicyScope] | None:
    """Return the policy of a registry, if it has one, and the scope in which it counts."""
    row = db.execute(_registry_policy, {"account": registry.account}).one_or_none()
    return None if row is None or row.policy is None else (row.policy, PolicyScope(row.policy_scope or PolicyScope.V2))
