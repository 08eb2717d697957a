"""Policy documents: parsed once into frozen values. Unknown elements are refused."""

import json
import re
from dataclasses import dataclass, field
from enum import Enum

from twinport.model.letters import lower_ascii
from twinport.policies import forms
from twinport.policies.conditions import Condition, condition
from twinport.policies.globs import Matches
from twinport.policies.grants import AllBut, Audience, Only, named
from twinport.policies.readings import Effect, Reading
from twinport.policies.steps import MOST_STEPS, Steps
from twinport.policies.wildcards import Pattern, RequestContext, Version, pattern, resource
from twinport.refusals.identities import PolicyMalformed

# The longest document that is parsed; AWS's own largest has 90,000 characters. The verbs check the quotas.
MOST_TEXT = 1 << 18
_MOST_REMEMBERED = 512
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SYNTAX = "Syntax errors in policy."
_PLAIN_SID = re.compile(r"[0-9A-Za-z]*")
_COLONS_BEFORE_VARIABLES = 5


class Need(Enum):
    REQUIRED = "required"
    OPTIONAL = "optional"
    PROHIBITED = "prohibited"


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a kind of policy requires of its statements. `vendor` is the only service whose actions it may name."""

    principal: Need
    resource: Need
    vendor: str | None
    not_principal: Need = Need.PROHIBITED
    unique_sids: bool = True
    # For resource control policies: they only deny, name every principal, and name the actions of a service.
    only_denies: bool = False


_OF_A_PRINCIPAL = Grammar(Need.PROHIBITED, Need.REQUIRED, None)


class PolicyKind(Enum):
    """Where a policy is attached, which decides its grammar and its effect."""

    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SESSION = "session"
    TRUST = "trust"
    REPOSITORY = "repository"
    REGISTRY = "registry"
    # A policy of a resource of any service. Only simulations use it, and it is never stored.
    RESOURCE = "resource"
    SERVICE_CONTROL = "service-control"
    RESOURCE_CONTROL = "resource-control"

    @property
    def grammar(self) -> Grammar:
        return _GRAMMARS[self]


_GRAMMARS = {
    PolicyKind.IDENTITY: _OF_A_PRINCIPAL,
    PolicyKind.BOUNDARY: _OF_A_PRINCIPAL,
    PolicyKind.SESSION: _OF_A_PRINCIPAL,
    PolicyKind.TRUST: Grammar(Need.REQUIRED, Need.PROHIBITED, "sts"),
    PolicyKind.REPOSITORY: Grammar(Need.REQUIRED, Need.OPTIONAL, "ecr", Need.OPTIONAL, unique_sids=False),
    PolicyKind.REGISTRY: Grammar(Need.REQUIRED, Need.REQUIRED, "ecr", Need.OPTIONAL, unique_sids=False),
    PolicyKind.RESOURCE: Grammar(Need.REQUIRED, Need.OPTIONAL, None, Need.OPTIONAL, unique_sids=False),
    PolicyKind.SERVICE_CONTROL: _OF_A_PRINCIPAL,
    PolicyKind.RESOURCE_CONTROL: Grammar(Need.REQUIRED, Need.REQUIRED, None, only_denies=True),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """Action or Resource: matches what any of the patterns matches."""

    patterns: tuple[Pattern, ...]

    def covers(self, text: str, context: RequestContext, steps: Steps) -> bool:
        return _any_matches(self.patterns, text, context, steps)

    def compiled(self) -> Matches | None:
        """Return a matcher that needs no context; None if the patterns contain variables."""
        return _any_of(self.patterns)


@dataclass(frozen=True, slots=True)
class Unlisted:
    """NotAction or NotResource: matches what none of the patterns matches."""

    patterns: tuple[Pattern, ...]

    def covers(self, text: str, context: RequestContext, steps: Steps) -> bool:
        return not _any_matches(self.patterns, text, context, steps)

    def compiled(self) -> Matches | None:
        listed = _any_of(self.patterns)
        return None if listed is None else lambda text, steps: not listed(text, steps)


Coverage = Listed | Unlisted


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, at `index` counted from 0.

    Without `audience` it is about the principal that it is attached to, without `resources` about the resource that it
    is attached to. `is_about` is the compiled matcher of its resources; it is absent if they contain variables.
    """

    index: int
    sid: str | None
    effect: Effect
    audience: Audience | None
    actions: Coverage
    resources: Coverage | None
    conditions: tuple[Condition, ...]
    is_about: Matches | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        ready = None if self.resources is None else self.resources.compiled()
        object.__setattr__(self, "is_about", _everything if self.resources is None else ready)

    @property
    def patterns(self) -> int:
        """The number of its resource patterns."""
        return 0 if self.resources is None else len(self.resources.patterns)

    def covers(self, resource: str, context: RequestContext, steps: Steps) -> bool:
        """Tell whether the statement is about `resource`."""
        return self.resources is None or self.resources.covers(resource, context, steps)

    def speaks_of(self, resource: str, context: RequestContext, steps: Steps) -> bool:
        """Tell whether the statement covers `resource` and its conditions hold. Ignores its action and audience."""
        return first_of((self,), resource, context, steps) is not None


