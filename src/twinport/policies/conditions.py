"""Conditions of policies: every operator, with IfExists, ForAllValues and ForAnyValue."""

import base64
import binascii
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import ClassVar, Protocol

from twinport.model.letters import lower_ascii
from twinport.model.networks import read_address, read_network
from twinport.policies import wildcards
from twinport.policies.globs import Matches, Token, Wildcard, matcher
from twinport.policies.readings import Effect, Reading
from twinport.policies.steps import LONGEST_VALUE, Steps, StepsSpent
from twinport.policies.wildcards import Pattern, RequestContext, Unbound, Variable, Version, literal, pattern
from twinport.refusals.identities import PolicyMalformed

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_LONGEST_NUMBER = 62
_ARN_PARTS = 6
_MOST_ADDRESSES = 64
# Parses one value of a condition. Raises ValueError for a value that the operator does not accept.
Parse = Callable[[str, Version, Reading], "Operand"]


class Quantifier(Enum):
    """How the request's values of a key are combined."""

    PLAIN = ""
    ALL = "forallvalues:"
    ANY = "foranyvalue:"


class Operand(Protocol):
    """One value of a condition, parsed."""

    # The cost of one comparison with a short value, in steps.
    cost: ClassVar[int]

    @property
    def searches(self) -> bool:
        """Return whether a longer value costs more."""
        ...

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return the variables in this operand."""
        ...

    def accepts(self, value: str, context: RequestContext, steps: Steps) -> bool:
        """Compare a value of the request. A value that cannot be parsed is not accepted."""
        ...


# A tag has one value. Several values come from tags whose keys differ in case alone.
_TAGS = ("aws:principaltag/", "aws:requesttag/", "aws:resourcetag/", "ecr:resourcetag/", "iam:resourcetag/")


def is_of_tag(key: str) -> bool:
    """Tell whether a condition key, in lower case, names the value of one tag."""
    return key.startswith(_TAGS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operator applied to one key. The values are alternatives; for a negated operator none may be met."""

    operator: str
    key: str
    operands: tuple[Operand, ...]
    quantifier: Quantifier
    negated: bool
    if_exists: bool
    reading: Reading
    # Key and values as they were written, for explanations.
    spelled: str
    wanted: tuple[str, ...]
    variables: tuple[Variable, ...]
    # The cost of a value of the request, in steps, and how many operands cost more for a longer value.
    cost: int
    searching: int

    def holds(self, context: RequestContext, steps: Steps) -> bool:
        values = context.get(self.key)
        if not values:
            return self._holds_without_key and not self._is_unresolved(context)
        if len(values) > 1:
            return self._holds_for(values, context, steps)
        value = values[0]
        if (length := len(value)) > LONGEST_VALUE:
            return self._holds_in_doubt
        # The same as `steps.spend`, inline because every decision runs this code.
        steps.left -= self.cost + self.searching * (length >> 5)
        if steps.left < 0:
            raise StepsSpent
        return self._meets(value, context, steps)

    def _holds_for(self, values: tuple[str, ...], context: RequestContext, steps: Steps) -> bool:
        if max(map(len, values)) > LONGEST_VALUE or is_of_tag(self.key):
            return self._holds_in_doubt
        steps.spend(self.cost * len(values) + self.searching * sum(len(value) >> 5 for value in values))
        met = (self._meets(value, context, steps) for value in values)
        some = self.quantifier is Quantifier.ANY or (self.quantifier is Quantifier.PLAIN and not self.negated)
        return any(met) if some else all(met)

    @property
    def _holds_in_doubt(self) -> bool:
        """Whether the condition holds in doubt: True in a Deny, False in an Allow."""
        return self.reading.doubtful is not self.negated

    def _meets(self, value: str, context: RequestContext, steps: Steps) -> bool:
        for operand in self.operands:
            if operand.accepts(value, context, steps):
                return not self.negated
        return self.negated

    def _is_unresolved(self, context: RequestContext) -> bool:
        """Tell whether a variable without a value stops an Allow's condition that a missing key would satisfy."""
        return not self._holds_in_doubt and any(
            isinstance(variable.value(context), Unbound) for variable in self.variables
        )

    @property
    def _holds_without_key(self) -> bool:
        match self.quantifier:
            case Quantifier.PLAIN:
                return self.negated or self.if_exists
            case Quantifier.ALL:
                return True
            case Quantifier.ANY:
                return self.if_exists


