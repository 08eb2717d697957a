"""Rules of the policies that users, groups and roles have: inline ones, and attached ones."""

from datetime import datetime

from twinport.catalog.partition import principal_policies
from twinport.catalog.ports import Connection
from twinport.errors import LimitReached
from twinport.identities.rules import groups, roles, users
from twinport.model.entities import PolicyOwner, PrincipalType
from twinport.model.names import AccountId
from twinport.refusals.identities import EntityNotFound, PolicyNotFound

ATTACHED_MOST = 10


def get(db: Connection, account: AccountId, kind: PrincipalType, name: str) -> PolicyOwner:
    """Return a user, group or role. Raises EntityNotFound."""
    found = principal_policies.find(db, account, kind, name)
    if found is None:
        raise EntityNotFound(kind.value, name)
    return found


def get_own(db: Connection, account: AccountId, kind: PrincipalType, name: str) -> PolicyOwner:
    """Return a user, group or role whose policies its account may change. Raises EntityNotFound, RoleUnmodifiable."""
    match kind:
        case PrincipalType.USER:
            return users.get(db, account, name)
        case PrincipalType.GROUP:
            return groups.get(db, account, name)
        case PrincipalType.ROLE:
            return roles.get_own(db, account, name)


def put_inline(db: Connection, owner: PolicyOwner, name: str, document: str, *, most: int) -> None:
    """Store an inline policy. Raises LimitReached if all of the owner's together pass `most` characters.

    Blanks do not count, as everywhere in IAM's sizes.
    """
    principal_policies.put_inline(db, owner, name, document)
    texts = [text for _, text in principal_policies.inline_documents(db, owner)]
    if sum(len("".join(text.split())) for text in texts) > most:
        raise LimitReached(f"Maximum policy size of {most} bytes exceeded for {_kind(owner)} {owner.name}")


def inline(db: Connection, owner: PolicyOwner, name: str) -> str:
    """Return the text of an inline policy. Raises EntityNotFound."""
    found = principal_policies.inline(db, owner, name)
    if found is None:
        raise EntityNotFound(f"{_kind(owner)} policy", name)
    return found


def remove_inline(db: Connection, owner: PolicyOwner, name: str) -> None:
    """Delete an inline policy. Raises EntityNotFound."""
    inline(db, owner, name)
    principal_policies.remove_inline(db, owner, name)


def attach(db: Connection, owner: PolicyOwner, arn: str, now: datetime) -> None:
    """Attach a policy; doing so again changes nothing. Raises LimitReached past ten."""
    principal_policies.attach(db, owner, arn, now)
    if principal_policies.count_attached(db, owner) > ATTACHED_MOST:
        raise LimitReached(f"Cannot exceed quota for PoliciesPer{_kind(owner).capitalize()}: {ATTACHED_MOST}")


def detach(db: Connection, owner: PolicyOwner, arn: str) -> None:
    """Detach a policy. Raises PolicyNotFound if it is not attached."""
    if not principal_policies.detach(db, owner, arn):
        raise PolicyNotFound(arn)


def _kind(owner: PolicyOwner) -> str:
    return type(owner).__name__.lower()