def first_of(
    statements: tuple[Statement, ...], resource: str, context: RequestContext, steps: Steps
) -> Statement | None:
    """Return the first statement that speaks of `resource`. One inline loop, because every decision runs it.

    Raises StepsSpent. The calling function spends the steps of the statements themselves, all at once.
    """
    for each in statements:
        is_about = each.is_about
        if not (each.covers(resource, context, steps) if is_about is None else is_about(resource, steps)):
            continue
        for condition_ in each.conditions:
            if not condition_.holds(context, steps):
                break
        else:
            return each
    return None


@dataclass(frozen=True, slots=True)
class Opinions:
    """The statements of one policy about one action.

    `found_in` is how many steps it took to find them. `patterns` is the number of their resource patterns.
    """

    denials: tuple[Statement, ...]
    allowances: tuple[Statement, ...]
    found_in: int
    patterns: int


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A parsed document. Its statements about an action are collected once and cached.

    `text` is the source. `name` is the ARN of a managed policy, the name of a principal's inline policy, or
    `group/NAME/POLICY` for a group's inline policy.
    """

    kind: PolicyKind
    statements: tuple[Statement, ...]
    text: str = field(default="", repr=False)
    name: str = ""
    _remembered: dict[str, Opinions] = field(default_factory=dict, repr=False)

    def about(self, action: str) -> Opinions:
        """Return the statements whose Action or NotAction covers `action`, without regard to case.

        Raises StepsSpent if the search alone takes more than a decision's steps.
        """
        found = self._remembered.get(action)
        if found is None:
            found = self._opinions(lower_ascii(action))
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[action] = found
        return found

    def _opinions(self, action: str) -> Opinions:
        steps = Steps()
        covering = [each for each in self.statements if each.actions.covers(action, {}, steps)]
        return Opinions(
            denials=tuple(each for each in covering if each.effect is Effect.DENY),
            allowances=tuple(each for each in covering if each.effect is Effect.ALLOW),
            found_in=len(covering) + MOST_STEPS - steps.left,
            patterns=sum(each.patterns for each in covering),
        )


def parse(text: str, kind: PolicyKind) -> Policy:
    """Parse a document of a kind. Raises PolicyMalformed, with IAM's sentence where one is known."""
    document = _object(_json(text), {"Version", "Id", "Statement"})
    version = _version(document)
    listed = document.get("Statement", [])
    members = listed if isinstance(listed, list) else [listed]
    if not members or not isinstance(document.get("Id", ""), str):
        raise PolicyMalformed(_SYNTAX)
    statements = tuple(_statement(member, index, kind, version) for index, member in enumerate(members))
    sids = [statement.sid for statement in statements if statement.sid]
    if kind.grammar.unique_sids and len(sids) != len(set(sids)):
        raise PolicyMalformed("Statement IDs (SID) in a single policy must be unique.")
    return Policy(kind, statements, text)