@dataclass(frozen=True, slots=True)
class Presence:
    """The operator Null. `absent` lists the answers to 'is the key absent?' that satisfy it. If empty, none does."""

    operator: str
    key: str
    absent: frozenset[bool]
    spelled: str
    wanted: tuple[str, ...]
    variables: tuple[Variable, ...] = ()

    def holds(self, context: RequestContext, _steps: Steps) -> bool:
        return (not context.get(self.key)) in self.absent


Condition = Comparison | Presence


def condition(operator_name: str, key: str, values: list[str], version: Version, effect: Effect) -> Condition:
    """Parse one operator with one key and its values. Raises PolicyMalformed for an unknown operator."""
    if ":" not in key:
        raise PolicyMalformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if lower_ascii(operator_name) == "null":
        return Presence(operator_name, lower_ascii(key), frozenset(map(_truth, values)), key, tuple(values))
    if not values and effect is Effect.ALLOW:
        _family(operator_name)
        # New documents may not contain this. In a stored one it must not grant: docs/decisions/0026-two-readings.md.
        return Presence(operator_name, lower_ascii(key), frozenset(), key, ())
    return _comparison(operator_name, key, values, version, effect)


def _family(operator_name: str) -> tuple[Quantifier, str]:
    """Split an operator into its quantifier and what it compares. Raises PolicyMalformed for an unknown operator."""
    name = lower_ascii(operator_name)
    quantifier = next(each for each in reversed(Quantifier) if name.startswith(each.value))
    family = name.removeprefix(quantifier.value).removesuffix("ifexists")
    if family not in _OPERATORS:
        raise PolicyMalformed(f"Invalid Condition type : {operator_name[:64]}.")
    return quantifier, family


def _comparison(operator_name: str, key: str, values: list[str], version: Version, effect: Effect) -> Comparison:
    quantifier, family = _family(operator_name)
    parse, negated = _OPERATORS[family]
    reading = Reading.of(effect, negated=negated)
    try:
        operands = tuple(parse(value, version, reading) for value in values)
    except ValueError as error:
        raise PolicyMalformed("Syntax errors in policy.") from error
    return Comparison(
        operator=operator_name,
        key=lower_ascii(key),
        operands=operands,
        quantifier=quantifier,
        negated=negated,
        if_exists=lower_ascii(operator_name).endswith("ifexists"),
        reading=reading,
        spelled=key,
        wanted=tuple(values),
        variables=tuple(variable for operand in operands for variable in operand.variables),
        cost=1 + sum(operand.cost for operand in operands),
        searching=sum(operand.searches for operand in operands),
    )


@dataclass(frozen=True, slots=True)
class _Like:
    pattern: Pattern
    cost: ClassVar[int] = 1

    @property
    def variables(self) -> tuple[Variable, ...]:
        return self.pattern.variables

    @property
    def searches(self) -> bool:
        return len(self.pattern.parts) > 1

    def accepts(self, value: str, context: RequestContext, steps: Steps) -> bool:
        ready = self.pattern.ready
        return self.pattern.matches(value, context, steps) if ready is None else ready(value, steps)


