"""Customers' managed policies and their versions in the partition's database. Those of AWS are not rows."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, insert, or_, select, union, update

from twinport.catalog.partition import entities as identities
from twinport.catalog.partition import schema
from twinport.model.entities import ManagedPolicy, Page, PolicyUsage, PolicyUser, PolicyVersion, PrincipalType
from twinport.model.names import AccountId

_boundary = schema.boundary
_policy, _version, _attachment = schema.managed_policy, schema.policy_version, schema.attachment
# In the order of their words, which is the order of lists.
_ENTITIES = {PrincipalType.GROUP: schema.group, PrincipalType.ROLE: schema.role, PrincipalType.USER: schema.user}


@dataclass(frozen=True, slots=True)
class NewPolicy:
    """A managed policy that is to be stored, with the text of its first version."""

    account: AccountId
    policy: ManagedPolicy
    document: str


def is_name_taken(db: Connection, account: AccountId, name: str) -> bool:
    """Tell whether a policy of the account has this name, without regard to case."""
    same_name = (_policy.c.account == account, _policy.c.name_key == name.lower())
    return db.execute(select(_policy.c.arn).where(*same_name)).one_or_none() is not None


def count(db: Connection, account: AccountId) -> int:
    return identities.count(db, _policy, account)


def insert_policy(db: Connection, new: NewPolicy) -> None:
    """Store a policy with its first version and its tags."""
    policy = new.policy
    db.execute(
        insert(_policy).values(
            arn=policy.arn,
            unique_id=policy.unique_id,
            account=new.account,
            name=policy.name,
            name_key=policy.name.lower(),
            path=policy.path,
            description=policy.description,
            default_version=1,
            last_version=1,
            created_at=policy.created_at,
            updated_at=policy.updated_at,
        )
    )
    _insert_version(db, policy.arn, 1, new.document, policy.created_at)
    identities.put_tags(db, policy.arn, policy.tags)


def find(db: Connection, arn: str) -> ManagedPolicy | None:
    """Return a policy with its tags."""
    row = _row(db, arn)
    if row is None:
        return None
    found = _read(row, attachments(db, row.account, arn), boundaries(db, row.account, arn))
    return replace(found, tags=identities.tags(db, arn))


def listed(db: Connection, account: AccountId, prefix: str, page: Page) -> list[ManagedPolicy]:
    """List an account's policies beneath a path, ordered by ARN, without tags: one more than fits, if there is one."""
    beneath = func.substr(_policy.c.path, 1, len(prefix)) == prefix
    query = select(_policy).where(_policy.c.account == account, _policy.c.arn > page.after, beneath)
    rows = db.execute(query.order_by(_policy.c.arn).limit(page.limit + 1)).all()
    attached, bounding = _counted(db, account, _attachment), _counted(db, account, _boundary)
    return [_read(row, attached.get(row.arn, 0), bounding.get(row.arn, 0)) for row in rows]


def remove(db: Connection, arn: str) -> None:
    """Delete a policy with its versions and its tags."""
    identities.remove_tags(db, arn, [tag.key for tag in identities.tags(db, arn)])
    db.execute(delete(_version).where(_version.c.policy_arn == arn))
    db.execute(delete(_policy).where(_policy.c.arn == arn))


def is_attached(db: Connection, arn: str) -> bool:
    """Tell whether an entity of any account has a policy."""
    query = select(_attachment.c.owner_id).where(_attachment.c.policy_arn == arn)
    return db.execute(query.limit(1)).first() is not None


def is_a_boundary(db: Connection, arn: str) -> bool:
    """Tell whether a policy bounds an entity of any account."""
    return db.execute(select(_boundary.c.owner_id).where(_boundary.c.policy_arn == arn).limit(1)).first() is not None


def attachments(db: Connection, account: AccountId, arn: str) -> int:
    """Count an account's users, groups and roles that a policy is attached to."""
    owner = _attachment.c.owner_id
    query = select(func.count()).select_from(_attachment).where(_attachment.c.policy_arn == arn, _owned(account, owner))
    return db.execute(query).scalar_one()


def boundaries(db: Connection, account: AccountId, arn: str) -> int:
    """Count an account's users and roles that a policy bounds."""
    owner = _boundary.c.owner_id
    query = select(func.count()).select_from(_boundary).where(_boundary.c.policy_arn == arn, _owned(account, owner))
    return db.execute(query).scalar_one()


