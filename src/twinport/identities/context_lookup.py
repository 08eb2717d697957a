"""Which condition keys an entity's policies, or other given policies, use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from twinport.catalog.partition import principal_policies
from twinport.catalog.ports import Catalog, Connection
from twinport.identities import entity_arns, entity_policies
from twinport.identities.entities import Entities
from twinport.identities.entity_policies import HeldPolicy
from twinport.model.entities import PrincipalType
from twinport.model.identities import Caller
from twinport.policies import context_keys
from twinport.policies.aws_managed import AwsPolicies
from twinport.processes import pools
from twinport.processes.pools import Work
from twinport.refusals.identities import EntityUnretrievable, InvalidInput, PolicyMalformed

_DEADLINE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class ContextLookup:
    catalog: Catalog
    entities: Entities
    aws: AwsPolicies

    async def of_documents(self, caller: Caller, documents: Sequence[str]) -> list[str]:
        """Return the keys that these policies use. Raises InvalidInput for a malformed policy."""
        await self.entities.ask_of_account(caller, "iam:GetContextKeysForCustomPolicy")
        return await pools.SIMULATIONS.attend(lambda work: _named(documents, work), _DEADLINE)

    async def of_entity(self, caller: Caller, arn: str, documents: Sequence[str]) -> list[str]:
        """Return the keys in an entity's policies (for a user, also its groups' policies) and in these other policies.

        Raises InvalidInput, EntityUnretrievable.
        """
        found = entity_arns.parse(arn)
        kind, name = (found.kind, found.name) if found else (PrincipalType.USER, "*")
        await self.entities.ask_by_arn(caller, "iam:GetContextKeysForPrincipalPolicy", kind, name, arn)
        if found is None:
            raise InvalidInput(f"'{arn}' is not the ARN of a user, group or role")
        if found.account != caller.account:
            raise EntityUnretrievable
        held = await self.catalog.partition.read(lambda db: self._held(db, caller, kind, name))
        texts = [*documents, *(policy.text for policy in held)]
        return await pools.SIMULATIONS.attend(lambda work: _named(texts, work), _DEADLINE)

    def _held(self, db: Connection, caller: Caller, kind: PrincipalType, name: str) -> list[HeldPolicy]:
        owner = principal_policies.find(db, caller.account, kind, name)
        if owner is None:
            raise EntityUnretrievable
        return entity_policies.held(db, self.aws, owner)


def _named(documents: Sequence[str], work: Work) -> list[str]:
    try:
        return context_keys.named_in(_each(documents, work))
    except PolicyMalformed as refusal:
        raise InvalidInput(refusal.message) from refusal


def _each(documents: Sequence[str], work: Work) -> Iterator[str]:
    for text in documents:
        work.check()
        yield text
