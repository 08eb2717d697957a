"""The composition root of the command line: accounts and users, whether or not a server runs on the same databases."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from twinport.access.access_keys import AccessKeys, NewKey
from twinport.access.accounts import Accounts
from twinport.access.aws_policies import AwsPolicies
from twinport.access.boundaries import Boundaries
from twinport.access.entities import Entities
from twinport.access.operator import OperatorGate, acting_for
from twinport.access.principal_policies import PrincipalPolicies
from twinport.access.sealing import sealer_of_folder
from twinport.access.sessions import Sessions
from twinport.access.users import Users
from twinport.access.uses import Uses
from twinport.clock import Clock, WallClock, WorldClock
from twinport.config import Settings
from twinport.databases import join_catalog, note_catalog, open_catalog
from twinport.model.entities import AccessKey, KeyStatus, Page, PrincipalType, User
from twinport.model.identities import Caller
from twinport.model.names import AccountId, account_id, is_account_id

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Administration:
    """What an operator does to accounts by hand. `open_accounts` says that any twelve digits are an account."""

    accounts: Accounts
    users: Users
    keys: AccessKeys
    policies: PrincipalPolicies
    aws: AwsPolicies
    world: Clock
    open_accounts: bool

    async def create_user(self, account: str, name: str, attached: Sequence[str]) -> tuple[User, NewKey]:
        """Create a user with an access key, whom these policies of AWS (by name) or others (by ARN) are attached to.

        Raises AccountNotFound, and what creating, attaching and giving a key raise; then there is no user.
        """
        caller = await self._root(account)
        user = await self.users.create(caller, name, path="/", tags=())
        try:
            for policy in attached:
                await self.policies.attach(caller, PrincipalType.USER, name, self._arn(policy))
            return user, await self.keys.create(caller, name)
        except BaseException:
            for arn in await self.policies.attached(caller, PrincipalType.USER, name):
                await self.policies.detach(caller, PrincipalType.USER, name, arn)
            await self.users.delete(caller, name)
            raise

    async def list_users(self, account: str) -> list[User]:
        """List an account's users in the order of their names. Raises AccountNotFound."""
        caller, found = await self._root(account), list[User]()
        while True:
            page = Page(found[-1].name.lower() if found else "", _PAGE)
            more = await self.users.list(caller, "/", page)
            found += more[:_PAGE]
            if len(more) <= _PAGE:
                return found

    async def create_key(self, account: str, user: str) -> NewKey:
        """Give a user another key. Raises AccountNotFound, EntityNotFound, LimitReached past two."""
        return await self.keys.create(await self._root(account), user)

    async def list_keys(self, account: str, user: str) -> list[AccessKey]:
        """List a user's keys. Raises AccountNotFound, EntityNotFound."""
        _, keys = await self.keys.list(await self._root(account), user)
        return keys

    async def disable_key(self, account: str, user: str, key_id: str) -> None:
        """Switch a key off. Raises AccountNotFound, EntityNotFound, AccessKeyNotFound."""
        await self.keys.set_status(await self._root(account), user, key_id, KeyStatus.INACTIVE)

    async def enable_key(self, account: str, user: str, key_id: str) -> None:
        """Switch a key on. Raises as `disable_key` does."""
        await self.keys.set_status(await self._root(account), user, key_id, KeyStatus.ACTIVE)

    async def delete_key(self, account: str, user: str, key_id: str) -> None:
        """Delete a key. Raises AccountNotFound, EntityNotFound, AccessKeyNotFound."""
        await self.keys.delete(await self._root(account), user, key_id)

    async def _root(self, account: str) -> Caller:
        return acting_for(await self._account(account), self.world)

    async def _account(self, text: str) -> AccountId:
        if self.open_accounts and is_account_id(text):
            return account_id(text)
        return await self.accounts.find(text)

    def _arn(self, policy: str) -> str:
        """Return the ARN of a policy of AWS that is named, or what was given."""
        return next((each.arn for each in self.aws.by_arn.values() if each.name == policy), policy)


class Purpose(Enum):
    """What a command opens a deployment for."""

    READ = "it reads, and makes nothing"
    CHANGE = "it changes what was begun"
    BEGIN = "it changes what was begun, or begins it"


@asynccontextmanager
async def opened(settings: Settings, purpose: Purpose) -> AsyncIterator[Administration]:
    """Open the databases that the settings name, and close them at the end.

    Raises what `open_catalog` does, and, unless the purpose is to begin, what `join_catalog` does.
    """
    world = WorldClock(WallClock())
    catalog = (open_catalog if purpose is Purpose.BEGIN else join_catalog)(settings, world)
    try:
        sealer, aws, uses = sealer_of_folder(settings.data), AwsPolicies(), Uses(catalog)
        if purpose is not Purpose.READ:
            # The folder and the catalog know each other before anything is made that only one of them keeps.
            await Sessions(catalog, sealer, world).open()
            await note_catalog(settings, catalog)
        entities = Entities(catalog, OperatorGate())
        yield Administration(
            accounts=Accounts(catalog, sealer, world),
            users=Users(catalog, entities, Boundaries(catalog, entities, aws), world),
            keys=AccessKeys(catalog, entities, world, sealer, uses),
            policies=PrincipalPolicies(catalog, entities, world, aws),
            aws=aws,
            world=world,
            open_accounts=settings.has_open_accounts,
        )
    finally:
        catalog.close()
