"""The form that adds a rule to the text of a lifecycle policy."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from twinport.console.visits import Fields
from twinport.model.lifecycle_policies import CountType, PolicyInvalid, TagSelection, parse_policy

_PREFIXES, _PATTERNS = "prefixes", "patterns"
_EXPIRE, _ARCHIVE = "expire", "transition"
_COUNTS_OF_IMAGES = [each.value for each in CountType if not each.is_in_days]
# No tag, prefix or pattern has these letters.
_SEPARATORS = re.compile(r"[,\s]+")


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """The fields of a rule as typed. `tags` is prefixes, patterns, untagged or any."""

    priority: str
    description: str = ""
    tags: str = _PREFIXES
    entries: str = ""
    count_type: str = CountType.MORE_THAN.value
    count: str = ""
    action: str = _EXPIRE

    @classmethod
    def blank(cls, text: str) -> "RuleDraft":
        """Return an empty form for the next rule of a policy."""
        return cls(str(_next_priority(text)))

    @classmethod
    def parse(cls, fields: Fields) -> "RuleDraft":
        return cls(
            priority=fields.one("priority"),
            description=fields.one("description"),
            tags=fields.one("tags"),
            entries=fields.one("entries"),
            count_type=fields.one("count-type"),
            count=fields.one("count"),
            action=fields.one("action"),
        )

    def problems(self) -> list[str]:
        """Return what is wrong with the fields themselves. The policy's own rules are checked in the text."""
        found = []
        if not _is_number(self.priority):
            found.append("the priority is a whole number from 1 on")
        if not _is_number(self.count):
            found.append("the number of images or days is a whole number from 1 on")
        if self.tags in (_PREFIXES, _PATTERNS) and not self._entries:
            found.append("give at least one prefix or pattern, or select images by another tag status")
        return found

    def rule(self) -> dict[str, Any]:
        """Return the rule as it is written in a policy. The fields must have no problems."""
        rule: dict[str, Any] = {"rulePriority": int(self.priority)}
        if self.description:
            rule["description"] = self.description
        return rule | {"selection": self._selection(), "action": self._action()}

    @property
    def _entries(self) -> list[str]:
        return [each for each in _SEPARATORS.split(self.entries) if each]

    def _selection(self) -> dict[str, Any]:
        selection: dict[str, Any] = {"tagStatus": self.tags}
        if self.tags in (_PREFIXES, _PATTERNS):
            name = "tagPrefixList" if self.tags == _PREFIXES else "tagPatternList"
            selection = {"tagStatus": TagSelection.TAGGED.value, name: self._entries}
        if self.count_type == CountType.SINCE_TRANSITIONED.value:
            selection["storageClass"] = "archive"
        selection["countType"] = self.count_type
        if self.count_type not in _COUNTS_OF_IMAGES:
            selection["countUnit"] = "days"
        return selection | {"countNumber": int(self.count)}

    def _action(self) -> Mapping[str, str]:
        target = {"targetStorageClass": "archive"} if self.action == _ARCHIVE else {}
        return {"type": self.action, **target}


def with_rule(text: str, rule: Mapping[str, Any]) -> str:
    """Return the text with one more rule at its end; an empty text becomes a policy.

    Raises PolicyInvalid if the text is no policy before, or none after.
    """
    if text:
        parse_policy(text)
    rules = json.loads(text)["rules"] if text else []
    added = json.dumps({"rules": [*rules, rule]}, indent=2, ensure_ascii=False)
    parse_policy(added)
    return added


def _next_priority(text: str) -> int:
    """Return the first free priority after the rules that do not select every image: a rule that does is the last."""
    try:
        rules = parse_policy(text).rules
    except PolicyInvalid:
        return 1
    taken = {rule.priority for rule in rules}
    last = max((rule.priority for rule in rules if rule.tags is not TagSelection.ANY), default=0)
    return next(number for number in count(last + 1) if number not in taken)


def _is_number(text: str) -> bool:
    return len(text) <= len("2147483647") and text.isascii() and text.isdecimal() and int(text) > 0