@dataclass(frozen=True, slots=True)
class _Bound:
    """An operand whose variables are replaced by their values before the comparison."""

    pattern: Pattern
    searches: ClassVar[bool] = True

    @property
    def variables(self) -> tuple[Variable, ...]:
        return self.pattern.variables

    def accepts(self, value: str, context: RequestContext, steps: Steps) -> bool:
        tokens = self.pattern.bound(context, steps)
        return self.pattern.unanswered(tokens) if isinstance(tokens, Unbound) else self._takes(tokens, value, steps)

    def _takes(self, tokens: list[Token], value: str, steps: Steps) -> bool:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _SameIgnoringCase(_Bound):
    cost: ClassVar[int] = 4

    def _takes(self, tokens: list[Token], value: str, _steps: Steps) -> bool:
        return lower_ascii("".join(map(str, tokens))) == lower_ascii(value)


class _Fixed:
    """An operand without variables."""

    __slots__ = ()
    searches: ClassVar[bool] = False
    variables: ClassVar[tuple[Variable, ...]] = ()


@dataclass(frozen=True, slots=True)
class _ArnLike(_Fixed):
    """An ARN with wildcards, by its parts. A lone `*` is every ARN."""

    parts: tuple[Matches, ...]
    cost: ClassVar[int] = 4
    searches: ClassVar[bool] = True

    def accepts(self, value: str, _context: RequestContext, steps: Steps) -> bool:
        return _arn_matches(self.parts, value, steps)


@dataclass(frozen=True, slots=True)
class _OpenArnLike(_Bound):
    """An ARN with variables."""

    cost: ClassVar[int] = 12

    def _takes(self, tokens: list[Token], value: str, steps: Steps) -> bool:
        return _arn_matches(_arn_parts(tokens), value, steps)


def _arn_matches(parts: tuple[Matches, ...], value: str, steps: Steps) -> bool:
    texts = value.split(":", _ARN_PARTS - 1)
    return len(parts) == len(texts) and all(matches(text, steps) for matches, text in zip(parts, texts, strict=True))


@dataclass(frozen=True, slots=True)
class _Numeric(_Fixed):
    compare: Callable[[Decimal, Decimal], bool]
    bound: Decimal
    cost: ClassVar[int] = 3

    def accepts(self, value: str, _context: RequestContext, _steps: Steps) -> bool:
        is_number = len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value) is not None
        return is_number and self.compare(Decimal(value), self.bound)


@dataclass(frozen=True, slots=True)
class _Date(_Fixed):
    compare: Callable[[datetime, datetime], bool]
    bound: datetime
    cost: ClassVar[int] = 6
    searches: ClassVar[bool] = True

    def accepts(self, value: str, _context: RequestContext, _steps: Steps) -> bool:
        try:
            return self.compare(_instant(value), self.bound)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class _Bool(_Fixed):
    wanted: bool
    cost: ClassVar[int] = 2

    def accepts(self, value: str, _context: RequestContext, _steps: Steps) -> bool:
        return lower_ascii(value) == str(self.wanted).lower()


@dataclass(frozen=True, slots=True)
class _Binary(_Fixed):
    wanted: bytes
    cost: ClassVar[int] = 4
    searches: ClassVar[bool] = True

    def accepts(self, value: str, _context: RequestContext, _steps: Steps) -> bool:
        try:
            return base64.b64decode(value, validate=True) == self.wanted
        except (binascii.Error, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class _Network(_Fixed):
    network: IPv4Network | IPv6Network
    # The result for an address that cannot be parsed.
    doubtful: bool
    cost: ClassVar[int] = 4

    def accepts(self, value: str, _context: RequestContext, _steps: Steps) -> bool:
        address = _address(value)
        return self.doubtful if address is None else address in self.network


@lru_cache(_MOST_ADDRESSES)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address. Cached, since one request's address is compared with many networks."""
    try:
        return read_address(text)
    except ValueError:
        return None


def _like(text: str, version: Version, reading: Reading) -> Operand:
    return _Like(pattern(text, version, reading))


def _arn(text: str, version: Version, reading: Reading) -> Operand:
    if version is Version.WITH_VARIABLES and "${" in text:
        return _OpenArnLike(pattern(text, version, reading))
    parts = ["*"] * _ARN_PARTS if text == "*" else text.split(":", _ARN_PARTS - 1)
    return _ArnLike(tuple(wildcards.matching(part) for part in parts) if len(parts) == _ARN_PARTS else ())


def _same(text: str, version: Version, reading: Reading) -> Operand:
    return _Like(literal(text, version, reading))


def _same_ignoring_case(text: str, version: Version, reading: Reading) -> Operand:
    return _SameIgnoringCase(literal(text, version, reading))


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Parse:
    def parse(text: str, _version: Version, _reading: Reading) -> Operand:
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"'{text[:64]}' is not a number")
        return _Numeric(compare, Decimal(text))

    return parse


