"""A repository's lifecycle policy: read from its text, checked in ECR's words, and written back as ECR writes it.

The order of the checks is that of ECR: the text is JSON, it has the form of a policy, and its rules fit together.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from twinport.model import wildcards
from twinport.refusals.requests import InvalidParameter

_PARAMETER = "LifecyclePolicyText"
_PREFIX = "Lifecycle policy validation failure: "
_NO_POLICY = "Could not map policyString into LifecyclePolicy."
_NO_SCHEMA = "instance failed to match exactly one schema (matched 0 out of 2)"
MOST_RULES, MOST_WILDCARDS, LEAST_DAYS_IN_ARCHIVE = 50, 4, 90
# A run compares each of these with the tags of every image, which may be 100,000.
MOST_TAG_ENTRIES = 100
_LARGEST = (1 << 31) - 1


class TagSelection(Enum):
    """Which images a rule looks at by their tags (tagStatus)."""

    TAGGED = "tagged"
    UNTAGGED = "untagged"
    ANY = "any"


class CountType(Enum):
    """How a rule decides which of its images are too many or too old (countType)."""

    MORE_THAN = "imageCountMoreThan"
    SINCE_PUSHED = "sinceImagePushed"
    SINCE_PULLED = "sinceImagePulled"
    SINCE_TRANSITIONED = "sinceImageTransitioned"


class StorageClass(Enum):
    """Where an image lies. Policies write it in lower case."""

    STANDARD = "STANDARD"
    ARCHIVE = "ARCHIVE"


class ActionType(Enum):
    """What happens to an image. Policies write it in lower case."""

    EXPIRE = "EXPIRE"
    TRANSITION = "TRANSITION"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `prefixes` or `patterns` are given for tagged images: every one must match one of the image's tags."""

    priority: int
    tags: TagSelection
    count_type: CountType
    count: int
    action: ActionType
    prefixes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    storage: StorageClass = StorageClass.STANDARD

    def looks_at(self, tags: Sequence[str]) -> bool:
        """Tell whether the rule's tag selection includes an image with these tags."""
        match self.tags:
            case TagSelection.ANY:
                return True
            case TagSelection.UNTAGGED:
                return not tags
            case TagSelection.TAGGED:
                return all(any(tag.startswith(each) for tag in tags) for each in self.prefixes) and all(
                    any(wildcards.matches(each, tag) for tag in tags) for each in self.patterns
                )


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """The rules in the order of their priority, and the text as ECR returns it: compact, in one order of keys."""

    rules: tuple[Rule, ...]
    text: str


def parse_policy(text: str) -> LifecyclePolicy:
    """Read a policy. Raises InvalidParameter, in ECR's words, for one that is malformed or contradicts itself."""
    document = _loaded(text)
    rules = _array(_members(document, ("rules",), ())["rules"], MOST_RULES)
    pairs = sorted(((_rule(each), each) for each in rules), key=lambda pair: pair[0].priority)
    parsed = tuple(rule for rule, _ in pairs)
    _check_together(parsed)
    written = {"rules": [_written(given) for _, given in pairs]}
    return LifecyclePolicy(parsed, json.dumps(written, separators=(",", ":"), ensure_ascii=False))


# --- one rule ---------------------------------------------------------------------------------------------

_RULE, _ACTION = ("rulePriority", "selection", "action"), ("type",)
_SELECTION = ("tagStatus", "countType", "countNumber")
_LISTS = ("tagPatternList", "tagPrefixList")
_IN_ORDER = ("tagStatus", *_LISTS, "storageClass", "countType", "countUnit", "countNumber")


def _rule(given: object) -> Rule:
    rule = _members(given, _RULE, ("description",))
    selection = _members(rule["selection"], _SELECTION, (*_LISTS, "countUnit", "storageClass"))
    action = _members(rule["action"], _ACTION, ("targetStorageClass",))
    _text(rule.get("description", ""))
    parsed = Rule(
        priority=_number(rule["rulePriority"]),
        tags=TagSelection(_choice(selection["tagStatus"], [each.value for each in TagSelection])),
        count_type=_count_type(selection),
        count=_number(selection["countNumber"]),
        action=_action(action),
        prefixes=_texts(selection, "tagPrefixList"),
        patterns=_texts(selection, "tagPatternList"),
        storage=StorageClass(_choice(selection.get("storageClass", "standard"), ["standard", "archive"]).upper()),
    )
    _check_tags(parsed, selection)
    _check_storage(parsed)
    return parsed


def _count_type(selection: Mapping[str, object]) -> CountType:
    """Read the count type. Days belong to the three that count time, and to them only."""
    known = [each.value for each in CountType]
    if selection["countType"] not in known:
        _refuse(_NO_SCHEMA)
    found = CountType(selection["countType"])
    if "countUnit" in selection:
        _choice(selection["countUnit"], ["days"])
    if ("countUnit" in selection) == (found is CountType.MORE_THAN):
        _refuse(_NO_SCHEMA)
    return found


def _action(action: Mapping[str, object]) -> ActionType:
    found = ActionType(_choice(action["type"], ["expire", "transition"]).upper())
    wanted = {"targetStorageClass": "archive"} if found is ActionType.TRANSITION else {}
    if {key: value for key, value in action.items() if key != "type"} != wanted:
        _refuse(_NO_SCHEMA)
    return found


def _check_tags(rule: Rule, selection: Mapping[str, object]) -> None:
    if rule.tags is not TagSelection.TAGGED:
        if any(name in selection for name in _LISTS):
            _refuse(f"tagPrefixList and tagPatternList must be omitted when tagStatus={rule.tags.name}.")
        return
    if not rule.prefixes and not rule.patterns:
        _refuse("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")
    if rule.prefixes and rule.patterns:
        _refuse("Must specify either tagPrefixList or tagPatternList, but not both.")
    if any(pattern.count("*") > MOST_WILDCARDS for pattern in rule.patterns):
        _refuse(f"A tag pattern must have at most {MOST_WILDCARDS} wildcards.")


