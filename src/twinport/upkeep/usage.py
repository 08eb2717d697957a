"""The report of `twinport account usage`: bytes by account, Region and repository."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.console import words
from twinport.model.names import AccountId, RegionName, RepositoryName
from twinport.model.printable import printable
from twinport.model.usage import RegionUsage, Usage


@dataclass(frozen=True, slots=True)
class RegistryUsage:
    """What an account holds in a Region, and what each of its repositories there does."""

    account: AccountId
    region: RegionName
    usage: Usage
    repositories: Mapping[RepositoryName, Usage]


@dataclass(frozen=True, slots=True)
class Report:
    """Registries in the order of their accounts and Regions. `is_of_one` if one account was asked for."""

    registries: Sequence[RegistryUsage]
    is_of_one: bool

    def json(self) -> str:
        """Return every figure, those of repositories included."""
        return json.dumps({"registries": [_facts(each) for each in self.registries]}, indent=2)

    def lines(self) -> list[str]:
        """Return the report for people: a line for each registry, and for one account one for each repository."""
        lines = [_line(f"{each.account}  {each.region}", each.usage) for each in self.registries]
        if self.is_of_one:
            lines += [
                _line(f"{each.region}  {name}", usage)
                for each in self.registries
                for name, usage in each.repositories.items()
            ]
        return lines or ["No repository holds a layer here."]


def report(counted: Mapping[RegionName, RegionUsage], account: AccountId | None) -> Report:
    """Report what was counted in each Region, for one account or all."""
    found = [
        RegistryUsage(owner, region, usage, each.of(owner))
        for region, each in counted.items()
        for owner, usage in each.accounts.items()
        if account in (None, owner)
    ]
    return Report(sorted(found, key=lambda each: (each.account, each.region)), account is not None)


def _line(name: str, usage: Usage) -> str:
    own, shared = words.size(usage.own), words.size(usage.shared)
    return printable(f"{words.size(usage.total):>10}  {own:>10} own  {shared:>10} shared  {name}")


def _facts(each: RegistryUsage) -> Mapping[str, object]:
    repositories = [{"name": name, **_figures(usage)} for name, usage in each.repositories.items()]
    registry = {"account": each.account, "region": each.region, **_figures(each.usage)}
    return {**registry, "repositories": repositories}


def _figures(usage: Usage) -> Mapping[str, int]:
    return {"bytes": usage.total, "own_bytes": usage.own, "shared_bytes": usage.shared}
