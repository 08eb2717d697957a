"""The report of an account: every user, group, role and policy with its attachments, in pages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from twinport.access.uses import Uses
from twinport.catalog.partition import details
from twinport.catalog.ports import Catalog
from twinport.identities.entities import Entities
from twinport.identities.managed_policies import shown_of_aws, version_of_aws
from twinport.model.details import Detail, DetailKind, PolicyDetail
from twinport.model.entities import Page
from twinport.model.identities import Caller
from twinport.model.names import AccountId
from twinport.policies.aws_managed import AwsPolicies


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a report: its kind, and its name or, for a policy, its ARN."""

    kind: DetailKind
    name: str

    @property
    def key(self) -> str:
        """The sort key of the report."""
        is_arn = self.kind in (DetailKind.OWN_POLICY, DetailKind.AWS_POLICY)
        return f"{_ORDER[self.kind]}{self.name if is_arn else self.name.lower()}"


_ORDER = {kind: str(place) for place, kind in enumerate(DetailKind)}


@dataclass(frozen=True, slots=True)
class Report:
    """A page of a report: its entries, and the key of the last entry if more follow."""

    details: Sequence[Detail]
    continued_after: str | None


@dataclass(frozen=True, slots=True)
class AccountReport:
    catalog: Catalog
    entities: Entities
    aws: AwsPolicies
    uses: Uses

    async def page(self, caller: Caller, kinds: Collection[DetailKind], page: Page) -> Report:
        """Return at most `page.limit` entries after `page.after`. Leaves out what is deleted meanwhile."""
        await self.entities.ask_of_account(caller, "iam:GetAccountAuthorizationDetails")
        await self.uses.settle()
        wanted = [kind for kind in DetailKind if kind in kinds]
        entries = await self.catalog.partition.read_much(
            lambda db: [Entry(kind, name) for kind in wanted for name in details.names(db, caller.account, kind)]
        )
        left = [entry for entry in entries if entry.key > page.after]
        chosen = left[: page.limit]
        found = [await self._detail(caller.account, entry) for entry in chosen]
        return Report([each for each in found if each is not None], chosen[-1].key if len(left) > len(chosen) else None)

    async def _detail(self, account: AccountId, entry: Entry) -> Detail | None:
        read, name = self.catalog.partition.read_much, entry.name
        match entry.kind:
            case DetailKind.USER:
                return await read(lambda db: details.user(db, account, name))
            case DetailKind.GROUP:
                return await read(lambda db: details.group(db, account, name))
            case DetailKind.ROLE:
                return await read(lambda db: details.role(db, account, name))
            case DetailKind.OWN_POLICY:
                return await read(lambda db: details.own_policy(db, name))
            case DetailKind.AWS_POLICY:
                return await self._aws_policy(account, name)

    async def _aws_policy(self, account: AccountId, arn: str) -> PolicyDetail | None:
        known = self.aws.find(arn)
        if known is None:
            return None
        policy = await self.catalog.partition.read(lambda db: shown_of_aws(db, account, known))
        return PolicyDetail(policy, (version_of_aws(known),))
