"""The account settings of a registry, as far as they were put: columns of its row."""

from sqlalchemy import Connection, bindparam, select

from twinport.catalog.engine import statements
from twinport.catalog.regional import schema
from twinport.model.account_settings import AccountSetting, BlobMounting, PolicyScope
from twinport.model.names import AccountId

_registry = schema.registry
_COLUMNS = {
    AccountSetting.BASIC_SCAN_TYPE: _registry.c.basic_scan_type,
    AccountSetting.POLICY_SCOPE: _registry.c.policy_scope,
    AccountSetting.BLOB_MOUNTING: _registry.c.blob_mounting,
}
_VALUES = {
    setting: select(column).where(_registry.c.account == bindparam("account")) for setting, column in _COLUMNS.items()
}


def value(db: Connection, account: AccountId, setting: AccountSetting) -> str | None:
    """Return the value that was put, or None for the default."""
    found: str | None = db.execute(_VALUES[setting], {"account": account}).scalar()
    return found


def put(db: Connection, account: AccountId, setting: AccountSetting, text: str) -> None:
    statements.upsert(db, _registry, {"account": account}, {_COLUMNS[setting].name: text})


def policy_scope(db: Connection, account: AccountId) -> PolicyScope:
    return PolicyScope(value(db, account, AccountSetting.POLICY_SCOPE) or PolicyScope.V2)


def blob_mounting(db: Connection, account: AccountId, default: BlobMounting) -> BlobMounting:
    return BlobMounting(value(db, account, AccountSetting.BLOB_MOUNTING) or default)