def _date(compare: Callable[[datetime, datetime], bool]) -> Parse:
    def parse(text: str, _version: Version, _reading: Reading) -> Operand:
        return _Date(compare, _instant(text))

    return parse


def _bool(text: str, _version: Version, _reading: Reading) -> Operand:
    return _Bool(_truth(text))


def _binary(text: str, _version: Version, _reading: Reading) -> Operand:
    return _Binary(base64.b64decode(text, validate=True))


def _network(text: str, _version: Version, reading: Reading) -> Operand:
    return _Network(read_network(text), reading.doubtful)


_OPERATORS: dict[str, tuple[Parse, bool]] = {
    "stringequals": (_same, False),
    "stringnotequals": (_same, True),
    "stringequalsignorecase": (_same_ignoring_case, False),
    "stringnotequalsignorecase": (_same_ignoring_case, True),
    "stringlike": (_like, False),
    "stringnotlike": (_like, True),
    "numericequals": (_numeric(operator.eq), False),
    "numericnotequals": (_numeric(operator.eq), True),
    "numericlessthan": (_numeric(operator.lt), False),
    "numericlessthanequals": (_numeric(operator.le), False),
    "numericgreaterthan": (_numeric(operator.gt), False),
    "numericgreaterthanequals": (_numeric(operator.ge), False),
    "dateequals": (_date(operator.eq), False),
    "datenotequals": (_date(operator.eq), True),
    "datelessthan": (_date(operator.lt), False),
    "datelessthanequals": (_date(operator.le), False),
    "dategreaterthan": (_date(operator.gt), False),
    "dategreaterthanequals": (_date(operator.ge), False),
    "bool": (_bool, False),
    "binaryequals": (_binary, False),
    "ipaddress": (_network, False),
    "notipaddress": (_network, True),
    "arnequals": (_arn, False),
    "arnlike": (_arn, False),
    "arnnotequals": (_arn, True),
    "arnnotlike": (_arn, True),
}


def _truth(text: str) -> bool:
    if lower_ascii(text) not in ("true", "false"):
        raise PolicyMalformed("Syntax errors in policy.")
    return lower_ascii(text) == "true"


def _instant(text: str) -> datetime:
    """Parse epoch seconds, or ISO 8601 from a bare year to microseconds. Raises ValueError for anything else."""
    if re.fullmatch(r"[0-9]{4}(-[0-9]{2})?", text):
        text += "-01" * (2 - text.count("-"))
    elif re.fullmatch(r"[0-9]{1,11}", text):
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _arn_parts(tokens: list[Token]) -> tuple[Matches, ...]:
    """Split a pattern at its first five colons; a lone `*` becomes six parts. Returns nothing when it is no ARN."""
    if tokens == [Wildcard.ANY_TEXT]:
        return (matcher(tokens),) * _ARN_PARTS
    parts: list[list[Token]] = [[]]
    for token in tokens:
        pieces = token.split(":", _ARN_PARTS - len(parts)) if isinstance(token, str) else [token]
        parts[-1].append(pieces[0])
        parts += [[piece] for piece in pieces[1:]]
    return tuple(map(matcher, parts)) if len(parts) == _ARN_PARTS else ()
