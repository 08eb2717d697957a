"""Rules of roles, those of services included."""

from twinport.catalog.partition import entities, principal_ids, principal_policies
from twinport.catalog.partition.principal_ids import Unknown
from twinport.catalog.ports import Connection
from twinport.identities.rules.shared import require_bare, require_few_tags, require_free_name, require_quota
from twinport.model.entities import PrincipalType, Role
from twinport.model.names import AccountId
from twinport.refusals.identities import EntityNotFound, PrincipalUnknown, RoleUnmodifiable, StillReferenced

ROLES_PER_ACCOUNT = 1000


def get(db: Connection, account: AccountId, name: str) -> Role:
    """Return a role. Raises EntityNotFound."""
    found = entities.find_role(db, account, name)
    if found is None:
        raise EntityNotFound(PrincipalType.ROLE.value, name)
    return found


def get_own(db: Connection, account: AccountId, name: str) -> Role:
    """Return a role that its account may change. Raises EntityNotFound, or RoleUnmodifiable for a service's."""
    found = get(db, account, name)
    if found.service is not None:
        raise RoleUnmodifiable(name)
    return found


def add(db: Connection, role: Role) -> None:
    """Store a new role with its tags. Raises EntityExists, PrincipalUnknown, or LimitReached when the account is full.

    Service-linked roles count toward the quota and may pass it.
    """
    require_free_name(db, role)
    if role.service is None:
        require_quota(entities.count_roles(db, role.account), "RolesPerAccount", ROLES_PER_ACCOUNT)
    entities.insert_role(db, role, _bound(db, role.trust))
    require_few_tags(db, role.unique_id)


def add_of_service(db: Connection, role: Role, policy_arn: str) -> None:
    """Store a service-linked role with its one policy. Raises EntityExists."""
    add(db, role)
    principal_policies.attach(db, role, policy_arn, role.created_at)


def set_trust(db: Connection, role: Role, document: str) -> None:
    """Replace a role's trust document. Raises PrincipalUnknown."""
    entities.set_trust(db, role.unique_id, _bound(db, document))


def delete(db: Connection, role: Role) -> None:
    """Delete a role that has no policies and is in no instance profile. Raises StillReferenced."""
    if entities.is_in_an_instance_profile(db, role):
        raise StillReferenced("Cannot delete entity, must remove roles from instance profile first.")
    require_bare(db, role.unique_id)
    entities.delete_role(db, role)


def _bound(db: Connection, document: str) -> str:
    match principal_ids.bound(db, document):
        case Unknown(name=name):
            raise PrincipalUnknown(name)
        case stored:
            return stored
