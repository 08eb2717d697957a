"""The policies of a user, group or role: inline ones, and managed ones that are attached."""

from dataclasses import dataclass

from twinport.access.gate import Context
from twinport.catalog.partition import principal_policies
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.identities.entities import Entities
from twinport.identities.managed_policies import check_arn, expect_attachable
from twinport.identities.rules import principal_policies as rules
from twinport.model.entities import Page, PrincipalType
from twinport.model.identities import Caller
from twinport.policies import documents
from twinport.policies.aws_managed import AwsPolicies
from twinport.policies.documents import PolicyKind

# The most characters in all inline policies of a principal together, not counting whitespace.
INLINE_MOST = {PrincipalType.USER: 2048, PrincipalType.GROUP: 5120, PrincipalType.ROLE: 10240}


@dataclass(frozen=True, slots=True)
class PrincipalPolicies:
    """The same verbs for every kind. `kind` is part of the action's name (iam:PutUserPolicy, iam:PutRolePolicy)."""

    catalog: Catalog
    entities: Entities
    world: Clock
    aws: AwsPolicies

    # --- inline -------------------------------------------------------------------------------------------

    async def put(self, caller: Caller, kind: PrincipalType, owner: str, name: str, document: str) -> None:
        """Store an inline policy. Raises EntityNotFound, PolicyMalformed, LimitReached, RoleUnmodifiable."""
        await self.entities.ask(caller, f"iam:Put{_word(kind)}Policy", kind, owner)

        def store(db: Connection) -> None:
            principal = rules.get_own(db, caller.account, kind, owner)
            documents.parse_given(document, PolicyKind.IDENTITY)
            rules.put_inline(db, principal, name, document, most=INLINE_MOST[kind])

        await self.catalog.partition.write(store)

    async def get(self, caller: Caller, kind: PrincipalType, owner: str, name: str) -> str:
        """Return the text of an inline policy, as it was sent. Raises EntityNotFound."""
        await self.entities.ask(caller, f"iam:Get{_word(kind)}Policy", kind, owner)

        def find(db: Connection) -> str:
            return rules.inline(db, rules.get(db, caller.account, kind, owner), name)

        return await self.catalog.partition.read(find)

    async def remove(self, caller: Caller, kind: PrincipalType, owner: str, name: str) -> None:
        """Delete an inline policy. Raises EntityNotFound, RoleUnmodifiable."""
        await self.entities.ask(caller, f"iam:Delete{_word(kind)}Policy", kind, owner)

        def delete(db: Connection) -> None:
            rules.remove_inline(db, rules.get_own(db, caller.account, kind, owner), name)

        await self.catalog.partition.write(delete)

    async def names(self, caller: Caller, kind: PrincipalType, owner: str, page: Page) -> list[str]:
        """List inline policies: one more than the page holds if there is one. Raises EntityNotFound."""
        await self.entities.ask(caller, f"iam:List{_word(kind)}Policies", kind, owner)

        def find(db: Connection) -> list[str]:
            principal = rules.get(db, caller.account, kind, owner)
            return principal_policies.inline_names(db, principal, page)

        return await self.catalog.partition.read(find)

    # --- attached -----------------------------------------------------------------------------------------

    async def attach(self, caller: Caller, kind: PrincipalType, owner: str, arn: str) -> None:
        """Attach a managed policy; doing so again changes nothing.

        Raises EntityNotFound, RoleUnmodifiable, ArnInvalid, PolicyNotThere, PolicyNotAttachable, LimitReached.
        """
        await self.entities.ask(caller, f"iam:Attach{_word(kind)}Policy", kind, owner, _context(arn))

        def store(db: Connection) -> None:
            principal = rules.get_own(db, caller.account, kind, owner)
            expect_attachable(db, self.aws, caller.account, kind, arn)
            rules.attach(db, principal, arn, self.world.now())

        await self.catalog.partition.write(store)

    async def detach(self, caller: Caller, kind: PrincipalType, owner: str, arn: str) -> None:
        """Detach a managed policy. Raises EntityNotFound, RoleUnmodifiable, ArnInvalid, PolicyNotFound."""
        await self.entities.ask(caller, f"iam:Detach{_word(kind)}Policy", kind, owner, _context(arn))

        def remove(db: Connection) -> None:
            principal = rules.get_own(db, caller.account, kind, owner)
            check_arn(arn)
            rules.detach(db, principal, arn)

        await self.catalog.partition.write(remove)

    async def attached(self, caller: Caller, kind: PrincipalType, owner: str) -> list[str]:
        """List the ARNs of the attached policies, ten at most, in order. Raises EntityNotFound."""
        await self.entities.ask(caller, f"iam:ListAttached{_word(kind)}Policies", kind, owner)

        def find(db: Connection) -> list[str]:
            return principal_policies.attached(db, rules.get(db, caller.account, kind, owner))

        return await self.catalog.partition.read(find)


def _word(kind: PrincipalType) -> str:
    return kind.value.capitalize()


def _context(arn: str) -> Context:
    return {"iam:PolicyARN": (arn,)}
