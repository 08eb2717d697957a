"""Permissions boundaries of users and roles: managed policies that bound what others grant."""

from dataclasses import dataclass

from twinport.catalog.partition import entities as rows
from twinport.catalog.ports import Catalog, Connection
from twinport.identities.entities import Entities, boundary_context
from twinport.identities.managed_policies import expect_attachable
from twinport.identities.rules import principal_policies
from twinport.model.entities import PrincipalType
from twinport.model.identities import Caller
from twinport.model.names import AccountId
from twinport.policies.aws_managed import AwsPolicies


@dataclass(frozen=True, slots=True)
class Boundaries:
    """The same verbs for users and roles; groups have no boundary."""

    catalog: Catalog
    entities: Entities
    aws: AwsPolicies

    async def put(self, caller: Caller, kind: PrincipalType, owner: str, arn: str) -> None:
        """Set the permissions boundary of a user or role.

        Raises EntityNotFound, RoleUnmodifiable, ArnInvalid, PolicyNotThere, PolicyNotAttachable.
        """
        action = f"iam:Put{kind.value.capitalize()}PermissionsBoundary"
        await self.entities.ask(caller, action, kind, owner, boundary_context(arn))

        def store(db: Connection) -> None:
            principal = principal_policies.get_own(db, caller.account, kind, owner)
            self.expect(db, caller.account, kind, arn)
            rows.set_boundary(db, principal.unique_id, arn)

        await self.catalog.partition.write(store)

    async def remove(self, caller: Caller, kind: PrincipalType, owner: str) -> None:
        """Remove the boundary. It is no error if there is none. Raises EntityNotFound, RoleUnmodifiable."""
        await self.entities.ask(caller, f"iam:Delete{kind.value.capitalize()}PermissionsBoundary", kind, owner)
        await self.catalog.partition.write(
            lambda db: rows.set_boundary(
                db, principal_policies.get_own(db, caller.account, kind, owner).unique_id, None
            )
        )

    def expect(self, db: Connection, account: AccountId, kind: PrincipalType, arn: str | None) -> None:
        """Raise ArnInvalid, PolicyNotThere or PolicyNotAttachable unless this policy, or none, may be a boundary."""
        if arn is not None:
            expect_attachable(db, self.aws, account, kind, arn)
