"""The fields of image tag mutability: the four values, the exclusion filters, and the problems of what was typed."""

import json
import re
from dataclasses import dataclass

from twinport.console.visits import Fields
from twinport.model.images import Mutability, TagRule

# Bounds of ECR's wire format (botocore 1.44.5), which the verbs leave to their doors.
MOST_FILTERS = 5
_FILTER = re.compile(r"[0-9a-zA-Z._*-]{1,128}")
_MOST_KEPT = 2000


@dataclass(frozen=True, slots=True)
class TagRuleFields:
    """What the form holds: a value of ImageTagMutability, and filters separated by blanks, commas or line ends."""

    mutability: str
    filters: str

    @classmethod
    def of(cls, rule: TagRule) -> "TagRuleFields":
        return cls(rule.mutability.value, "\n".join(rule.exclusions))

    @classmethod
    def parse(cls, fields: Fields) -> "TagRuleFields":
        return cls(fields.one("mutability"), fields.one("filters")[:_MOST_KEPT])

    @property
    def exclusions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part for part in re.split(r"[,\s]+", self.filters) if part))

    def problems(self) -> list[str]:
        """Return the problems with the fields."""
        if self.mutability not in [each.value for each in Mutability]:
            return ["choose an image tag mutability"]
        if len(self.exclusions) > MOST_FILTERS:
            return [f"give at most {MOST_FILTERS} exclusion filters"]
        has_exclusions = Mutability(self.mutability).has_exclusions
        found = [
            f"'{text[:60]}' is not an exclusion filter: use 1 to 128 letters, digits, . _ - and * for any characters"
            for text in self.exclusions
            if not _FILTER.fullmatch(text)
        ]
        if has_exclusions and not self.exclusions:
            found.append("give at least one exclusion filter, or choose a value without exclusions")
        if self.exclusions and not has_exclusions:
            found.append("remove the exclusion filters, or choose a value with exclusions")
        return found

    def rule(self) -> TagRule:
        """Return the rule. The fields must have no problems."""
        return TagRule.parse(self.mutability, self.exclusions)

    def options(self) -> dict[str, str]:
        """Return the options of the AWS CLI for these fields."""
        options = {"image_tag_mutability": self.mutability or Mutability.MUTABLE.value}
        if self.exclusions:
            filters = [{"filterType": "WILDCARD", "filter": text} for text in self.exclusions]
            options["image_tag_mutability_exclusion_filters"] = json.dumps(filters)
        return options


def in_words(rule: TagRule) -> str:
    """Name a rule as ECR's console does."""
    return _WORDS[rule.mutability]


_WORDS = {
    Mutability.MUTABLE: "Mutable",
    Mutability.IMMUTABLE: "Immutable",
    Mutability.MUTABLE_WITH_EXCLUSION: "Mutable with exclusion",
    Mutability.IMMUTABLE_WITH_EXCLUSION: "Immutable with exclusion",
}
