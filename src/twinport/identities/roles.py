"""Roles: create, read, list, update, tag, delete. Of a service-linked role only the description can change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from twinport.access.gate import Context
from twinport.access.uses import Uses
from twinport.catalog.partition import entities as rows
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.identities import trust_documents, unique_ids
from twinport.identities.boundaries import Boundaries
from twinport.identities.entities import Entities, boundary_context, check_path, check_tags, tag_context
from twinport.identities.rules import roles, shared
from twinport.model.entities import DEFAULT_SESSION, SERVICE_ROLE_PATH, Page, PrincipalType, Role, Tag
from twinport.model.identities import Caller
from twinport.model.names import AccountId, role_arn
from twinport.refusals.identities import InvalidInput

_ROLE = PrincipalType.ROLE


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role to create. `trust` is the document as the client sent it."""

    name: str
    path: str
    trust: str
    description: str | None = None
    max_session: timedelta = DEFAULT_SESSION
    tags: tuple[Tag, ...] = ()
    boundary: str | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    catalog: Catalog
    entities: Entities
    boundaries: Boundaries
    world: Clock
    uses: Uses

    async def create(self, caller: Caller, new: NewRole) -> Role:
        """Create a role.

        Raises EntityExists, LimitReached, PolicyMalformed, PrincipalUnknown, InvalidInput, and for the boundary what
        Boundaries.put raises.
        """
        arn = role_arn(caller.account, new.path, new.name)
        context = {**tag_context(new.tags), **boundary_context(new.boundary)}
        await self.entities.ask_of(caller, "iam:CreateRole", arn, context)
        check_tags(new.tags)
        check_path(new.path)
        if new.path.startswith(SERVICE_ROLE_PATH):
            raise InvalidInput(f"paths beginning with '{SERVICE_ROLE_PATH}' are kept for CreateServiceLinkedRole")
        role = Role(
            unique_id=unique_ids.role(),
            account=caller.account,
            name=new.name,
            path=new.path,
            trust=trust_documents.stored(new.trust),
            created_at=self.world.now(),
            description=new.description,
            max_session=new.max_session,
            tags=new.tags,
            boundary=new.boundary,
        )

        def store(db: Connection) -> None:
            self.boundaries.expect(db, caller.account, _ROLE, new.boundary)
            roles.add(db, role)

        await self.catalog.partition.write(store)
        return role

    async def get(self, caller: Caller, name: str) -> Role:
        """Return a role. Raises EntityNotFound."""
        await self.entities.ask(caller, "iam:GetRole", _ROLE, name)
        await self.uses.settle()
        return await self.catalog.partition.read(lambda db: roles.get(db, caller.account, name))

    async def list(self, caller: Caller, prefix: str, page: Page) -> list[Role]:
        """List roles beneath a path: one more than the page holds if there is one."""
        await self.entities.ask_of(caller, "iam:ListRoles", role_arn(caller.account, prefix, ""))
        return await self.catalog.partition.read_much(lambda db: rows.roles(db, caller.account, prefix, page))

    async def update(
        self, caller: Caller, name: str, *, description: str | None, max_session: timedelta | None
    ) -> None:
        """Change what is given. Raises EntityNotFound, or RoleUnmodifiable for a service-linked role's session."""
        await self.entities.ask(caller, "iam:UpdateRole", _ROLE, name)

        def change(db: Connection) -> None:
            find = roles.get if max_session is None else roles.get_own
            role = find(db, caller.account, name)
            text = role.description if description is None else description
            longest = role.max_session if max_session is None else max_session
            rows.update_role(db, replace(role, description=text, max_session=longest))

        await self.catalog.partition.write(change)

    async def change_description(self, caller: Caller, name: str, description: str) -> Role:
        """Change a role's description, also that of a service-linked role. Raises EntityNotFound."""
        await self.entities.ask(caller, "iam:UpdateRoleDescription", _ROLE, name)

        def change(db: Connection) -> Role:
            role = replace(roles.get(db, caller.account, name), description=description)
            rows.update_role(db, role)
            return role

        return await self.catalog.partition.write(change)

    async def trust(self, caller: Caller, name: str, document: str) -> None:
        """Replace the trust document.

        Raises EntityNotFound, RoleUnmodifiable, PolicyMalformed, PrincipalUnknown, LimitReached.
        """
        await self.entities.ask(caller, "iam:UpdateAssumeRolePolicy", _ROLE, name)

        def change(db: Connection) -> None:
            role = roles.get_own(db, caller.account, name)
            roles.set_trust(db, role, trust_documents.stored(document))

        await self.catalog.partition.write(change)

    async def delete(self, caller: Caller, name: str) -> None:
        """Delete a role. Raises EntityNotFound, StillReferenced, RoleUnmodifiable."""
        await self.entities.ask(caller, "iam:DeleteRole", _ROLE, name)
        await self.catalog.partition.write(lambda db: roles.delete(db, roles.get_own(db, caller.account, name)))

    # --- tags ---------------------------------------------------------------------------------------------

    async def tag(self, caller: Caller, name: str, tags: Sequence[Tag]) -> None:
        """Add tags, replacing those of the same keys. Raises EntityNotFound, InvalidInput, LimitReached."""
        await self.entities.ask(caller, "iam:TagRole", _ROLE, name, tag_context(tags))
        check_tags(tags)
        await self.catalog.partition.write(lambda db: shared.put_tags(db, _id_of(db, caller.account, name), tags))

    async def untag(self, caller: Caller, name: str, keys: Sequence[str]) -> None:
        """Remove tags. A key that does not exist is no error. Raises EntityNotFound."""
        context: Context = {"aws:TagKeys": tuple(keys)}
        await self.entities.ask(caller, "iam:UntagRole", _ROLE, name, context)
        await self.catalog.partition.write(lambda db: rows.remove_tags(db, _id_of(db, caller.account, name), keys))

    async def tags(self, caller: Caller, name: str) -> tuple[Tag, ...]:
        """Return all tags, fifty at most, in the order of their keys. Raises EntityNotFound."""
        await self.entities.ask(caller, "iam:ListRoleTags", _ROLE, name)
        return (await self.catalog.partition.read(lambda db: roles.get(db, caller.account, name))).tags


def _id_of(db: Connection, account: AccountId, name: str) -> str:
    return roles.get(db, account, name).unique_id
