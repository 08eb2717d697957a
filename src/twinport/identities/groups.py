"""Groups: create, read, list, rename, delete, and their members."""

from dataclasses import dataclass, replace

from twinport.catalog.partition import groups
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.identities import unique_ids
from twinport.identities.entities import Entities, check_path
from twinport.identities.rules import groups as rules
from twinport.identities.rules import users
from twinport.model.entities import Group, Page, PrincipalType, User
from twinport.model.identities import Caller
from twinport.model.names import group_arn

_GROUP = PrincipalType.GROUP


@dataclass(frozen=True, slots=True)
class Groups:
    catalog: Catalog
    entities: Entities
    world: Clock

    async def create(self, caller: Caller, name: str, path: str) -> Group:
        """Create a group. Raises EntityExists, LimitReached, InvalidInput."""
        await self.entities.ask_of(caller, "iam:CreateGroup", group_arn(caller.account, path, name))
        check_path(path)
        group = Group(unique_ids.group(), caller.account, name, path, self.world.now())
        await self.catalog.partition.write(lambda db: rules.add(db, group))
        return group

    async def get(self, caller: Caller, name: str, page: Page) -> tuple[Group, list[User]]:
        """Return a group and its users: one more than the page holds if there is one. Raises EntityNotFound."""
        await self.entities.ask(caller, "iam:GetGroup", _GROUP, name)

        def find(db: Connection) -> tuple[Group, list[User]]:
            group = rules.get(db, caller.account, name)
            return group, groups.members(db, group, page)

        return await self.catalog.partition.read(find)

    async def of_user(self, caller: Caller, user: str, page: Page) -> list[Group]:
        """List a user's groups: one more than the page holds if there is one. Raises EntityNotFound."""
        await self.entities.ask(caller, "iam:ListGroupsForUser", PrincipalType.USER, user)
        return await self.catalog.partition.read_much(
            lambda db: groups.of_user(db, users.get(db, caller.account, user), page)
        )

    async def list(self, caller: Caller, prefix: str, page: Page) -> list[Group]:
        """List groups beneath a path: one more than the page holds if there is one."""
        await self.entities.ask_of(caller, "iam:ListGroups", group_arn(caller.account, prefix, ""))
        return await self.catalog.partition.read_much(lambda db: groups.listed(db, caller.account, prefix, page))

    async def rename(self, caller: Caller, name: str, *, new_name: str | None, new_path: str | None) -> None:
        """Change what is given. Asks the gate for the old ARN and for the new one.

        Raises EntityNotFound, EntityExists, InvalidInput.
        """
        await self.entities.ask(caller, "iam:UpdateGroup", _GROUP, name)

        def renamed(db: Connection) -> Group:
            group = rules.get(db, caller.account, name)
            return replace(group, name=new_name or group.name, path=new_path or group.path)

        if new_name or new_path:
            wanted = await self.catalog.partition.read(renamed)
            # Without a new path the ARN has the old one, which only the group's row holds.
            shown = wanted.arn if new_path else f"group {wanted.name}"
            await self.entities.ask_of(caller, "iam:UpdateGroup", wanted.arn, shown=shown)
            check_path(new_path or "/")
        await self.catalog.partition.write(lambda db: rules.rename(db, renamed(db)))

    async def delete(self, caller: Caller, name: str) -> None:
        """Delete a group. Raises EntityNotFound, StillReferenced."""
        await self.entities.ask(caller, "iam:DeleteGroup", _GROUP, name)
        await self.catalog.partition.write(lambda db: rules.delete(db, rules.get(db, caller.account, name)))

    async def add(self, caller: Caller, name: str, user: str) -> None:
        """Add a user to a group; doing so again changes nothing. Raises EntityNotFound, LimitReached."""
        await self.entities.ask(caller, "iam:AddUserToGroup", _GROUP, name)

        def store(db: Connection) -> None:
            group = rules.get(db, caller.account, name)
            rules.add_member(db, group, users.get(db, caller.account, user))

        await self.catalog.partition.write(store)

    async def remove(self, caller: Caller, name: str, user: str) -> None:
        """Remove a user from a group. Raises EntityNotFound, NotAMember."""
        await self.entities.ask(caller, "iam:RemoveUserFromGroup", _GROUP, name)

        def take(db: Connection) -> None:
            group = rules.get(db, caller.account, name)
            rules.remove_member(db, group, users.get(db, caller.account, user))

        await self.catalog.partition.write(take)
