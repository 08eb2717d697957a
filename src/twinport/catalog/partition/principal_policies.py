"""The policies of users, groups and roles: inline ones with their text, managed ones by ARN."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from twinport.catalog.engine import statements
from twinport.catalog.partition import entities, groups, schema
from twinport.model.entities import Page, PolicyOwner, PrincipalType
from twinport.model.names import AccountId

_inline, _attachment = schema.inline_policy, schema.attachment


def find(db: Connection, account: AccountId, kind: PrincipalType, name: str) -> PolicyOwner | None:
    match kind:
        case PrincipalType.USER:
            return entities.find_user(db, account, name)
        case PrincipalType.GROUP:
            return groups.find(db, account, name)
        case PrincipalType.ROLE:
            return entities.find_role(db, account, name)


# --- inline -----------------------------------------------------------------------------------------------


def put_inline(db: Connection, owner: PolicyOwner, name: str, document: str) -> None:
    statements.upsert(db, _inline, {"owner_id": owner.unique_id, "name": name}, {"document": document})


def inline(db: Connection, owner: PolicyOwner, name: str) -> str | None:
    """Return the text of an inline policy."""
    query = select(_inline.c.document).where(_inline.c.owner_id == owner.unique_id, _inline.c.name == name)
    text: str | None = db.execute(query).scalar()
    return text


def remove_inline(db: Connection, owner: PolicyOwner, name: str) -> None:
    db.execute(delete(_inline).where(_inline.c.owner_id == owner.unique_id, _inline.c.name == name))


def inline_names(db: Connection, owner: PolicyOwner, page: Page) -> list[str]:
    """List names in their order: one more than fits, if there is one."""
    query = select(_inline.c.name).where(_inline.c.owner_id == owner.unique_id, _inline.c.name > page.after)
    return list(db.execute(query.order_by(_inline.c.name).limit(page.limit + 1)).scalars())


def inline_documents(db: Connection, owner: PolicyOwner) -> list[tuple[str, str]]:
    """List all inline policies with their texts, in the order of their names."""
    query = select(_inline.c.name, _inline.c.document).where(_inline.c.owner_id == owner.unique_id)
    return [(row.name, row.document) for row in db.execute(query.order_by(_inline.c.name))]


# --- attached ---------------------------------------------------------------------------------------------


def attach(db: Connection, owner: PolicyOwner, arn: str, now: datetime) -> None:
    """Attach a policy; doing so again changes nothing."""
    row = {"owner_id": owner.unique_id, "policy_arn": arn, "attached_at": now}
    statements.insert_absent(db, _attachment, row)


def count_attached(db: Connection, owner: PolicyOwner) -> int:
    query = select(func.count()).select_from(_attachment).where(_attachment.c.owner_id == owner.unique_id)
    return db.execute(query).scalar_one()


def detach(db: Connection, owner: PolicyOwner, arn: str) -> bool:
    """Detach a policy. Tell whether it was attached."""
    mine = (_attachment.c.owner_id == owner.unique_id, _attachment.c.policy_arn == arn)
    return db.execute(delete(_attachment).where(*mine)).rowcount > 0


def attached(db: Connection, owner: PolicyOwner) -> list[str]:
    """List the ARNs of the policies attached, in their order."""
    query = select(_attachment.c.policy_arn).where(_attachment.c.owner_id == owner.unique_id)
    return list(db.execute(query.order_by(_attachment.c.policy_arn)).scalars())
