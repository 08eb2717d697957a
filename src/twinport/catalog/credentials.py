"""Rows behind a credential: access keys, sessions, the principals they stand for, and signing keys."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select

from twinport.catalog.engine import statements
from twinport.catalog.partition import accounts, entities
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema
from twinport.model.entities import User
from twinport.model.names import AccountId
from twinport.refusals.identities import AccountNameTaken

_FORGOTTEN_AT_ONCE = 20
# A session ends by the clock of the host that is asked, which may be behind that of the database.
_KEPT_AFTER_END = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A long-term access key with the user it belongs to; `user_name` is absent for a key of the account's root."""

    id: str
    account: AccountId
    owner_id: str
    sealed_secret: str
    status: str
    user_name: str | None
    user_path: str | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A temporary credential with the name of the role or user that it stands for, if that still exists."""

    access_key_id: str
    account: AccountId
    principal_id: str
    name: str
    sealed_secret: str
    issued_at: datetime
    expires_at: datetime
    facts: str
    role_name: str | None
    role_path: str | None
    user_name: str | None
    user_path: str | None


@dataclass(frozen=True, slots=True)
class SiteKeyRow:
    id: str
    public_key: bytes
    sealed_private_key: str


@dataclass(frozen=True, slots=True)
class TokenKeyRow:
    """A Region's key for tokens. `superseded_at` is when a newer key came, None for the one that signs."""

    id: str
    sealed_key: str
    superseded_at: datetime | None = None


_KEYS = select(
    partition_schema.access_key.c.id,
    partition_schema.access_key.c.account,
    partition_schema.access_key.c.owner_id,
    partition_schema.access_key.c.sealed_secret,
    partition_schema.access_key.c.status,
    partition_schema.user.c.name,
    partition_schema.user.c.path,
).outerjoin(partition_schema.user, partition_schema.user.c.unique_id == partition_schema.access_key.c.owner_id)

_SESSIONS = (
    select(
        partition_schema.session.c.access_key_id,
        partition_schema.session.c.account,
        partition_schema.session.c.principal_id,
        partition_schema.session.c.name,
        partition_schema.session.c.sealed_secret,
        partition_schema.session.c.issued_at,
        partition_schema.session.c.expires_at,
        partition_schema.session.c.facts,
        partition_schema.role.c.name.label("role_name"),
        partition_schema.role.c.path.label("role_path"),
        partition_schema.user.c.name.label("user_name"),
        partition_schema.user.c.path.label("user_path"),
    )
    .outerjoin(partition_schema.role, partition_schema.role.c.unique_id == partition_schema.session.c.principal_id)
    .outerjoin(partition_schema.user, partition_schema.user.c.unique_id == partition_schema.session.c.principal_id)
)


_ACCESS_KEY = _KEYS.where(
    partition_schema.access_key.c.id == bindparam("key_id"),
    ~accounts.is_disabled(partition_schema.access_key.c.account),
)
_SESSION = _SESSIONS.where(
    partition_schema.session.c.access_key_id == bindparam("key_id"),
    ~accounts.is_disabled(partition_schema.session.c.account),
)
_SESSION_ACCOUNT = (partition_schema.session.c.access_key_id, partition_schema.session.c.account)
_TOKEN_KEYS = select(
    regional_schema.token_key.c.id, regional_schema.token_key.c.sealed_key, regional_schema.token_key.c.created_at
).order_by(regional_schema.token_key.c.created_at.desc(), regional_schema.token_key.c.id)
# The keys of a Region need an order, also if the clock went back since the last one was made.
_TICK = timedelta(milliseconds=1)
_HISTORY = select(regional_schema.history.c.id)


def access_key(db: Connection, key_id: str) -> KeyRow | None:
    """Find an access key, active or not, unless its account is disabled."""
    row = db.execute(_ACCESS_KEY, {"key_id": key_id}).one_or_none()
    return KeyRow(*row) if row else None


def session(db: Connection, key_id: str) -> SessionRow | None:
    """Find a session, whether or not a principal with its unique id still exists, unless its account is disabled."""
    row = db.execute(_SESSION, {"key_id": key_id}).one_or_none()
    return SessionRow(*tuple(row)) if row else None


