"""Users: create, read, list, rename, tag, delete."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from twinport.access.gate import Context
from twinport.catalog.partition import entities as rows
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.identities import unique_ids
from twinport.identities.boundaries import Boundaries
from twinport.identities.entities import Entities, boundary_context, check_path, check_tags, tag_context
from twinport.identities.rules import shared, users
from twinport.model.entities import Page, PrincipalType, Tag, User
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.names import user_arn
from twinport.refusals.identities import NameNeeded

_USER = PrincipalType.USER
# Accounts that are open were never created.
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Users:
    catalog: Catalog
    entities: Entities
    boundaries: Boundaries
    world: Clock

    async def create(
        self, caller: Caller, name: str, *, path: str, tags: Sequence[Tag], boundary: str | None = None
    ) -> User:
        """Create a user.

        Raises EntityExists, LimitReached, InvalidInput, and for the boundary what Boundaries.put raises.
        """
        arn = user_arn(caller.account, path, name)
        await self.entities.ask_of(caller, "iam:CreateUser", arn, {**tag_context(tags), **boundary_context(boundary)})
        check_tags(tags)
        check_path(path)
        user = User(unique_ids.user(), caller.account, name, path, self.world.now(), tuple(tags), boundary)

        def store(db: Connection) -> None:
            self.boundaries.expect(db, caller.account, _USER, boundary)
            users.add(db, user)

        await self.catalog.partition.write(store)
        return user

    async def get(self, caller: Caller, name: str | None) -> User:
        """Return a user; without a name, the caller. Raises EntityNotFound, NameNeeded."""
        if name is None and caller.kind is PrincipalKind.ROOT:
            await self.entities.ask_of(caller, "iam:GetUser", caller.arn)
            return User(caller.account, caller.account, "", "/", _ALWAYS)
        chosen = name or own_name(caller)
        if name is None:
            await self.entities.ask_by_arn(caller, "iam:GetUser", _USER, chosen, caller.principal_arn)
        else:
            await self.entities.ask(caller, "iam:GetUser", _USER, chosen)
        return await self.catalog.partition.read(lambda db: users.get(db, caller.account, chosen))

    async def list(self, caller: Caller, prefix: str, page: Page) -> list[User]:
        """List users beneath a path: one more than the page holds if there is one."""
        await self.entities.ask_of(caller, "iam:ListUsers", user_arn(caller.account, prefix, ""))
        return await self.catalog.partition.read_much(lambda db: rows.users(db, caller.account, prefix, page))

    async def expect(self, caller: Caller, action: str, name: str | None) -> None:
        """Authorize a request for a list of a user that is always empty here. Raises EntityNotFound.

        Without a name the caller is meant. Raises NameNeeded for callers other than users and roots.
        """
        if name is None and caller.kind is PrincipalKind.ROOT:
            await self.entities.ask_of(caller, action, caller.principal_arn)
            return
        chosen = name or own_name(caller)
        await self.entities.ask(caller, action, _USER, chosen)
        await self.catalog.partition.read(lambda db: users.get(db, caller.account, chosen))

    async def expect_virtual_devices(self, caller: Caller) -> None:
        """Authorize a request for the list of virtual MFA devices, which is always empty here."""
        await self.entities.ask_of_account(caller, "iam:ListVirtualMFADevices")

    async def rename(self, caller: Caller, name: str, *, new_name: str | None, new_path: str | None) -> None:
        """Change what is given. Asks the gate for the old ARN and for the new one.

        Raises EntityNotFound, EntityExists, InvalidInput.
        """
        await self.entities.ask(caller, "iam:UpdateUser", _USER, name)

        def renamed(db: Connection) -> User:
            user = users.get(db, caller.account, name)
            return replace(user, name=new_name or user.name, path=new_path or user.path)

        if new_name or new_path:
            wanted = await self.catalog.partition.read(renamed)
            # Without a new path the ARN has the old one, which only the user's row holds.
            shown = wanted.arn if new_path else f"user {wanted.name}"
            await self.entities.ask_of(caller, "iam:UpdateUser", wanted.arn, shown=shown)
            check_path(new_path or "/")
        await self.catalog.partition.write(lambda db: users.rename(db, renamed(db)))

    async def delete(self, caller: Caller, name: str) -> None:
        """Delete a user. Raises EntityNotFound, StillReferenced."""
        await self.entities.ask(caller, "iam:DeleteUser", PrincipalType.USER, name)
        await self.catalog.partition.write(lambda db: users.delete(db, users.get(db, caller.account, name)))

    async def tag(self, caller: Caller, name: str, tags: Sequence[Tag]) -> None:
        """Add tags, replacing those of the same keys. Raises EntityNotFound, InvalidInput, LimitReached."""
        await self.entities.ask(caller, "iam:TagUser", _USER, name, tag_context(tags))
        check_tags(tags)
        await self.catalog.partition.write(
            lambda db: shared.put_tags(db, users.get(db, caller.account, name).unique_id, tags)
        )

    async def untag(self, caller: Caller, name: str, keys: Sequence[str]) -> None:
        """Remove tags. A key that does not exist is no error. Raises EntityNotFound."""
        context: Context = {"aws:TagKeys": tuple(keys)}
        await self.entities.ask(caller, "iam:UntagUser", _USER, name, context)
        await self.catalog.partition.write(
            lambda db: rows.remove_tags(db, users.get(db, caller.account, name).unique_id, keys)
        )

    async def tags(self, caller: Caller, name: str) -> tuple[Tag, ...]:
        """Return all tags, fifty at most, in the order of their keys. Raises EntityNotFound."""
        await self.entities.ask(caller, "iam:ListUserTags", _USER, name)
        return (await self.catalog.partition.read(lambda db: users.get(db, caller.account, name))).tags


def own_name(caller: Caller) -> str:
    """Return the name of a user that calls. Raises NameNeeded for any other caller."""
    if caller.kind is not PrincipalKind.USER:
        raise NameNeeded
    return caller.principal_arn.rpartition("/")[2]