def parse_given(text: str, kind: PolicyKind) -> Policy:
    """Parse a document that is to be stored. Raises PolicyMalformed, also for a condition without a value.

    Earlier versions stored such conditions, so `parse` accepts them.
    """
    policy = parse(text, kind)
    if not all(condition.wanted for statement in policy.statements for condition in statement.conditions):
        raise PolicyMalformed(_SYNTAX)
    return policy


def _everything(_text: str, _steps: Steps) -> bool:
    return True


def _any_matches(patterns: tuple[Pattern, ...], text: str, context: RequestContext, steps: Steps) -> bool:
    return any(each.matches(text, context, steps) for each in patterns)


def _any_of(patterns: tuple[Pattern, ...]) -> Matches | None:
    """Combine alternatives that need no context. A single one needs no loop."""
    ready = tuple(each.ready for each in patterns if each.ready is not None)
    if len(ready) < len(patterns):
        return None
    if len(ready) == 1:
        return ready[0]

    def covers(text: str, steps: Steps) -> bool:
        for matches in ready:  # noqa: SIM110 — a generator would cost as much as what it asks
            if matches(text, steps):
                return True
        return False

    return covers


def _json(text: str) -> object:
    if len(text) > MOST_TEXT:
        raise PolicyMalformed(f"the document is longer than the {MOST_TEXT} characters that are read")
    try:
        document: object = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
        if _SURROGATE.search(text):
            # A lone surrogate is no character: neither a database nor an answer can hold it.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise PolicyMalformed("This policy contains invalid Json") from error
    return document


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def _object(value: object, known: set[str]) -> dict[str, object]:
    if not isinstance(value, dict) or not value.keys() <= known:
        raise PolicyMalformed(_SYNTAX)
    return value


def _version(document: dict[str, object]) -> Version:
    given = document.get("Version", Version.WITHOUT_VARIABLES.value)
    for version in Version:
        if given == version.value:
            return version
    raise PolicyMalformed("Policy document must be version 2012-10-17 or greater.")


def _statement(value: object, index: int, kind: PolicyKind, version: Version) -> Statement:
    members = _object(value, _STATEMENT_MEMBERS)
    if kind.grammar.only_denies:
        _check_only_denies(members)
    sid, effect = _sid(members, kind), _effect(members)
    return Statement(
        index=index,
        sid=sid,
        effect=effect,
        audience=_audience(members, kind),
        actions=_actions(members, kind, effect),
        resources=_resources(members, kind, version, effect),
        conditions=_conditions(members.get("Condition", {}), version, effect),
    )


_STATEMENT_MEMBERS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
}


def _check_only_denies(members: dict[str, object]) -> None:
    """Refuse what AWS's syntax of resource control policies does not allow."""
    if members.get("Effect") != Effect.DENY.value:
        raise PolicyMalformed("a resource control policy may only deny")
    if members.get("Principal") not in ("*", {"AWS": "*"}):
        raise PolicyMalformed("a resource control policy must name the principal '*' and no other")
    actions = members.get("Action")
    if "*" in (actions if isinstance(actions, list) else [actions]) or "NotAction" in members:
        raise PolicyMalformed("a resource control policy names the actions of a service, as 'ecr:*'")


def _sid(members: dict[str, object], kind: PolicyKind) -> str | None:
    sid = members.get("Sid")
    if sid is None and "Sid" not in members:
        return None
    if not isinstance(sid, str) or not sid.isprintable():
        raise PolicyMalformed(_SYNTAX)
    if kind.grammar.unique_sids and not _PLAIN_SID.fullmatch(sid):
        raise PolicyMalformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*"
        )
    return sid


def _effect(members: dict[str, object]) -> Effect:
    for effect in Effect:
        if members.get("Effect") == effect.value:
            return effect
    raise PolicyMalformed(_SYNTAX)


