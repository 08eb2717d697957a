"""Everything an account holds, entity by entity with its policies and groups, for reports that are read as a whole."""

from sqlalchemy import Connection, select, union

from twinport.catalog.partition import entities, groups, instance_profiles, managed_policies, principal_policies, schema
from twinport.model.details import DetailKind, GroupDetail, Policies, PolicyDetail, RoleDetail, UserDetail
from twinport.model.entities import Page, PolicyOwner
from twinport.model.names import PARTITION, AccountId

_AWS = f"arn:{PARTITION}:iam::aws:"
_EVERYTHING = Page(limit=10_000)


def names(db: Connection, account: AccountId, kind: DetailKind) -> list[str]:
    """List an account's entities of a kind by their names, policies by their ARNs, in order.

    Of AWS's policies, it lists those that are attached to an entity of the account or are the boundary of one.
    """
    match kind:
        case DetailKind.OWN_POLICY:
            query = select(schema.managed_policy.c.arn).where(schema.managed_policy.c.account == account)
            return sorted(db.execute(query).scalars())
        case DetailKind.AWS_POLICY:
            return sorted(_aws_policies(db, account))
        case _:
            table = _TABLES[kind]
            query = select(table.c.name).where(table.c.account == account).order_by(table.c.name_key)
            return list(db.execute(query).scalars())


def user(db: Connection, account: AccountId, name: str) -> UserDetail | None:
    found = entities.find_user(db, account, name)
    if found is None:
        return None
    return UserDetail(found, _policies(db, found), tuple(each.name for each in groups.all_of_user(db, found)))


def group(db: Connection, account: AccountId, name: str) -> GroupDetail | None:
    found = groups.find(db, account, name)
    return None if found is None else GroupDetail(found, _policies(db, found))


def role(db: Connection, account: AccountId, name: str) -> RoleDetail | None:
    found = entities.find_role(db, account, name)
    if found is None:
        return None
    return RoleDetail(found, _policies(db, found), tuple(instance_profiles.of_role(db, found, _EVERYTHING)))


def own_policy(db: Connection, arn: str) -> PolicyDetail | None:
    """Return a customer's policy with its versions, the newest first."""
    found = managed_policies.find(db, arn)
    return None if found is None else PolicyDetail(found, tuple(managed_policies.versions(db, arn)))


_TABLES = {DetailKind.USER: schema.user, DetailKind.GROUP: schema.group, DetailKind.ROLE: schema.role}


def _policies(db: Connection, owner: PolicyOwner) -> Policies:
    return Policies(
        tuple(principal_policies.inline_documents(db, owner)), tuple(principal_policies.attached(db, owner))
    )


def _aws_policies(db: Connection, account: AccountId) -> list[str]:
    owners = union(*(select(table.c.unique_id).where(table.c.account == account) for table in _TABLES.values()))
    uses = [
        select(table.c.policy_arn).where(table.c.owner_id.in_(owners), table.c.policy_arn.startswith(_AWS))
        for table in (schema.attachment, schema.boundary)
    ]
    return list(db.execute(union(*uses)).scalars())