def _check_storage(rule: Rule) -> None:
    """Archived images are deleted by their time in the archive, and nothing else is done to them by a rule."""
    is_archived = rule.count_type is CountType.SINCE_TRANSITIONED
    if is_archived != (rule.storage is StorageClass.ARCHIVE):
        wanted = "archive" if is_archived else "standard"
        _refuse(f"storageClass must be {wanted} when countType={rule.count_type.value}.")
    if is_archived and rule.action is not ActionType.EXPIRE:
        _refuse("Images in storage class ARCHIVE can only be expired.")
    if is_archived and rule.count < LEAST_DAYS_IN_ARCHIVE:
        _refuse(_minimum(LEAST_DAYS_IN_ARCHIVE, rule.count))
    if rule.count_type is CountType.SINCE_PULLED and rule.action is not ActionType.TRANSITION:
        _refuse("countType=sinceImagePulled is only supported with action type TRANSITION.")


# --- the rules together -----------------------------------------------------------------------------------


def _check_together(rules: Sequence[Rule]) -> None:
    if sum(len(rule.prefixes) + len(rule.patterns) for rule in rules) > MOST_TAG_ENTRIES:
        _refuse(f"The rules must have at most {MOST_TAG_ENTRIES} tag prefixes and tag patterns together.")
    priorities = [rule.priority for rule in rules]
    if len(set(priorities)) != len(priorities):
        _refuse("Rule priorities must be unique.")
    for storage in StorageClass:
        _check_class([rule for rule in rules if rule.storage is storage])


def _check_class(rules: Sequence[Rule]) -> None:
    if sum(rule.tags is TagSelection.UNTAGGED for rule in rules) > 1:
        _refuse("Only one rule can select Untagged images per storage class.")
    if any(rule.tags is TagSelection.ANY for rule in rules[:-1]):
        _refuse("Rule for tagStatus=ANY must have the lowest priority per storage class.")
    lists = [(frozenset(rule.prefixes), frozenset(rule.patterns)) for rule in rules if rule.tags is TagSelection.TAGGED]
    if len(set(lists)) != len(lists):
        _refuse("Rules must have unique sets of tag prefixes and tag patterns per storage class.")


# --- the form ---------------------------------------------------------------------------------------------


def _loaded(text: str) -> object:
    try:
        document: object = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_constant)
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        _refuse(_NO_POLICY)
    if not isinstance(document, dict):
        _refuse(_NO_POLICY)
    return document


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a member that is given twice: one of the two would be ignored."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(_: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError


def _members(given: object, required: Sequence[str], optional: Sequence[str]) -> Mapping[str, object]:
    if not isinstance(given, dict):
        _refuse_type(given, "object")
    if missing := sorted(set(required) - given.keys()):
        _refuse(f"object has missing required properties ({_listed(missing)})")
    if unknown := sorted(given.keys() - set(required) - set(optional)):
        _refuse(f"object instance has properties which are not allowed by the schema: ({_listed(unknown)})")
    return given


def _array(given: object, most: int) -> list[object]:
    if not isinstance(given, list):
        _refuse_type(given, "array")
    if not given:
        _refuse("array is too short: must have at least 1 elements but instance has 0 elements")
    if len(given) > most:
        _refuse(f"array is too long: must have at most {most} elements but instance has {len(given)} elements")
    return given


def _text(given: object) -> str:
    if not isinstance(given, str):
        _refuse_type(given, "string")
    return given


def _texts(selection: Mapping[str, object], name: str) -> tuple[str, ...]:
    if name not in selection:
        return ()
    texts = tuple(_text(each) for each in _array(selection[name], _LARGEST))
    if "" in texts:
        _refuse('string "" is too short (length: 0, required minimum: 1)')
    # What is given twice asks for nothing more.
    return tuple(dict.fromkeys(texts))


def _number(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        _refuse_type(given, "integer")
    if given > _LARGEST:
        _refuse(_NO_POLICY)
    if given < 1:
        _refuse(_minimum(1, given))
    return given


def _choice(given: object, known: Sequence[str]) -> str:
    if given not in known:
        _refuse(f"instance value ({_shown(given)}) not found in enum :(possible values: {_listed(sorted(known))})")
    return str(given)


def _minimum(least: int, found: int) -> str:
    return f"numeric instance is lower than the required minimum (minimum: {least}, found: {found})"


_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def _refuse_type(given: object, wanted: str) -> NoReturn:
    found = _TYPES.get(type(given), "null")
    _refuse(f'instance type ({found}) does not match any allowed primitive type (allowed: ["{wanted}"])')


def _refuse(constraint: str) -> NoReturn:
    raise InvalidParameter(_PARAMETER, _PREFIX + constraint)


def _listed(names: Sequence[str]) -> str:
    return json.dumps([name[:100] for name in names[:10]], separators=(",", ":"), ensure_ascii=False)


def _shown(given: object) -> str:
    return (given if isinstance(given, str) else json.dumps(given, ensure_ascii=False))[:100]


# --- the text that is returned ----------------------------------------------------------------------------


def _written(given: object) -> dict[str, object]:
    rule = given if isinstance(given, dict) else {}
    selection, action = rule["selection"], rule["action"]
    ordered = {key: rule[key] for key in ("rulePriority", "description") if key in rule}
    return {
        **ordered,
        "selection": {key: selection[key] for key in _IN_ORDER if key in selection},
        "action": {key: action[key] for key in ("type", "targetStorageClass") if key in action},
    }
