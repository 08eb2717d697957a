"""The rows of IAM's entities: users and roles, and what every kind has: its tags, its quota, its pages.

Names are unique without regard to case and found by their exact spelling.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, delete, func, insert, select, update

from twinport.catalog.engine import statements
from twinport.catalog.partition import principal_ids, schema, service_uses
from twinport.model.entities import Group, Page, Role, Tag, User
from twinport.model.letters import lower_ascii
from twinport.model.names import AccountId

_user, _role, _tag, _boundary = schema.user, schema.role, schema.identity_tag, schema.boundary
_TABLES: Mapping[type[User | Group | Role], Table] = {User: _user, Role: _role, Group: schema.group}


# --- users ------------------------------------------------------------------------------------------------


def find_user(db: Connection, account: AccountId, name: str) -> User | None:
    row = db.execute(select(_user).where(_user.c.account == account, _user.c.name == name)).one_or_none()
    return replace(read_user(row), **_hanging(db, row.unique_id)) if row else None


def user_of_id(db: Connection, unique_id: str) -> User | None:
    """Return the user of a unique id, without tags."""
    row = db.execute(select(_user).where(_user.c.unique_id == unique_id)).one_or_none()
    return read_user(row) if row else None


def insert_user(db: Connection, user: User) -> None:
    """Store a new user with its tags and its boundary."""
    db.execute(
        insert(_user).values(
            unique_id=user.unique_id,
            account=user.account,
            name=user.name,
            name_key=user.name.lower(),
            path=user.path,
            created_at=user.created_at,
        )
    )
    put_tags(db, user.unique_id, user.tags)
    set_boundary(db, user.unique_id, user.boundary)


def count_users(db: Connection, account: AccountId) -> int:
    return count(db, _user, account)


def users(db: Connection, account: AccountId, prefix: str, page: Page) -> list[User]:
    """List users beneath a path in the order of their names, without tags: one more than fits, if there is one."""
    return [read_user(row) for row in db.execute(listing(_user, account, prefix, page))]


def rename_user(db: Connection, user: User) -> None:
    """Store a user's new name and path."""
    changes = {"name": user.name, "name_key": user.name.lower(), "path": user.path}
    db.execute(update(_user).where(_user.c.unique_id == user.unique_id).values(changes))


def is_in_a_group(db: Connection, user: User) -> bool:
    groups = select(schema.membership.c.group_id).where(schema.membership.c.user_id == user.unique_id)
    return db.execute(groups.limit(1)).first() is not None


def delete_user(db: Connection, user: User) -> None:
    """Delete a user with its tags and its boundary."""
    _forget(db, _user, user.unique_id)


# --- roles ------------------------------------------------------------------------------------------------


def find_role(db: Connection, account: AccountId, name: str) -> Role | None:
    row = db.execute(select(_role).where(_role.c.account == account, _role.c.name == name)).one_or_none()
    return replace(_read_role(db, row), **_hanging(db, row.unique_id)) if row else None


def find_service_role(db: Connection, account: AccountId, service: str) -> Role | None:
    """Return the service-linked role of a service."""
    row = db.execute(select(_role).where(_role.c.account == account, _role.c.service == service)).one_or_none()
    return replace(_read_role(db, row), **_hanging(db, row.unique_id)) if row else None


def remove_service_role(db: Connection, unique_id: str) -> None:
    """Delete a service-linked role with its policy and its tags, if it is there."""
    db.execute(delete(schema.attachment).where(schema.attachment.c.owner_id == unique_id))
    _forget(db, _role, unique_id)


def insert_role(db: Connection, role: Role, trust: str) -> None:
    """Store a new role with its tags and its boundary. `trust` is its document with unique ids (`principal_ids`)."""
    db.execute(
        insert(_role).values(
            unique_id=role.unique_id,
            account=role.account,
            name=role.name,
            name_key=role.name.lower(),
            path=role.path,
            trust=trust,
            description=role.description,
            max_session_seconds=int(role.max_session.total_seconds()),
            service=role.service,
            created_at=role.created_at,
        )
    )
    put_tags(db, role.unique_id, role.tags)
    set_boundary(db, role.unique_id, role.boundary)


def count_roles(db: Connection, account: AccountId) -> int:
    return count(db, _role, account)


def roles(db: Connection, account: AccountId, prefix: str, page: Page) -> list[Role]:
    """List roles beneath a path in the order of their names, without tags: one more than fits, if there is one."""
    return [_read_role(db, row) for row in db.execute(listing(_role, account, prefix, page))]


def roles_of_ids(db: Connection, unique_ids: Iterable[str]) -> dict[str, Role]:
    """Return the roles that have these unique ids, mapped by unique id, without tags."""
    found: dict[str, Role] = {}
    for some in statements.batches(unique_ids):
        rows = db.execute(select(_role).where(_role.c.unique_id.in_(some)))
        found |= {row.unique_id: _read_role(db, row) for row in rows}
    return found


def update_role(db: Connection, role: Role) -> None:
    """Store the properties of a role that may change, except its trust: description and the longest session."""
    changes = {
        "description": role.description,
        "max_session_seconds": int(role.max_session.total_seconds()),
    }
    db.execute(update(_role).where(_role.c.unique_id == role.unique_id).values(changes))


