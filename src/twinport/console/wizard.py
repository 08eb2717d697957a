"""The wizard for a replication rule: the input so far, the next step, and the problems of a step.

The query string carries all input, so every step has an address. The server stores nothing, the browser's own buttons
work, and only the last step's form changes anything.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from twinport.console.visits import Fields
from twinport.errors import LimitReached
from twinport.model.names import AccountId, RegionName, Registry, is_account_id
from twinport.model.replication import ReplicationConfiguration, ReplicationRule

# Bounds of ECR's wire format (botocore 1.44.5), which the verbs leave to their doors, like the pattern below.
MOST_RULES = 25
MOST_FILTERS = 100
MOST_ACCOUNTS = 25
_LONGEST_FILTER = 256
_FILTER = re.compile(r"(?:[a-z0-9][a-z0-9._-]*/)*[a-z0-9._-]*")


class Step(Enum):
    """The steps in order. Addresses contain the value."""

    TYPES = "types"
    REGIONS = "regions"
    ACCOUNTS = "accounts"
    FILTERS = "filters"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A destination account with its Regions, as typed."""

    account: str
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """The rule so far: text that is not parsed yet."""

    to_regions: bool
    to_accounts: bool
    regions: tuple[str, ...]
    accounts: tuple[AccountRow, ...]
    filters: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> "Draft":
        types = fields.all("type")
        rows = [
            AccountRow(fields.one(f"account{number}"), fields.all(f"account{number}-region"))
            for number in range(MOST_ACCOUNTS)
            if fields.all(f"account{number}") or fields.all(f"account{number}-region")
        ]
        return cls(
            to_regions="region" in types,
            to_accounts="account" in types,
            regions=fields.all("region"),
            accounts=tuple(row for row in rows if row.account or row.regions),
            filters=tuple(dict.fromkeys(text for text in fields.all("filter") if text)),
        )

    def pairs(self, without: Step | None = None) -> list[tuple[str, str]]:
        """Return the input so far for hidden fields, except the fields of the step `without`, which shows its own."""
        found: list[tuple[str, str]] = []
        if without is not Step.TYPES:
            found += [("type", "region")] * self.to_regions + [("type", "account")] * self.to_accounts
        if without is not Step.REGIONS:
            found += [("region", region) for region in self.regions]
        if without is not Step.ACCOUNTS:
            for number, row in enumerate(self.accounts):
                found.append((f"account{number}", row.account))
                found += [(f"account{number}-region", region) for region in row.regions]
        if without is not Step.FILTERS:
            found += [("filter", text) for text in self.filters]
        return found

    def rule(self, source: Registry) -> ReplicationRule:
        """Return the rule, with each destination once, in the given order. No step may have problems."""
        own = [Registry(source.account, RegionName(region)) for region in self.regions] if self.to_regions else []
        others = [
            Registry(AccountId(row.account), RegionName(region))
            for row in (self.accounts if self.to_accounts else ())
            for region in row.regions
        ]
        return ReplicationRule(tuple(dict.fromkeys([*own, *others])), self.filters)


def steps(draft: Draft) -> list[Step]:
    """Return the steps that this draft takes."""
    skipped = {Step.REGIONS: not draft.to_regions, Step.ACCOUNTS: not draft.to_accounts}
    return [step for step in Step if not skipped.get(step, False)]


def turn(draft: Draft, at: Step, *, backwards: bool) -> Step:
    """Return the step after `at`, or the one before it."""
    path = steps(draft)
    if backwards:
        return ([Step.TYPES] + [step for step in path if _order(step) < _order(at)])[-1]
    return next((step for step in path if _order(step) > _order(at)), Step.REVIEW)


def problems(draft: Draft, step: Step, source: Registry, known: Collection[RegionName]) -> list[str]:
    """Return the problems with the input of one step."""
    match step:
        case Step.TYPES:
            return [] if draft.to_regions or draft.to_accounts else ["choose at least one type of destination"]
        case Step.REGIONS:
            return _region_problems(draft.regions, source, known)
        case Step.ACCOUNTS:
            return _account_problems(draft.accounts, source, known)
        case Step.FILTERS:
            return _filter_problems(draft.filters)
        case Step.REVIEW:
            return []


def first_problem(draft: Draft, source: Registry, known: Collection[RegionName]) -> Step | None:
    """Return the first step with problems."""
    return next((step for step in steps(draft) if problems(draft, step, source, known)), None)


def with_rule(configuration: ReplicationConfiguration, rule: ReplicationRule) -> ReplicationConfiguration:
    return ReplicationConfiguration((*configuration.rules, rule))


def check_count(configuration: ReplicationConfiguration) -> None:
    """Raise LimitReached for more rules than a registry may have."""
    if len(configuration.rules) > MOST_RULES:
        raise LimitReached(f"a registry has at most {MOST_RULES} replication rules: remove one first")


def without_rule(configuration: ReplicationConfiguration, number: int) -> ReplicationConfiguration:
    """Return the configuration without the rule at `number`, counted from one."""
    rules = configuration.rules
    return ReplicationConfiguration(rules[: number - 1] + rules[number:])


def _region_problems(regions: Collection[str], source: Registry, known: Collection[RegionName]) -> list[str]:
    if not regions:
        return ["choose at least one destination Region"]
    found = [f"'{region[:40]}' is not a Region of this deployment" for region in regions if region not in known]
    if source.region in regions:
        found.append(f"images are in {source.region} already: choose other Regions")
    return found


def _account_problems(rows: Collection[AccountRow], source: Registry, known: Collection[RegionName]) -> list[str]:
    if not rows:
        return ["give at least one destination account"]
    found = []
    for row in rows:
        if not is_account_id(row.account):
            found.append(f"'{row.account[:40]}' is not an account id: twelve digits are needed")
        if row.account == source.account:
            found.append(f"{row.account} is your own account: choose its Regions under cross-Region replication")
        if not row.regions:
            found.append(f"choose at least one Region for account '{row.account[:40]}'")
        if unknown := [region[:40] for region in row.regions if region not in known]:
            found.append(f"these are not Regions of this deployment: {', '.join(unknown)}")
    return found


def _filter_problems(filters: Collection[str]) -> list[str]:
    found = [
        f"'{text[:60]}' cannot begin a repository's name: use 2 to 256 lower-case letters, digits, and . _ - / between"
        for text in filters
        if not 2 <= len(text) <= _LONGEST_FILTER or not _FILTER.fullmatch(text)  # noqa: PLR2004 — said in the text
    ]
    if len(filters) > MOST_FILTERS:
        found.append(f"a rule has at most {MOST_FILTERS} filters")
    return found


def _order(step: Step) -> int:
    return list(Step).index(step)