def entities(db: Connection, account: AccountId, arn: str, usage: PolicyUsage | None) -> list[PolicyUser]:
    """List an account's entities that use a policy in one way, or in any: by kind, then by name."""
    uses = {PolicyUsage.PERMISSIONS: _attachment, PolicyUsage.BOUNDARY: _boundary}
    tables = [table for way, table in uses.items() if usage in (None, way)]
    owners = union(*(select(table.c.owner_id).where(table.c.policy_arn == arn) for table in tables)).subquery()
    found: list[PolicyUser] = []
    for kind, table in _ENTITIES.items():
        chosen = table.c.unique_id.in_(select(owners.c.owner_id))
        rows = db.execute(select(table).where(table.c.account == account, chosen).order_by(table.c.name_key))
        found += [PolicyUser(kind, row.unique_id, row.name, row.path) for row in rows]
    return found


# --- versions ---------------------------------------------------------------------------------------------


def versions(db: Connection, arn: str) -> list[PolicyVersion]:
    """List a policy's versions, the newest first; none for a policy that does not exist."""
    row = _row(db, arn)
    if row is None:
        return []
    rows = db.execute(select(_version).where(_version.c.policy_arn == arn).order_by(_version.c.version.desc()))
    return [_read_version(each, row.default_version) for each in rows]


def add_version(db: Connection, arn: str, document: str, now: datetime) -> PolicyVersion:
    """Add a version to a policy that exists. It is not the default yet."""
    last: int = db.execute(select(_policy.c.last_version).where(_policy.c.arn == arn)).scalar_one()
    number = last + 1
    _insert_version(db, arn, number, document, now)
    db.execute(update(_policy).where(_policy.c.arn == arn).values(last_version=number, updated_at=now))
    return PolicyVersion(f"v{number}", document, is_default=False, created_at=now)


def set_default(db: Connection, arn: str, found: PolicyVersion, now: datetime) -> None:
    """Make a version the default, which is in force."""
    number = _number(found)
    db.execute(update(_policy).where(_policy.c.arn == arn).values(default_version=number, updated_at=now))


def remove_version(db: Connection, arn: str, found: PolicyVersion) -> None:
    db.execute(delete(_version).where(_version.c.policy_arn == arn, _version.c.version == _number(found)))


def _row(db: Connection, arn: str) -> Row[Any] | None:
    return db.execute(select(_policy).where(_policy.c.arn == arn)).one_or_none()


def _owned(account: AccountId, owner: ColumnElement[str]) -> ColumnElement[bool]:
    users = select(schema.user.c.unique_id).where(schema.user.c.account == account)
    groups = select(schema.group.c.unique_id).where(schema.group.c.account == account)
    roles = select(schema.role.c.unique_id).where(schema.role.c.account == account)
    return or_(owner.in_(users), owner.in_(groups), owner.in_(roles))


def _insert_version(db: Connection, arn: str, number: int, document: str, now: datetime) -> None:
    values = {"policy_arn": arn, "version": number, "document": document, "created_at": now}
    db.execute(insert(_version).values(values))


def _number(found: PolicyVersion) -> int:
    return int(found.id.removeprefix("v"))


def _counted(db: Connection, account: AccountId, table: Table) -> dict[str, int]:
    """Count, for each policy, the entities of an account that it is attached to or bounds, in one query."""
    query = select(table.c.policy_arn, func.count()).where(_owned(account, table.c.owner_id))
    return {row[0]: row[1] for row in db.execute(query.group_by(table.c.policy_arn))}


def _read(row: Row[Any], attached: int, bounding: int) -> ManagedPolicy:
    return ManagedPolicy(
        arn=row.arn,
        unique_id=row.unique_id,
        name=row.name,
        path=row.path,
        default_version=f"v{row.default_version}",
        created_at=row.created_at,
        updated_at=row.updated_at,
        description=row.description,
        attachments=attached,
        boundaries=bounding,
    )


def _read_version(row: Row[Any], default: int) -> PolicyVersion:
    return PolicyVersion(f"v{row.version}", row.document, row.version == default, row.created_at)
