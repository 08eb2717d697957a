"""Which condition keys the policies of an entity, or any others, ask for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from twinport.access import context_keys
from twinport.access.aws_policies import AwsPolicies
from twinport.access.entities import Entities
from twinport.catalog import groups, permissions, principal_policies
from twinport.catalog.database import Connection
from twinport.catalog.embedded import Catalog
from twinport.model.entities import Group, PolicyOwner, PrincipalType, User
from twinport.model.identities import Caller
from twinport.model.names import PARTITION
from twinport.refusals.identities import EntityUnretrievable, InvalidInput, PolicyMalformed

_ARN = re.compile(rf"arn:{PARTITION}:iam::([0-9]{{12}}):(user|group|role)/(?:[\x21-\x7e]+/)?([\w+=,.@-]+)")


@dataclass(frozen=True, slots=True)
class ContextLookup:
    catalog: Catalog
    entities: Entities
    aws: AwsPolicies

    async def of_documents(self, caller: Caller, documents: Sequence[str]) -> list[str]:
        """Return the keys that these policies ask for. Raises InvalidInput for one that is malformed."""
        await self.entities.ask_of_account(caller, "iam:GetContextKeysForCustomPolicy")
        return _named(documents)

    async def of_entity(self, caller: Caller, arn: str, documents: Sequence[str]) -> list[str]:
        """Return the keys that an entity's policies, a user's with those of its groups, and these others ask for.

        Raises InvalidInput, EntityUnretrievable.
        """
        found = _ARN.fullmatch(arn)
        kind, name = (PrincipalType(found[2]), found[3]) if found else (PrincipalType.USER, "*")
        await self.entities.ask(caller, "iam:GetContextKeysForPrincipalPolicy", kind, name)
        if found is None:
            raise InvalidInput(f"'{arn}' is not the ARN of a user, group or role")
        if found[1] != caller.account:
            raise EntityUnretrievable
        held = await self.catalog.partition.read(lambda db: self._held(db, caller, kind, name))
        return _named([*documents, *held])

    def _held(self, db: Connection, caller: Caller, kind: PrincipalType, name: str) -> list[str]:
        owner = principal_policies.find(db, caller.account, kind, name)
        if owner is None:
            raise EntityUnretrievable
        owners: list[PolicyOwner] = [owner, *_groups(db, owner)]
        inline = [text for each in owners for _, text in principal_policies.inline_documents(db, each)]
        arns = [arn for each in owners for arn in principal_policies.attached(db, each)]
        of_aws = [known.document for arn in arns if (known := self.aws.find(arn))]
        return [*inline, *of_aws, *permissions.documents(db, arns).values()]


def _named(documents: Sequence[str]) -> list[str]:
    try:
        return context_keys.named_in(documents)
    except PolicyMalformed as refusal:
        raise InvalidInput(refusal.message) from refusal


def _groups(db: Connection, owner: PolicyOwner) -> list[Group]:
    return groups.all_of_user(db, owner) if isinstance(owner, User) else []
