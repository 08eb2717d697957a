"""Access keys of users, and of the account's root when it asks for its own."""

from dataclasses import dataclass

from twinport.access.gate import IdentityResource
from twinport.access.sealing import Sealer
from twinport.access.sessions import new_key_id, new_secret
from twinport.access.uses import Uses
from twinport.catalog.partition import access_keys, entities
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.identities.entities import Entities
from twinport.identities.rules import access_keys as rules
from twinport.identities.rules import users
from twinport.identities.users import own_name
from twinport.model.entities import AccessKey, KeyStatus, PrincipalType, Use, User
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.names import AccountId, user_arn
from twinport.refusals.identities import AccessKeyNotFound


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, which is shown this once. The root has no user name."""

    key: AccessKey
    user: str | None
    secret: str


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """A user and the root may leave out `user` for their own keys."""

    catalog: Catalog
    entities: Entities
    world: Clock
    sealer: Sealer
    uses: Uses

    async def create(self, caller: Caller, user: str | None) -> NewKey:
        """Create an active key. Raises EntityNotFound, NameNeeded, LimitReached past two."""
        name = await self._ask(caller, "iam:CreateAccessKey", user)
        key_id, secret, now = new_key_id("AKIA"), new_secret(), self.world.now()
        sealed = self.sealer.seal(secret.encode(), f"access key {key_id}")

        def store(db: Connection) -> AccessKey:
            key = AccessKey(key_id, caller.account, _owner(db, caller, name), KeyStatus.ACTIVE, now)
            rules.add(db, key, sealed)
            return key

        return NewKey(await self.catalog.partition.write(store), name, secret)

    async def list(self, caller: Caller, user: str | None) -> tuple[str | None, list[AccessKey]]:
        """Return the user's name and all of its keys, two at most. Raises EntityNotFound, NameNeeded."""
        name = await self._ask(caller, "iam:ListAccessKeys", user)
        keys = await self.catalog.partition.read(lambda db: access_keys.listed(db, _owner(db, caller, name)))
        return name, keys

    async def set_status(self, caller: Caller, user: str | None, key_id: str, status: KeyStatus) -> None:
        """Switch a key on or off. Raises EntityNotFound, NameNeeded, AccessKeyNotFound."""
        name = await self._ask(caller, "iam:UpdateAccessKey", user)
        await self.catalog.partition.write(lambda db: rules.set_status(db, _owner(db, caller, name), key_id, status))

    async def delete(self, caller: Caller, user: str | None, key_id: str) -> None:
        """Delete a key. Raises EntityNotFound, NameNeeded, AccessKeyNotFound."""
        name = await self._ask(caller, "iam:DeleteAccessKey", user)
        await self.catalog.partition.write(lambda db: rules.remove(db, _owner(db, caller, name), key_id))

    async def last_use(self, caller: Caller, key_id: str) -> tuple[str | None, Use | None]:
        """Return the owner of a key of the account, and when the key was last used. Raises AccessKeyNotFound.

        A key of the root has no user name.
        """
        user = await self.catalog.partition.read(lambda db: _user_of(db, caller.account, key_id))
        arn = user.arn if user else user_arn(caller.account, "/", "*")
        unique_id = user.unique_id if user else None
        resource = IdentityResource(caller.account, arn, unique_id, f"access key {key_id}")
        await self.entities.gate.authorize(caller, "iam:GetAccessKeyLastUsed", resource)
        await self.uses.settle()
        key = await self.catalog.partition.read(lambda db: access_keys.find(db, caller.account, key_id))
        if key is None:
            raise AccessKeyNotFound(key_id)
        return user.name if user else None, key.last_use

    async def _ask(self, caller: Caller, action: str, user: str | None) -> str | None:
        if user is None and caller.kind is PrincipalKind.ROOT:
            await self.entities.ask_of(caller, action, caller.arn)
            return None
        name = user or own_name(caller)
        await self.entities.ask(caller, action, PrincipalType.USER, name)
        return name


def _user_of(db: Connection, account: AccountId, key_id: str) -> User | None:
    key = access_keys.find(db, account, key_id)
    return None if key is None else entities.user_of_id(db, key.owner_id)


def _owner(db: Connection, caller: Caller, user: str | None) -> str:
    return caller.account if user is None else users.get(db, caller.account, user).unique_id