def _audience(members: dict[str, object], kind: PolicyKind) -> Audience | None:
    which = _one_of(members, "Principal", "NotPrincipal")
    if which is None:
        if kind.grammar.principal is Need.REQUIRED:
            raise PolicyMalformed("Missing required field Principal")
        return None
    if kind.grammar.principal is Need.PROHIBITED:
        raise PolicyMalformed("Policy document should not specify a principal.")
    if which == "NotPrincipal" and kind.grammar.not_principal is Need.PROHIBITED:
        raise PolicyMalformed("Has prohibited field NotPrincipal")
    listed = named(members[which])
    return Only(listed) if which == "Principal" else AllBut(listed)


def _actions(members: dict[str, object], kind: PolicyKind, effect: Effect) -> Coverage:
    which = _one_of(members, "Action", "NotAction")
    texts = [] if which is None else _texts(members[which])
    if not texts:
        raise PolicyMalformed("Policy statement must contain actions.")
    for text in texts:
        _check_action(text, kind.grammar.vendor)
    # This element has no variables, so the older language is used.
    reading = Reading.of(effect, negated=which == "NotAction")
    patterns = tuple(pattern(lower_ascii(text), Version.WITHOUT_VARIABLES, reading) for text in texts)
    return Listed(patterns) if which == "Action" else Unlisted(patterns)


def _check_action(text: str, vendor: str | None) -> None:
    forms.check_action(text)
    prefix = lower_ascii(text.partition(":")[0])
    if vendor == "sts" and prefix != vendor:
        raise PolicyMalformed("AssumeRole policy may only specify STS AssumeRole actions.")
    if vendor is not None and prefix not in (vendor, "*"):
        raise PolicyMalformed(f"Vendor {prefix} is not valid")


def _resources(members: dict[str, object], kind: PolicyKind, version: Version, effect: Effect) -> Coverage | None:
    which = _one_of(members, "Resource", "NotResource")
    if which is None:
        if kind.grammar.resource is Need.REQUIRED:
            raise PolicyMalformed("Policy statement must contain resources.")
        return None
    if kind.grammar.resource is Need.PROHIBITED:
        raise PolicyMalformed(f"Has prohibited field {which}")
    texts = _texts(members[which])
    if not texts:
        raise PolicyMalformed("Policy statement must contain resources.")
    reading = Reading.of(effect, negated=which == "NotResource")
    patterns = tuple(_resource(text, kind, version, reading) for text in texts)
    return Listed(patterns) if which == "Resource" else Unlisted(patterns)


def _resource(text: str, kind: PolicyKind, version: Version, reading: Reading) -> Pattern:
    forms.check_resource(text)
    vendor = kind.grammar.vendor
    if vendor is not None and text != "*" and text.split(":")[2] != vendor:
        raise PolicyMalformed(f"Vendor {text.split(':')[2]} is not valid")
    before_resource = ":".join(text.split(":")[:_COLONS_BEFORE_VARIABLES])
    if version is Version.WITH_VARIABLES and "${" in before_resource:
        raise PolicyMalformed(f"Resource {text[:256]} must not have a variable before the fifth colon.")
    return resource(text, version, reading)


def _conditions(value: object, version: Version, effect: Effect) -> tuple[Condition, ...]:
    if not isinstance(value, dict):
        raise PolicyMalformed(_SYNTAX)
    made: list[Condition] = []
    for operator, keys in value.items():
        if not isinstance(keys, dict):
            raise PolicyMalformed(_SYNTAX)
        made += [condition(operator, key, _values(values), version, effect) for key, values in keys.items()]
    return tuple(made)


def _values(value: object) -> list[str]:
    """Parse the values of a condition. JSON numbers and booleans count as text."""
    listed = value if isinstance(value, list) else [value]
    return [_text(json.dumps(each) if isinstance(each, (bool, int, float)) else each) for each in listed]


def _texts(value: object) -> list[str]:
    return [_text(each) for each in (value if isinstance(value, list) else [value])]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PolicyMalformed(_SYNTAX)
    return value


def _one_of(members: dict[str, object], plain: str, negated: str) -> str | None:
    """Return which of two mutually exclusive elements is given."""
    if plain in members and negated in members:
        raise PolicyMalformed(_SYNTAX)
    return plain if plain in members else negated if negated in members else None
