"""A lifecycle policy in words: what each rule selects, when, and what happens then; and what is wrong with a text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from twinport.console.problems import Problem, problem_of
from twinport.model.lifecycle_policies import (
    ActionType,
    CountType,
    PolicyInvalid,
    Rule,
    StorageClass,
    TagSelection,
    parse_policy,
)

_MOST_LISTED = 10
_LONGEST_ENTRY = 128
_LONGEST_DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class RuleInWords:
    """A rule. `entries` are the first prefixes or patterns, and `more` is how many others there are."""

    priority: int
    description: str
    selection: str
    entries: tuple[str, ...]
    more: int
    condition: str
    action: str


def rules(text: str) -> tuple[RuleInWords, ...]:
    """Word the rules of a policy in the order of their priority. Raises PolicyInvalid."""
    policy = parse_policy(text)
    written: Sequence[dict[str, object]] = json.loads(policy.text)["rules"]
    return tuple(
        _in_words(rule, str(each.get("description", ""))) for rule, each in zip(policy.rules, written, strict=True)
    )


def rules_if_valid(text: str) -> tuple[RuleInWords, ...]:
    """Word the rules of a text, or none of a text that is no policy."""
    try:
        return rules(text)
    except PolicyInvalid:
        return ()


def explained(refusal: PolicyInvalid) -> Problem:
    """Word a refusal, and say which rule and which member of the policy is wrong."""
    where = refusal.detail or _where(refusal.place)
    return replace(problem_of(refusal), remedy=f"Where: {where}. Correct it, and try again.")


def action(kind: ActionType) -> str:
    return "Expire" if kind is ActionType.EXPIRE else "Archive"


def _in_words(rule: Rule, description: str) -> RuleInWords:
    entries = rule.prefixes or rule.patterns
    return RuleInWords(
        priority=rule.priority,
        description=_cut(description, _LONGEST_DESCRIPTION),
        selection=_selection(rule),
        entries=tuple(_cut(each, _LONGEST_ENTRY) for each in entries[:_MOST_LISTED]),
        more=max(0, len(entries) - _MOST_LISTED),
        condition=_condition(rule),
        action=action(rule.action),
    )


def _selection(rule: Rule) -> str:
    which = "archived images" if rule.storage is StorageClass.ARCHIVE else "images"
    match rule.tags:
        case TagSelection.ANY:
            return f"All {which}, tagged or not"
        case TagSelection.UNTAGGED:
            return f"{which.capitalize()} without tags"
        case TagSelection.TAGGED:
            entries = len(rule.prefixes or rule.patterns)
            how = "beginning with" if rule.prefixes else "matching"
            return f"{which.capitalize()} with a tag {how}{'' if entries == 1 else ' each of'}"


def _condition(rule: Rule) -> str:
    days = "1 day" if rule.count == 1 else f"{rule.count} days"
    match rule.count_type:
        case CountType.MORE_THAN:
            newest = "the newest one" if rule.count == 1 else f"the newest {rule.count}"
            return f"All but {newest}"
        case CountType.SINCE_PUSHED:
            return f"More than {days} after the push"
        case CountType.SINCE_PULLED:
            return f"More than {days} after the last pull"
        case CountType.SINCE_TRANSITIONED:
            return f"More than {days} after the move to the archive"


def _where(place: Sequence[str | int]) -> str:
    match place:
        case ["rules", int() as number, *members]:
            return ", member ".join([f"rule {number + 1} of the text", *_joined(members)])
        case []:
            return "the policy as a whole"
        case _:
            return ", ".join(_joined(place))


def _joined(members: Sequence[str | int]) -> list[str]:
    return [".".join(str(each) for each in members)] if members else []


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"