def account_of_key(db: Connection, key_id: str) -> AccountId | None:
    """Return the account of an access key or session, active or not."""
    for column, account in (
        (partition_schema.access_key.c.id, partition_schema.access_key.c.account),
        _SESSION_ACCOUNT,
    ):
        found = db.execute(select(account).where(column == key_id)).scalar()
        if found is not None:
            return AccountId(found)
    return None


def add_session(db: Connection, row: dict[str, object], now: datetime) -> None:
    """Store a session, and delete several that ended long before `now`, so that they do not pile up.

    `now` is `Catalog.now`.
    """
    session = partition_schema.session
    db.execute(insert(session).values(row))
    statements.delete_some(db, session, [session.c.expires_at < now - _KEPT_AFTER_END], _FORGOTTEN_AT_ONCE)


def site_key(db: Connection) -> SiteKeyRow | None:
    columns = partition_schema.site_key.c
    row = db.execute(
        select(columns.id, columns.public_key, columns.sealed_private_key).order_by(columns.created_at).limit(1)
    ).one_or_none()
    return SiteKeyRow(*row) if row else None


def add_site_key(db: Connection, row: SiteKeyRow, now: datetime) -> SiteKeyRow:
    """Store the site's key unless it has one, and return the one that counts."""
    existing = site_key(db)
    if existing is not None:
        return existing
    db.execute(
        insert(partition_schema.site_key).values(
            id=row.id, public_key=row.public_key, sealed_private_key=row.sealed_private_key, created_at=now
        )
    )
    return row


def token_keys(db: Connection) -> list[TokenKeyRow]:
    """List a Region's token keys, the newest first; of the same time, in the order of their ids."""
    rows = db.execute(_TOKEN_KEYS).all()
    newer = [None, *(row.created_at for row in rows)]
    return [TokenKeyRow(row.id, row.sealed_key, since) for row, since in zip(rows, newer, strict=False)]


def add_token_key(db: Connection, row: TokenKeyRow, now: datetime) -> TokenKeyRow:
    """Store a Region's first token key unless it has one, and return the one that counts.

    The one row of the Region's history is locked, so that of two processes the second reads the key of the first.
    """
    statements.lock(db, _HISTORY)
    existing = token_keys(db)
    if existing:
        return existing[0]
    db.execute(insert(regional_schema.token_key).values(id=row.id, sealed_key=row.sealed_key, created_at=now))
    return row


def rotate_token_key(db: Connection, row: TokenKeyRow, now: datetime, forgotten: datetime) -> bool:
    """Store a new token key of a Region, if it has one already. Tell whether it was stored.

    Delete the keys that were superseded before `forgotten`.
    """
    statements.lock(db, _HISTORY)
    columns = regional_schema.token_key.c
    newest = db.execute(select(columns.created_at).order_by(columns.created_at.desc()).limit(1)).scalar()
    if newest is None:
        return False
    created_at = max(now, newest + _TICK)
    db.execute(insert(regional_schema.token_key).values(id=row.id, sealed_key=row.sealed_key, created_at=created_at))
    old = [each.id for each in token_keys(db) if each.superseded_at is not None and each.superseded_at < forgotten]
    db.execute(delete(regional_schema.token_key).where(columns.id.in_(old)))
    return True


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The access key of a new account's administrator."""

    id: str
    sealed_secret: str


def add_account(db: Connection, name: str, administrator: User, policy_arn: str, key: FirstKey) -> None:
    """List a new account and store its first user with a policy and an access key. Raises AccountNameTaken."""
    account, now = administrator.account, administrator.created_at
    # Commands name an account by its name or its alias, so one text may not mean two.
    if accounts.named(db, name) is not None:
        raise AccountNameTaken(name)
    db.execute(insert(partition_schema.account).values(id=account, name=name, created_at=now))
    entities.insert_user(db, administrator)
    owner = {"owner_id": administrator.unique_id}
    db.execute(insert(partition_schema.attachment).values(**owner, policy_arn=policy_arn, attached_at=now))
    values = {**owner, "id": key.id, "sealed_secret": key.sealed_secret, "status": "Active"}
    db.execute(insert(partition_schema.access_key).values(**values, account=account, created_at=now))
