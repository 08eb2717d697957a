"""How many bytes accounts and repositories hold: layers and configs, each counted once where it is held."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from twinport.model.names import AccountId, RepositoryName

Holder = TypeVar("Holder")


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes that no other account, or no other repository, holds; and those that another one holds, too."""

    own: int = 0
    shared: int = 0

    @property
    def total(self) -> int:
        return self.own + self.shared

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.own + other.own, self.shared + other.shared)


@dataclass(frozen=True, slots=True)
class HeldBlob:
    """A blob of a Region, and the repositories that hold it."""

    size: int
    holders: Collection[tuple[AccountId, RepositoryName]]


@dataclass(slots=True)
class RegionUsage:
    """What each account and each repository of a Region holds. Blobs are added one after the other."""

    accounts: dict[AccountId, Usage] = field(default_factory=lambda: defaultdict(Usage))
    repositories: dict[tuple[AccountId, RepositoryName], Usage] = field(default_factory=lambda: defaultdict(Usage))

    def add(self, blob: HeldBlob) -> None:
        """Count a blob for each of its holders."""
        holders = set(blob.holders)
        _count(self.repositories, holders, blob.size)
        _count(self.accounts, {account for account, _ in holders}, blob.size)

    def of(self, account: AccountId) -> Mapping[RepositoryName, Usage]:
        """Return what each repository of an account holds, in the order of their names."""
        mine = {name: usage for (owner, name), usage in self.repositories.items() if owner == account}
        return dict(sorted(mine.items()))


def _count(usages: dict[Holder, Usage], holders: Collection[Holder], size: int) -> None:
    counted = Usage(own=size) if len(holders) == 1 else Usage(shared=size)
    for each in holders:
        usages[each] += counted
