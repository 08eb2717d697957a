"""Created accounts (not open ones). Each begins with one administrator, whose secret is shown once."""

import re
import secrets
from dataclasses import dataclass

from twinport.access.sealing import Sealer
from twinport.access.sessions import new_key_id, new_secret
from twinport.catalog import credentials
from twinport.catalog.partition import accounts
from twinport.catalog.partition.accounts import Account
from twinport.catalog.ports import Catalog
from twinport.clock import Clock
from twinport.identities import unique_ids
from twinport.model.entities import User
from twinport.model.names import PARTITION, AccountId, is_account_id
from twinport.refusals.identities import AccountNameInvalid, AccountNotFound

# The rule of AWS Organizations, except that blanks at either end are refused, since a reader cannot see them.
_NAME = re.compile(r"[!-~]([ -~]{0,48}[!-~])?")
ADMINISTRATOR = "administrator"
_POLICY_ARN = f"arn:{PARTITION}:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A new account with the credentials that its creator sees once."""

    account: AccountId
    user_arn: str
    access_key_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """Creates accounts in the partition's database; a server may be running on it."""

    catalog: Catalog
    sealer: Sealer
    world: Clock

    async def listed(self) -> list[Account]:
        """List the accounts that were created, in the order of their names."""
        return await self.catalog.partition.read(accounts.listed)

    async def find(self, text: str) -> AccountId:
        """Return the account that has this id, name or alias. Raises AccountNotFound."""
        found = await self.catalog.partition.read(lambda db: accounts.named(db, text))
        if found is None:
            raise AccountNotFound(text)
        return found

    async def disable(self, text: str) -> None:
        """Let nothing of this account do anything from now on, until it is enabled. Raises AccountNotFound."""
        account, now = await self.find(text), self.world.now()
        await self.catalog.partition.write(lambda db: accounts.disable(db, account, now))

    async def enable(self, text: str) -> None:
        """Let the account do what its policies allow again. Raises AccountNotFound."""
        account = await self.find(text)
        await self.catalog.partition.write(lambda db: accounts.disable(db, account, None))

    async def create(self, name: str) -> NewAccount:
        """Create an account with an administrator and an access key. Raises AccountNameInvalid, AccountNameTaken."""
        if not _NAME.fullmatch(name) or is_account_id(name):
            raise AccountNameInvalid(name)
        account = AccountId(f"{secrets.randbelow(9 * 10**11) + 10**11}")
        key_id, secret, now = new_key_id("AKIA"), new_secret(), self.world.now()
        user = User(unique_ids.user(), account, ADMINISTRATOR, "/", now)
        key = credentials.FirstKey(key_id, self.sealer.seal(secret.encode(), f"access key {key_id}"))
        await self.catalog.partition.write(lambda db: credentials.add_account(db, name, user, _POLICY_ARN, key))
        return NewAccount(account, user.arn, key_id, secret)
