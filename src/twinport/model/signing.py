"""The signing configuration of a registry: which images are to be signed at their push, and with which profile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from twinport.model import wildcards


@dataclass(frozen=True, slots=True)
class SigningRule:
    """Images of repositories that one of `filters` matches, or of all, are signed with a profile of AWS Signer.

    `since` is when the rule was first put; it stays the same while the rule does.
    """

    profile: str
    filters: tuple[str, ...] = ()
    since: datetime | None = None

    def matches(self, repository: str) -> bool:
        return not self.filters or any(wildcards.matches(each, repository) for each in self.filters)

    def is_same(self, other: "SigningRule") -> bool:
        """Tell whether both say the same, whenever they were put."""
        return (self.profile, self.filters) == (other.profile, other.filters)


@dataclass(frozen=True, slots=True)
class SigningConfiguration:
    rules: tuple[SigningRule, ...] = ()

    def put_over(self, older: "SigningConfiguration", now: datetime) -> "SigningConfiguration":
        """Return these rules with their times: rules of `older` keep theirs, the others begin now."""
        return SigningConfiguration(tuple(replace(rule, since=_since(rule, older.rules, now)) for rule in self.rules))

    def profiles(self, repository: str, pushed_at: datetime) -> list[str]:
        """Return, each once, the profiles with which an image of `repository` was to be signed at its push."""
        rules = [rule for rule in self.rules if rule.since is not None and rule.since <= pushed_at]
        return list(dict.fromkeys(rule.profile for rule in rules if rule.matches(repository)))


def _since(rule: SigningRule, older: Sequence[SigningRule], now: datetime) -> datetime:
    return next((each.since for each in older if each.is_same(rule) and each.since is not None), now)
