"""A repository's lifecycle policy: read from its text, checked in ECR's words, and written back as ECR writes it.

The order of the checks is that of ECR: the text is JSON, it has the form of a policy, and its rules fit together.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn, ParamSpec, TypeVar

from twinport.model import wildcards
from twinport.refusals.requests import InvalidParameter

P = ParamSpec("P")
T = TypeVar("T")
_PARAMETER = "LifecyclePolicyText"
_PREFIX = "Lifecycle policy validation failure: "
_NO_POLICY = "Could not map policyString into LifecyclePolicy."
_NO_SCHEMA = "instance failed to match exactly one schema (matched 0 out of 2)"
MOST_RULES, MOST_WILDCARDS, LEAST_DAYS_IN_ARCHIVE = 50, 4, 90
# The characters of ECR's longest lifecycle policy.
LONGEST_TEXT = 30_720
# A run compares each of these with the tags of every image, which may be 100,000.
MOST_TAG_ENTRIES = 100
_LARGEST = (1 << 31) - 1
_LONGEST_DETAIL = 200


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

    @property
    def is_in_days(self) -> bool:
        """Tell whether countNumber is a number of days (countUnit), not of images."""
        return self is not CountType.MORE_THAN


class StorageClass(Enum):
    """Where an image lies. Policies write it in lower case.

    No row of an image has it: the image's status says it (`ImageStatus` in model/images.py), and `Image.storage` in
    model/lifecycle.py reads it from there.
    """

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


class PolicyInvalid(InvalidParameter):
    """A text that is no lifecycle policy.

    `place` leads to the member that is wrong, as ("rules", 2, "action", "type"), with rules counted from zero. `detail`
    says in our words why the text is not JSON, since ECR does not say it.
    """

    def __init__(self, constraint: str, *place: str | int, detail: str = "") -> None:
        super().__init__(_PARAMETER, _PREFIX + constraint)
        self.place, self.detail = place, detail


class PolicyTooLong(PolicyInvalid):
    """A text that is longer than the longest lifecycle policy. It is not read."""

    def __init__(self) -> None:
        # In the words of ECR's frame for a parameter, which has no prefix.
        InvalidParameter.__init__(self, "lifecyclePolicyText", f"must have length less than or equal to {LONGEST_TEXT}")
        self.place, self.detail = (), ""


def parse_policy(text: str) -> LifecyclePolicy:
    """Read a policy in time linear in its length.

    Raises PolicyInvalid, in ECR's words, for one that is malformed or contradicts itself, and PolicyTooLong.
    """
    if len(text) > LONGEST_TEXT:
        raise PolicyTooLong
    document = _loaded(text)
    given = _members(document, ("rules",), ())["rules"]
    with _within("rules"):
        rules = _array(given, MOST_RULES)
        parsed = [_at(number, _rule, each) for number, each in enumerate(rules)]
    order = sorted(range(len(rules)), key=lambda number: parsed[number].priority)
    _check_together([(number, parsed[number]) for number in order])
    written = {"rules": [_written(rules[number]) for number in order]}
    compact = json.dumps(written, separators=(",", ":"), ensure_ascii=False)
    return LifecyclePolicy(tuple(parsed[number] for number in order), compact)


# --- one rule ---------------------------------------------------------------------------------------------

_RULE, _ACTION = ("rulePriority", "selection", "action"), ("type",)
_SELECTION = ("tagStatus", "countType", "countNumber")
_LISTS = ("tagPatternList", "tagPrefixList")
_IN_ORDER = ("tagStatus", *_LISTS, "storageClass", "countType", "countUnit", "countNumber")


def _rule(given: object) -> Rule:
    rule = _members(given, _RULE, ("description",))
    selection = _at("selection", _members, rule["selection"], _SELECTION, (*_LISTS, "countUnit", "storageClass"))
    action = _at("action", _members, rule["action"], _ACTION, ("targetStorageClass",))
    _at("description", _text, rule.get("description", ""))
    priority = _at("rulePriority", _number, rule["rulePriority"])
    parsed = _at("selection", _selected, priority, selection, _at("action", _action, action))
    with _within("selection"):
        _check_tags(parsed, selection)
    _check_storage(parsed)
    return parsed


def _selected(priority: int, selection: Mapping[str, object], action: ActionType) -> Rule:
    storage = _at("storageClass", _choice, selection.get("storageClass", "standard"), ["standard", "archive"])
    return Rule(
        priority=priority,
        tags=TagSelection(_at("tagStatus", _choice, selection["tagStatus"], [each.value for each in TagSelection])),
        count_type=_count_type(selection),
        count=_at("countNumber", _number, selection["countNumber"]),
        action=action,
        prefixes=_texts(selection, "tagPrefixList"),
        patterns=_texts(selection, "tagPatternList"),
        storage=StorageClass(storage.upper()),
    )


def _count_type(selection: Mapping[str, object]) -> CountType:
    """Read the count type. The count types in days have the unit, and the others do not."""
    known = [each.value for each in CountType]
    if selection["countType"] not in known:
        _refuse(_NO_SCHEMA, "countType")
    found = CountType(selection["countType"])
    if "countUnit" in selection:
        _at("countUnit", _choice, selection["countUnit"], ["days"])
    if ("countUnit" in selection) != found.is_in_days:
        _refuse(_NO_SCHEMA, "countUnit")
    return found


def _action(action: Mapping[str, object]) -> ActionType:
    found = ActionType(_at("type", _choice, action["type"], ["expire", "transition"]).upper())
    wanted = {"targetStorageClass": "archive"} if found is ActionType.TRANSITION else {}
    if {key: value for key, value in action.items() if key != "type"} != wanted:
        _refuse(_NO_SCHEMA, "targetStorageClass")
    return found


def _check_tags(rule: Rule, selection: Mapping[str, object]) -> None:
    if rule.tags is not TagSelection.TAGGED:
        if any(name in selection for name in _LISTS):
            _refuse(f"tagPrefixList and tagPatternList must be omitted when tagStatus={rule.tags.name}.", "tagStatus")
        return
    if not rule.prefixes and not rule.patterns:
        _refuse("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.", "tagStatus")
    if rule.prefixes and rule.patterns:
        _refuse("Must specify either tagPrefixList or tagPatternList, but not both.", "tagPatternList")
    if any(pattern.count("*") > MOST_WILDCARDS for pattern in rule.patterns):
        _refuse(f"A tag pattern must have at most {MOST_WILDCARDS} wildcards.", "tagPatternList")


def _check_storage(rule: Rule) -> None:
    """Archived images are deleted by their time in the archive, and nothing else is done to them by a rule."""
    is_archived = rule.count_type is CountType.SINCE_TRANSITIONED
    if is_archived != (rule.storage is StorageClass.ARCHIVE):
        wanted = "archive" if is_archived else "standard"
        _refuse(f"storageClass must be {wanted} when countType={rule.count_type.value}.", "selection", "storageClass")
    if is_archived and rule.action is not ActionType.EXPIRE:
        _refuse("Images in storage class ARCHIVE can only be expired.", "action", "type")
    if is_archived and rule.count < LEAST_DAYS_IN_ARCHIVE:
        _refuse(_minimum(LEAST_DAYS_IN_ARCHIVE, rule.count), "selection", "countNumber")
    if rule.count_type is CountType.SINCE_PULLED and rule.action is not ActionType.TRANSITION:
        _refuse("countType=sinceImagePulled is only supported with action type TRANSITION.", "action", "type")


# --- the rules together -----------------------------------------------------------------------------------


# A rule with its place in the text, which the order of priority does not keep.
_Numbered = tuple[int, Rule]


def _check_together(rules: Sequence[_Numbered]) -> None:
    if sum(len(rule.prefixes) + len(rule.patterns) for _, rule in rules) > MOST_TAG_ENTRIES:
        _refuse(f"The rules must have at most {MOST_TAG_ENTRIES} tag prefixes and tag patterns together.", "rules")
    _refuse_second(rules, lambda rule: rule.priority, "Rule priorities must be unique.", "rulePriority")
    for storage in StorageClass:
        _check_class([each for each in rules if each[1].storage is storage])


def _check_class(rules: Sequence[_Numbered]) -> None:
    untagged = [each for each in rules if each[1].tags is TagSelection.UNTAGGED]
    only = "Only one rule can select Untagged images per storage class."
    _refuse_second(untagged, lambda rule: rule.tags, only, "selection", "tagStatus")
    for number, rule in rules[:-1]:
        if rule.tags is TagSelection.ANY:
            lowest = "Rule for tagStatus=ANY must have the lowest priority per storage class."
            _refuse(lowest, "rules", number, "rulePriority")
    tagged = [each for each in rules if each[1].tags is TagSelection.TAGGED]
    unique = "Rules must have unique sets of tag prefixes and tag patterns per storage class."
    _refuse_second(tagged, lambda rule: (frozenset(rule.prefixes), frozenset(rule.patterns)), unique, "selection")


def _refuse_second(rules: Sequence[_Numbered], key: Callable[[Rule], object], constraint: str, *member: str) -> None:
    """Refuse two rules with the same key: the one that comes later in the text."""
    first: dict[object, int] = {}
    for number, rule in rules:
        if (other := first.setdefault(key(rule), number)) != number:
            _refuse(constraint, "rules", max(number, other), *member)


# --- the form ---------------------------------------------------------------------------------------------


def _loaded(text: str) -> object:
    try:
        document: object = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_constant)
        json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as fault:
        _refuse(_NO_POLICY, detail=f"line {fault.lineno}, column {fault.colno}: {fault.msg}")
    except (ValueError, RecursionError) as fault:
        _refuse(_NO_POLICY, detail=str(fault)[:_LONGEST_DETAIL])
    if not isinstance(document, dict):
        _refuse(_NO_POLICY, detail="the text is JSON, but not an object")
    return document


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a member that is given twice: one of the two would be ignored."""
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the member {name!r} is given twice")
        members[name] = value
    return members


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"JSON has no number {name}")


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
    with _within(name):
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


def _refuse(constraint: str, *place: str | int, detail: str = "") -> NoReturn:
    raise PolicyInvalid(constraint, *place, detail=detail)


@contextmanager
def _within(member: str | int) -> Iterator[None]:
    """Put a member before the place of what is refused inside."""
    try:
        yield
    except PolicyInvalid as refusal:
        refusal.place = (member, *refusal.place)
        raise


def _at(member: str | int, read: Callable[P, T], /, *given: P.args, **named: P.kwargs) -> T:
    """Read a member, so that a refusal says that it is this one."""
    with _within(member):
        return read(*given, **named)


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