def set_trust(db: Connection, unique_id: str, trust: str) -> None:
    """Replace a role's trust document by one with unique ids (`principal_ids`)."""
    db.execute(update(_role).where(_role.c.unique_id == unique_id).values(trust=trust))


def stored_trust(db: Connection, unique_id: str) -> str | None:
    """Return a role's trust document as the gate reads it, with unique ids for the principals that it names."""
    text: str | None = db.execute(select(_role.c.trust).where(_role.c.unique_id == unique_id)).scalar()
    return text


def is_in_an_instance_profile(db: Connection, role: Role) -> bool:
    profiles = select(schema.instance_profile.c.unique_id).where(schema.instance_profile.c.role_id == role.unique_id)
    return db.execute(profiles.limit(1)).first() is not None


def delete_role(db: Connection, role: Role) -> None:
    """Delete a role with its tags and its boundary."""
    _forget(db, _role, role.unique_id)


# --- tags -------------------------------------------------------------------------------------------------


def tags(db: Connection, owner: str) -> tuple[Tag, ...]:
    """Return an entity's tags in the order of their keys."""
    rows = db.execute(select(_tag.c.key, _tag.c.value).where(_tag.c.owner_id == owner).order_by(_tag.c.key_lower))
    return tuple(Tag(row.key, row.value) for row in rows)


def put_tags(db: Connection, owner: str, given: Iterable[Tag]) -> None:
    """Add tags, replacing those of the same keys."""
    for tag in given:
        key = {"owner_id": owner, "key_lower": lower_ascii(tag.key)}
        statements.upsert(db, _tag, key, {"key": tag.key, "value": tag.value})


def count_tags(db: Connection, owner: str) -> int:
    return db.execute(select(func.count()).select_from(_tag).where(_tag.c.owner_id == owner)).scalar_one()


def remove_tags(db: Connection, owner: str, keys: Iterable[str]) -> None:
    """Remove tags. Keys that are absent are ignored."""
    lowered = [lower_ascii(key) for key in keys]
    db.execute(delete(_tag).where(_tag.c.owner_id == owner, _tag.c.key_lower.in_(lowered)))


# --- permissions boundaries ---------------------------------------------------------------------------------


def boundary(db: Connection, owner: str) -> str | None:
    """Return the ARN of the policy that bounds a user or role."""
    text: str | None = db.execute(select(_boundary.c.policy_arn).where(_boundary.c.owner_id == owner)).scalar()
    return text


def set_boundary(db: Connection, owner: str, arn: str | None) -> None:
    """Bound a user or role by this policy alone, or by none."""
    db.execute(delete(_boundary).where(_boundary.c.owner_id == owner))
    if arn is not None:
        db.execute(insert(_boundary).values(owner_id=owner, policy_arn=arn))


# --- what every kind of entity shares -----------------------------------------------------------------------


def listing(table: Table, account: AccountId, prefix: str, page: Page) -> Select[Any]:
    """Select the rows that sort after the page's key. The prefix is compared as text, since LIKE has wildcards."""
    beneath = func.substr(table.c.path, 1, len(prefix)) == prefix
    query = select(table).where(table.c.account == account, table.c.name_key > page.after, beneath)
    return query.order_by(table.c.name_key).limit(page.limit + 1)


def id_of_name(db: Connection, kind: type[User | Group | Role], account: AccountId, name: str) -> str | None:
    """Return the unique id of an account's entity of this kind and name, without regard to case."""
    table = _TABLES[kind]
    same_name = (table.c.account == account, table.c.name_key == name.lower())
    found: str | None = db.execute(select(table.c.unique_id).where(*same_name)).scalar()
    return found


def count(db: Connection, table: Table, account: AccountId) -> int:
    """Count an account's rows of a table."""
    return db.execute(select(func.count()).select_from(table).where(table.c.account == account)).scalar_one()


def has_attached_policy(db: Connection, owner: str) -> bool:
    attached = schema.attachment
    return db.execute(select(attached.c.policy_arn).where(attached.c.owner_id == owner).limit(1)).first() is not None


def has_inline_policy(db: Connection, owner: str) -> bool:
    inline = schema.inline_policy
    return db.execute(select(inline.c.name).where(inline.c.owner_id == owner).limit(1)).first() is not None


def _hanging(db: Connection, owner: str) -> dict[str, Any]:
    return {"tags": tags(db, owner), "boundary": boundary(db, owner)}


def _forget(db: Connection, table: Table, unique_id: str) -> None:
    set_boundary(db, unique_id, None)
    service_uses.forget(db, unique_id)
    db.execute(delete(_tag).where(_tag.c.owner_id == unique_id))
    db.execute(delete(table).where(table.c.unique_id == unique_id))


def read_user(row: Row[Any]) -> User:
    return User(
        row.unique_id,
        AccountId(row.account),
        row.name,
        row.path,
        row.created_at,
        password_last_used_at=row.password_last_used_at,
    )


def _read_role(db: Connection, row: Row[Any]) -> Role:
    return Role(
        unique_id=row.unique_id,
        account=AccountId(row.account),
        name=row.name,
        path=row.path,
        trust=principal_ids.shown(db, row.trust),
        created_at=row.created_at,
        description=row.description,
        max_session=timedelta(seconds=row.max_session_seconds),
        service=row.service,
        last_used_at=row.last_used_at,
        last_used_region=row.last_used_region,
    )
