"""Rules of the aliases of accounts."""

from twinport.catalog.partition import accounts
from twinport.catalog.ports import Connection
from twinport.model.names import AccountId
from twinport.refusals.identities import AliasNotFound, AliasTaken


def put(db: Connection, account: AccountId, text: str) -> None:
    """Give an account this alias instead of the one it had. Raises AliasTaken, also if it is the account's own."""
    if accounts.of_alias(db, text) is not None:
        raise AliasTaken(text)
    accounts.set_alias(db, account, text)


def remove(db: Connection, account: AccountId, text: str) -> None:
    """Take an account's alias away. Raises AliasNotFound unless it is this one."""
    if not accounts.remove_alias(db, account, text):
        raise AliasNotFound(text)
