"""The composition root of the command line: accounts and users, whether or not a server runs on the same databases."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from twinport.access.calls import Call
from twinport.access.operator import OperatorGate, acting_for
from twinport.access.sessions import Sessions
from twinport.access.uses import Uses
from twinport.aws import protocols, shapes
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.catalog.ports import Catalog
from twinport.clock import Clock, WallClock, WorldClock
from twinport.composition.databases import join_catalog, note_catalog, open_catalog, sealer_of
from twinport.files import private_files
from twinport.iam.policies import AttachedPolicyOperations
from twinport.iam.users import AccessKeyOperations, UserOperations
from twinport.identities.access_keys import AccessKeys
from twinport.identities.accounts import Accounts
from twinport.identities.boundaries import Boundaries
from twinport.identities.entities import Entities
from twinport.identities.principal_policies import PrincipalPolicies
from twinport.identities.users import Users
from twinport.model.entities import KeyStatus
from twinport.model.identities import Caller
from twinport.model.names import AccountId, RegionName, account_id, is_account_id
from twinport.model.usage import RegionUsage
from twinport.policies.aws_managed import AwsPolicies
from twinport.refusals.identities import PolicyNameUnknown
from twinport.registry.usage import Usages
from twinport.settings.loading import Settings

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Administration:
    """An operator's commands on accounts. They use the operations of IAM's API, so that the same checks apply.

    `open_accounts`: any twelve digits are an account.
    """

    accounts: Accounts
    operations: Mapping[str, Handler[Call]]
    aws: AwsPolicies
    world: Clock
    catalog: Catalog
    open_accounts: bool

    async def create_user(self, account: str, name: str, attached: Sequence[str]) -> tuple[iam.User, iam.AccessKey]:
        """Create a user with an access key, and attach policies of AWS (by name) or others (by ARN).

        Raises AccountNotFound, and what the creation, the attachment and the new key raise. Then no user is created.
        """
        caller, user = await self._root(account), {"UserName": name}
        made = await self._call(caller, "CreateUser", user)
        try:
            for policy in attached:
                await self._call(caller, "AttachUserPolicy", {**user, "PolicyArn": self._arn(policy)})
            key = await self._call(caller, "CreateAccessKey", user)
        except BaseException:
            there = await self._call(caller, "ListAttachedUserPolicies", user)
            for policy in there["AttachedPolicies"]:
                await self._call(caller, "DetachUserPolicy", {**user, "PolicyArn": policy["PolicyArn"]})
            await self._call(caller, "DeleteUser", user)
            raise
        return made["User"], key["AccessKey"]

    async def list_users(self, account: str) -> list[iam.User]:
        """List an account's users in the order of their names. Raises AccountNotFound."""
        caller, found, asked = await self._root(account), list[iam.User](), {"MaxItems": _PAGE}
        while True:
            page = await self._call(caller, "ListUsers", asked)
            found += page["Users"]
            if not page["IsTruncated"]:
                return found
            asked = {**asked, "Marker": page["Marker"]}

    async def create_key(self, account: str, user: str) -> iam.AccessKey:
        """Create another key for a user. Raises AccountNotFound, EntityNotFound, LimitReached past two."""
        made = await self._call(await self._root(account), "CreateAccessKey", {"UserName": user})
        key: iam.AccessKey = made["AccessKey"]
        return key

    async def list_keys(self, account: str, user: str) -> list[tuple[iam.AccessKeyMetadata, iam.AccessKeyLastUsed]]:
        """List a user's keys, and when each was last used. Raises AccountNotFound, EntityNotFound."""
        caller = await self._root(account)
        keys = (await self._call(caller, "ListAccessKeys", {"UserName": user}))["AccessKeyMetadata"]
        asked = [{"AccessKeyId": key["AccessKeyId"]} for key in keys]
        uses = [await self._call(caller, "GetAccessKeyLastUsed", each) for each in asked]
        return [(key, use["AccessKeyLastUsed"]) for key, use in zip(keys, uses, strict=True)]

    async def set_key_status(self, account: str, user: str, key_id: str, status: KeyStatus) -> None:
        """Switch a key on or off. Raises AccountNotFound, EntityNotFound, AccessKeyNotFound."""
        asked = {"UserName": user, "AccessKeyId": key_id, "Status": status.value}
        await self._call(await self._root(account), "UpdateAccessKey", asked)

    async def delete_key(self, account: str, user: str, key_id: str) -> None:
        """Delete a key. Raises AccountNotFound, EntityNotFound, AccessKeyNotFound."""
        await self._call(await self._root(account), "DeleteAccessKey", {"UserName": user, "AccessKeyId": key_id})

    async def usage(self, account: str | None) -> tuple[AccountId | None, Mapping[RegionName, RegionUsage]]:
        """Count the bytes that are held in each Region, and find the account that is named. Raises AccountNotFound."""
        found = None if account is None else await self._account(account)
        usages = Usages(self.catalog)
        return found, {region: await usages.of_region(region) for region in await self.catalog.regions()}

    async def _call(self, caller: Caller, name: str, given: Mapping[str, object]) -> Mapping[str, Any]:
        """Carry out an operation as the API would. Raises ConstraintsViolated, and what the operation raises."""
        protocols.require_valid(shapes.load("iam").operations[name], given)
        return await self.operations[name](Call(caller, "", "https"), given) or {}

    async def _root(self, account: str) -> Caller:
        return acting_for(await self._account(account), self.world)

    async def _account(self, text: str) -> AccountId:
        if self.open_accounts and is_account_id(text):
            return account_id(text)
        return await self.accounts.find(text)

    def _arn(self, policy: str) -> str:
        """Return the given ARN, or the ARN of the AWS policy with this name. Raises PolicyNameUnknown."""
        if policy.startswith("arn:"):
            return policy
        found = [each.arn for each in self.aws.by_arn.values() if each.name == policy]
        if not found:
            raise PolicyNameUnknown(policy)
        return found[0]


class Purpose(Enum):
    """Why a command opens a deployment."""

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
    if purpose is not Purpose.READ:
        private_files.close_folder(settings.data)
    try:
        sealer, aws, uses = sealer_of(settings), AwsPolicies(), Uses(catalog)
        if purpose is not Purpose.READ:
            # Link the folder and the catalog first, before anything is stored that only one of them holds.
            await Sessions(catalog, sealer, world).open()
            await note_catalog(settings, catalog)
        entities = Entities(catalog, OperatorGate())
        users = Users(catalog, entities, Boundaries(catalog, entities, aws), world)
        yield Administration(
            accounts=Accounts(catalog, sealer, world),
            operations={
                **UserOperations(users).table(),
                **AccessKeyOperations(AccessKeys(catalog, entities, world, sealer, uses)).table(),
                **AttachedPolicyOperations(PrincipalPolicies(catalog, entities, world, aws)).table(),
            },
            aws=aws,
            world=world,
            catalog=catalog,
            open_accounts=settings.has_open_accounts,
        )
    finally:
        catalog.close()
