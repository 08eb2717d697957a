"""Users: create, read, list, delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from twinport.access import unique_ids
from twinport.access.entities import Entities, check_tags, tag_context
from twinport.catalog import identities
from twinport.catalog.embedded import Catalog
from twinport.clock import Clock
from twinport.errors import NameNeeded
from twinport.model.entities import Page, PrincipalType, Tag, User
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.names import user_arn

# Accounts that are open were never created.
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Users:
    catalog: Catalog
    entities: Entities
    world: Clock

    async def create(self, caller: Caller, name: str, *, path: str, tags: Sequence[Tag]) -> User:
        """Create a user. Raises EntityExists, LimitReached."""
        arn = user_arn(caller.account, path, name)
        await self.entities.ask_of(caller, "iam:CreateUser", arn, tag_context(tags))
        check_tags(tags)
        user = User(unique_ids.user(), caller.account, name, path, self.world.now(), tuple(tags))
        await self.catalog.partition.write(lambda db: identities.add_user(db, user))
        return user

    async def get(self, caller: Caller, name: str | None) -> User:
        """Return a user; without a name, the caller. Raises EntityNotFound, NameNeeded."""
        if name is None and caller.kind is PrincipalKind.ROOT:
            await self.entities.ask_of(caller, "iam:GetUser", caller.arn)
            return User(caller.account, caller.account, "", "/", _ALWAYS)
        chosen = name or own_name(caller)
        await self.entities.ask(caller, "iam:GetUser", PrincipalType.USER, chosen)
        return await self.catalog.partition.read(lambda db: identities.get_user(db, caller.account, chosen))

    async def list(self, caller: Caller, prefix: str, page: Page) -> list[User]:
        """List users beneath a path: one more than the page holds if there is one."""
        await self.entities.ask_of(caller, "iam:ListUsers", user_arn(caller.account, prefix, ""))
        return await self.catalog.partition.read(lambda db: identities.users(db, caller.account, prefix, page))

    async def delete(self, caller: Caller, name: str) -> None:
        """Delete a user. Raises EntityNotFound, StillReferenced."""
        await self.entities.ask(caller, "iam:DeleteUser", PrincipalType.USER, name)
        await self.catalog.partition.write(
            lambda db: identities.delete_user(db, identities.get_user(db, caller.account, name))
        )


def own_name(caller: Caller) -> str:
    """Return the name of the user who calls. Raises NameNeeded for everybody else."""
    if caller.kind is not PrincipalKind.USER:
        raise NameNeeded
    return caller.principal_arn.rpartition("/")[2]
