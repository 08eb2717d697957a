"""Instance profiles: create, read, list, add and remove a role, tag, delete."""

from collections.abc import Sequence
from dataclasses import dataclass

from twinport.access.gate import NO_CONTEXT, Context, IdentityResource
from twinport.catalog.partition import entities as rows
from twinport.catalog.partition import instance_profiles
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.identities import unique_ids
from twinport.identities.entities import Entities, check_path, check_tags, pass_context, tag_context
from twinport.identities.rules import instance_profiles as rules
from twinport.identities.rules import roles, shared
from twinport.model.entities import InstanceProfile, Page, PrincipalType, Tag
from twinport.model.identities import Caller
from twinport.model.names import instance_profile_arn

# The service that uses the roles in profiles. A caller that adds a role to a profile passes the role to this service.
_MACHINES = "ec2.amazonaws.com"


@dataclass(frozen=True, slots=True)
class InstanceProfiles:
    catalog: Catalog
    entities: Entities
    world: Clock

    async def create(self, caller: Caller, name: str, *, path: str, tags: Sequence[Tag]) -> InstanceProfile:
        """Create a profile without a role. Raises InstanceProfileExists, LimitReached, InvalidInput."""
        arn = instance_profile_arn(caller.account, path, name)
        await self.entities.ask_of(caller, "iam:CreateInstanceProfile", arn, tag_context(tags))
        check_tags(tags)
        check_path(path)
        made = InstanceProfile(
            unique_ids.instance_profile(), caller.account, name, path, self.world.now(), tags=tuple(tags)
        )
        await self.catalog.partition.write(lambda db: rules.add(db, made))
        return made

    async def get(self, caller: Caller, name: str) -> InstanceProfile:
        """Return a profile. Raises InstanceProfileNotFound."""
        await self._ask(caller, "iam:GetInstanceProfile", name)
        return await self.catalog.partition.read(lambda db: rules.get(db, caller.account, name))

    async def list(self, caller: Caller, prefix: str, page: Page) -> list[InstanceProfile]:
        """List profiles beneath a path: one more than the page holds if there is one."""
        arn = instance_profile_arn(caller.account, prefix, "")
        await self.entities.ask_of(caller, "iam:ListInstanceProfiles", arn)
        return await self.catalog.partition.read_much(
            lambda db: instance_profiles.listed(db, caller.account, prefix, page)
        )

    async def of_role(self, caller: Caller, role: str, page: Page) -> Sequence[InstanceProfile]:
        """List the profiles that hold a role: one more than the page holds if there is one. Raises EntityNotFound."""
        await self.entities.ask(caller, "iam:ListInstanceProfilesForRole", PrincipalType.ROLE, role)
        return await self.catalog.partition.read(
            lambda db: instance_profiles.of_role(db, roles.get(db, caller.account, role), page)
        )

    async def delete(self, caller: Caller, name: str) -> None:
        """Delete a profile that holds no role. Raises InstanceProfileNotFound, StillReferenced."""
        await self._ask(caller, "iam:DeleteInstanceProfile", name)
        await self.catalog.partition.write(lambda db: rules.remove(db, rules.get(db, caller.account, name)))

    async def put_role(self, caller: Caller, name: str, role: str) -> None:
        """Add a role to a profile. The caller must be allowed to pass the role to EC2.

        Raises InstanceProfileNotFound, EntityNotFound, RoleUnmodifiable, or LimitReached if the profile has a role.
        """
        await self._ask(caller, "iam:AddRoleToInstanceProfile", name)
        await self.entities.ask(caller, "iam:PassRole", PrincipalType.ROLE, role, pass_context(_MACHINES))

        def store(db: Connection) -> None:
            chosen = roles.get_own(db, caller.account, role)
            rules.put_role(db, rules.get(db, caller.account, name), chosen)

        await self.catalog.partition.write(store)

    async def take_role(self, caller: Caller, name: str, role: str) -> None:
        """Remove a role. Raises InstanceProfileNotFound, EntityNotFound, RoleUnmodifiable, RoleNotInProfile."""
        await self._ask(caller, "iam:RemoveRoleFromInstanceProfile", name)

        def take(db: Connection) -> None:
            chosen = roles.get_own(db, caller.account, role)
            rules.take_role(db, rules.get(db, caller.account, name), chosen)

        await self.catalog.partition.write(take)

    # --- tags ---------------------------------------------------------------------------------------------

    async def tag(self, caller: Caller, name: str, tags: Sequence[Tag]) -> None:
        """Add tags, replacing those of the same keys. Raises InstanceProfileNotFound, InvalidInput, LimitReached."""
        await self._ask(caller, "iam:TagInstanceProfile", name, tag_context(tags))
        check_tags(tags)
        await self.catalog.partition.write(
            lambda db: shared.put_tags(db, rules.get(db, caller.account, name).unique_id, tags)
        )

    async def untag(self, caller: Caller, name: str, keys: Sequence[str]) -> None:
        """Remove tags. A key that does not exist is no error. Raises InstanceProfileNotFound."""
        await self._ask(caller, "iam:UntagInstanceProfile", name, {"aws:TagKeys": tuple(keys)})
        await self.catalog.partition.write(
            lambda db: rows.remove_tags(db, rules.get(db, caller.account, name).unique_id, keys)
        )

    async def tags(self, caller: Caller, name: str) -> tuple[Tag, ...]:
        """Return all tags, fifty at most, in the order of their keys. Raises InstanceProfileNotFound."""
        await self._ask(caller, "iam:ListInstanceProfileTags", name)
        return (await self.catalog.partition.read(lambda db: rules.get(db, caller.account, name))).tags

    async def _ask(self, caller: Caller, action: str, name: str, context: Context = NO_CONTEXT) -> None:
        """Ask the gate about a profile of the caller's account. A missing profile counts as having the path '/'."""
        found = await self.catalog.partition.read(lambda db: instance_profiles.find(db, caller.account, name))
        arn = found.arn if found else instance_profile_arn(caller.account, "/", name)
        unique_id = found.unique_id if found else None
        resource = IdentityResource(caller.account, arn, unique_id, f"instance profile {name}")
        await self.entities.gate.authorize(caller, action, resource, context)
