"""Policies ready for a decision: parsed documents cached by content, principals' policies cached by generation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from twinport.access.generations import ByGeneration, Generations
from twinport.catalog import permissions
from twinport.catalog.permissions import Holdings
from twinport.catalog.ports import Catalog
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.names import PARTITION, AccountId
from twinport.policies.aws_managed import AwsPolicies, is_aws_policy
from twinport.policies.documents import Policy, PolicyKind, parse

_MOST_DOCUMENTS = 1024
_MOST_PRINCIPALS = 1024


@dataclass(frozen=True, slots=True)
class Held:
    """The policies of a principal."""

    policies: tuple[Policy, ...]
    tags: Mapping[str, str]
    boundary: Policy | None = None


_NOTHING = Held((), {})


class PolicyLibrary:
    """Every method raises PolicyMalformed when a stored document cannot be parsed."""

    def __init__(self, catalog: Catalog, aws_policies: AwsPolicies) -> None:
        self._catalog, self._aws_policies = catalog, aws_policies
        self._parsed = lru_cache(_MOST_DOCUMENTS)(parse)
        self._generations = Generations(catalog)
        # By unique id. A principal that no longer exists is looked up each time.
        self._held: ByGeneration[str, Held] = ByGeneration(_MOST_PRINCIPALS)

    def read(self, text: str, kind: PolicyKind) -> Policy:
        """Parse a document, or return the cached result."""
        return self._parsed(text, kind)

    async def held_by(self, caller: Caller) -> Held | None:
        """Return the current policies of the caller's principal; None when its unique id no longer exists."""
        # A root, a web identity without a role, and a service have no policies.
        if caller.unique_id == caller.account or not caller.kind.is_of_an_account:
            return _NOTHING
        generation = await self._generations.at(caller)
        held = self._held.get(generation, caller.unique_id)
        if held is None:
            held = await self.of_principal(caller.unique_id)
            if held is not None:
                self._held.keep(generation, caller.unique_id, held)
        return held

    async def limits_of(self, caller: Caller) -> tuple[Policy, ...] | None:
        """Return the session policies that limit the caller, or None when nothing limits it."""
        session = caller.session
        if session is None or not (session.policies or session.policy_arns):
            return () if caller.kind is PrincipalKind.FEDERATED else None
        inline = tuple(self.read(text, PolicyKind.SESSION) for text in session.policies)
        return inline + self._named(await self._documents(session.policy_arns), PolicyKind.SESSION)

    async def has_policy(self, account: AccountId, arn: str) -> bool:
        """Tell whether AWS or this account has a managed policy with this ARN."""
        is_own = arn.startswith(f"arn:{PARTITION}:iam::{account}:policy/")
        return (is_own or is_aws_policy(arn)) and bool(await self._documents([arn]))

    async def of_group(self, group_id: str) -> Held:
        """Return the policies of a group."""
        holdings = await self._catalog.partition.read(lambda db: permissions.group_holdings(db, group_id))
        return await self._held_of(holdings)

    async def of_principal(self, unique_id: str) -> Held | None:
        """Return the current policies of a user or role; None when its unique id no longer exists."""
        holdings = await self._catalog.partition.read(lambda db: permissions.holdings(db, unique_id))
        return None if holdings is None else await self._held_of(holdings)

    async def _held_of(self, holdings: Holdings) -> Held:
        texts = {**holdings.inline, **self._in_force(holdings.attached)}
        identity = self._named(texts, PolicyKind.IDENTITY)
        return Held(identity, holdings.tags, await self._boundary(holdings.boundary))

    def _named(self, texts: Mapping[str, str], kind: PolicyKind) -> tuple[Policy, ...]:
        """Parse documents and give them their names. Documents with the same text share the cached result."""
        return tuple(replace(self.read(text, kind), name=name) for name, text in texts.items())

    async def _boundary(self, arn: str | None) -> Policy | None:
        """Return a boundary. A boundary whose policy was deleted allows nothing, unlike one that was never set."""
        if arn is None:
            return None
        found = self._named(await self._documents([arn]), PolicyKind.BOUNDARY)
        return found[0] if found else Policy(PolicyKind.BOUNDARY, (), name=arn)

    def _in_force(self, attached: Mapping[str, str | None]) -> dict[str, str]:
        """Return the documents of attached policies, of which the customers' were read."""
        of_aws = {arn: policy.document for arn in attached if (policy := self._aws_policies.find(arn))}
        return {arn: document for arn, document in {**attached, **of_aws}.items() if document is not None}

    async def _documents(self, arns: Sequence[str]) -> dict[str, str]:
        """Return the documents of managed policies by ARN. A deleted policy has no statements, so it allows nothing."""
        found = {arn: policy.document for arn in arns if (policy := self._aws_policies.find(arn))}
        missing = [arn for arn in arns if arn not in found]
        if missing:
            found |= await self._catalog.partition.read(lambda db: permissions.documents(db, missing))
        return found
