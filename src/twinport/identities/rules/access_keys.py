"""Rules of access keys."""

from twinport.catalog.partition import access_keys
from twinport.catalog.ports import Connection
from twinport.identities.rules.shared import require_quota
from twinport.model.entities import AccessKey, KeyStatus
from twinport.refusals.identities import AccessKeyNotFound

KEYS_PER_USER = 2


def add(db: Connection, key: AccessKey, sealed_secret: str) -> None:
    """Store a new key. Raises LimitReached past two."""
    require_quota(access_keys.count(db, key.owner_id), "AccessKeysPerUser", KEYS_PER_USER)
    access_keys.insert_key(db, key, sealed_secret)


def set_status(db: Connection, owner: str, key_id: str, status: KeyStatus) -> None:
    """Switch a key on or off. Raises AccessKeyNotFound unless the key is the owner's."""
    if not access_keys.set_status(db, owner, key_id, status):
        raise AccessKeyNotFound(key_id)


def remove(db: Connection, owner: str, key_id: str) -> None:
    """Delete a key. Raises AccessKeyNotFound unless the key is the owner's."""
    if not access_keys.remove(db, owner, key_id):
        raise AccessKeyNotFound(key_id)
