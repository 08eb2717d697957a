"""The data of a credential report, and the last report of each account."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from twinport.catalog.engine import statements
from twinport.catalog.partition import access_keys, entities, login_profiles, schema
from twinport.catalog.partition.login_profiles import LoginProfile
from twinport.model.entities import AccessKey, User
from twinport.model.names import AccountId

_report, _user = schema.credential_report, schema.user


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with its password, if it has one, and its access keys."""

    user: User
    password: LoginProfile | None
    keys: tuple[AccessKey, ...]


@dataclass(frozen=True, slots=True)
class StoredReport:
    content: str
    generated_at: datetime


def user_names(db: Connection, account: AccountId) -> list[str]:
    """List all users of an account in the order of their names."""
    query = select(_user.c.name).where(_user.c.account == account).order_by(_user.c.name_key)
    return list(db.execute(query).scalars())


def of_user(db: Connection, account: AccountId, name: str) -> Credentials | None:
    user = entities.find_user(db, account, name)
    if user is None:
        return None
    keys = tuple(sorted(access_keys.listed(db, user.unique_id), key=lambda key: key.created_at))
    return Credentials(user, login_profiles.find(db, user.unique_id), keys)


def of_root(db: Connection, account: AccountId) -> tuple[datetime | None, tuple[AccessKey, ...]]:
    """Return when an account was created (None for an open account), and the keys of its root."""
    created = db.execute(select(schema.account.c.created_at).where(schema.account.c.id == account)).scalar()
    return created, tuple(access_keys.listed(db, account))


def put(db: Connection, account: AccountId, report: StoredReport) -> None:
    """Store a report instead of the account's last one."""
    statements.upsert(
        db, _report, {"account": account}, {"content": report.content, "generated_at": report.generated_at}
    )


def find(db: Connection, account: AccountId) -> StoredReport | None:
    row = db.execute(select(_report).where(_report.c.account == account)).one_or_none()
    return None if row is None else StoredReport(row.content, row.generated_at)
