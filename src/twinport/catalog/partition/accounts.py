"""Accounts as a whole, in the partition's database: names, aliases, and how much each account holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from twinport.catalog.partition import schema
from twinport.model.names import AccountId

_alias = schema.account_alias


@dataclass(frozen=True, slots=True)
class Holdings:
    """How many of each an account has. `root_keys` are the access keys of its root."""

    users: int
    groups: int
    roles: int
    policies: int
    policy_versions: int
    instance_profiles: int
    providers: int
    root_keys: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account that was created, with the name that its operator gave it, and since when it is disabled, if it is."""

    id: AccountId
    name: str
    created_at: datetime
    disabled_at: datetime | None


def listed(db: Connection) -> list[Account]:
    """List the accounts that were created, in the order of their names. Open accounts are not among them."""
    rows = db.execute(select(schema.account).order_by(schema.account.c.name))
    return [Account(AccountId(row.id), row.name, row.created_at, row.disabled_at) for row in rows]


def is_disabled(account: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that the account in a column is disabled. Open accounts never are."""
    created = schema.account
    return exists(select(created.c.id).where(created.c.id == account, created.c.disabled_at.is_not(None)))


def is_disabled_now(db: Connection, account: AccountId) -> bool:
    """Tell whether an account is disabled."""
    return bool(db.execute(select(is_disabled(literal(account)))).scalar())


def disable(db: Connection, account: AccountId, since: datetime | None) -> None:
    """Disable a created account from this time on, unless it is disabled already; with None, enable it."""
    created = schema.account
    changed = created.c.disabled_at.is_(None) if since is not None else true()
    db.execute(update(created).where(created.c.id == account, changed).values(disabled_at=since))


def is_any(db: Connection) -> bool:
    """Tell whether an account was created."""
    return db.execute(select(schema.account.c.id).limit(1)).first() is not None


def named(db: Connection, text: str) -> AccountId | None:
    """Return the account that was created under this id or name, or has this alias."""
    created = schema.account
    by_name = select(created.c.id).where(or_(created.c.name == text, created.c.id == text))
    found = db.execute(by_name).scalar()
    return of_alias(db, text) if found is None else AccountId(found)


def of_alias(db: Connection, text: str) -> AccountId | None:
    """Return the account that has this alias."""
    found = db.execute(select(_alias.c.account).where(_alias.c.alias == text)).scalar()
    return None if found is None else AccountId(found)


def alias(db: Connection, account: AccountId) -> str | None:
    """Return the alias of an account."""
    text: str | None = db.execute(select(_alias.c.alias).where(_alias.c.account == account)).scalar()
    return text


def set_alias(db: Connection, account: AccountId, text: str) -> None:
    """Give an account this alias instead of the one it had."""
    db.execute(delete(_alias).where(_alias.c.account == account))
    db.execute(insert(_alias).values(account=account, alias=text))


def remove_alias(db: Connection, account: AccountId, text: str) -> bool:
    """Take an account's alias away if it is this one. Tell whether it was."""
    return db.execute(delete(_alias).where(_alias.c.account == account, _alias.c.alias == text)).rowcount > 0


def holdings(db: Connection, account: AccountId) -> Holdings:
    """Count what an account has."""
    versions = schema.policy_version.join(
        schema.managed_policy, schema.managed_policy.c.arn == schema.policy_version.c.policy_arn
    )
    root_keys = select(func.count()).select_from(schema.access_key).where(schema.access_key.c.owner_id == account)
    return Holdings(
        users=_count(db, schema.user, account),
        groups=_count(db, schema.group, account),
        roles=_count(db, schema.role, account),
        policies=_count(db, schema.managed_policy, account),
        policy_versions=_count(db, versions, account),
        instance_profiles=_count(db, schema.instance_profile, account),
        providers=_count(db, schema.oidc_provider, account),
        root_keys=db.execute(root_keys).scalar_one(),
    )


def _count(db: Connection, rows: FromClause, account: AccountId) -> int:
    """Count an account's rows. Exactly one of the joined tables has a column `account`."""
    (owner,) = [column for column in rows.c if column.name == "account"]
    return db.execute(select(func.count()).select_from(rows).where(owner == account)).scalar_one()
