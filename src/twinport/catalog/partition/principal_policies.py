"""The policies of users, groups and roles: inline ones with their text, managed ones by ARN."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from twinport.catalog.engine import statements
from twinport.catalog.partition import entities, groups, schema
from twinport.errors import LimitReached
from twinport.model.entities import Page, PolicyOwner, PrincipalType
from twinport.model.names import AccountId
from twinport.refusals.identities import EntityNotFound, PolicyNotFound

_inline, _attachment = schema.inline_policy, schema.attachment
ATTACHED_MOST = 10


def find(db: Connection, account: AccountId, kind: PrincipalType, name: str) -> PolicyOwner | None:
    match kind:
        case PrincipalType.USER:
            return entities.find_user(db, account, name)
        case PrincipalType.GROUP:
            return groups.find(db, account, name)
        case PrincipalType.ROLE:
            return entities.find_role(db, account, name)


def get(db: Connection, account: AccountId, kind: PrincipalType, name: str) -> PolicyOwner:
    """Return a user, group or role. Raises EntityNotFound."""
    found = find(db, account, kind, name)
    if found is None:
        raise EntityNotFound(kind.value, name)
    return found


def get_own(db: Connection, account: AccountId, kind: PrincipalType, name: str) -> PolicyOwner:
    """Return a user, group or role whose policies its account may change. Raises EntityNotFound, RoleUnmodifiable."""
    match kind:
        case PrincipalType.USER:
            return entities.get_user(db, account, name)
        case PrincipalType.GROUP:
            return groups.get(db, account, name)
        case PrincipalType.ROLE:
            return entities.get_own_role(db, account, name)


# --- inline -----------------------------------------------------------------------------------------------


def put_inline(db: Connection, owner: PolicyOwner, name: str, document: str, *, most: int) -> None:
    """Store an inline policy. Raises LimitReached if all of the owner's together pass `most` characters.

    Blanks do not count, as everywhere in IAM's sizes.
    """
    statements.upsert(db, _inline, {"owner_id": owner.unique_id, "name": name}, {"document": document})
    texts = db.execute(select(_inline.c.document).where(_inline.c.owner_id == owner.unique_id)).scalars()
    if sum(len("".join(text.split())) for text in texts) > most:
        raise LimitReached(f"Maximum policy size of {most} bytes exceeded for {_kind(owner)} {owner.name}")


def inline(db: Connection, owner: PolicyOwner, name: str) -> str:
    """Return the text of an inline policy. Raises EntityNotFound."""
    query = select(_inline.c.document).where(_inline.c.owner_id == owner.unique_id, _inline.c.name == name)
    found = db.execute(query).scalar()
    if found is None:
        raise EntityNotFound(f"{_kind(owner)} policy", name)
    return str(found)


def remove_inline(db: Connection, owner: PolicyOwner, name: str) -> None:
    """Delete an inline policy. Raises EntityNotFound."""
    inline(db, owner, name)
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
    """Attach a policy; doing so again changes nothing. Raises LimitReached past ten."""
    row = {"owner_id": owner.unique_id, "policy_arn": arn, "attached_at": now}
    statements.insert_absent(db, _attachment, row)
    count = select(func.count()).select_from(_attachment).where(_attachment.c.owner_id == owner.unique_id)
    if db.execute(count).scalar_one() > ATTACHED_MOST:
        raise LimitReached(f"Cannot exceed quota for PoliciesPer{_kind(owner).capitalize()}: {ATTACHED_MOST}")


def detach(db: Connection, owner: PolicyOwner, arn: str) -> None:
    """Detach a policy. Raises PolicyNotFound if it is not attached."""
    mine = (_attachment.c.owner_id == owner.unique_id, _attachment.c.policy_arn == arn)
    if not db.execute(delete(_attachment).where(*mine)).rowcount:
        raise PolicyNotFound(arn)


def attached(db: Connection, owner: PolicyOwner) -> list[str]:
    """List the ARNs of the policies attached, in their order."""
    query = select(_attachment.c.policy_arn).where(_attachment.c.owner_id == owner.unique_id)
    return list(db.execute(query.order_by(_attachment.c.policy_arn)).scalars())


def _kind(owner: PolicyOwner) -> str:
    return type(owner).__name__.lower()
