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
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Protocol

from twinport.access.wildcards import Glob, Pattern, RequestContext, Token, Version, Wildcard, literal, pattern
from twinport.refusals.identities import PolicyMalformed

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_ARN_PARTS = 6


class Quantifier(Enum):
    """How a key's values of the request are taken together."""

    PLAIN = ""
    ALL = "forallvalues:"
    ANY = "foranyvalue:"


class Operand(Protocol):
    """One value of a condition, parsed."""

    def accepts(self, value: str, context: RequestContext) -> bool:
        """Compare a value of the request. One that cannot be read is not accepted."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operator applied to one key. The values are alternatives; for a negated operator none may be met."""

    operator: str
    key: str
    operands: tuple[Operand, ...]
    quantifier: Quantifier
    negated: bool
    if_exists: bool
    # Key and values as they were written, for those who explain.
    spelt: str
    wanted: tuple[str, ...]

    def holds(self, context: RequestContext) -> bool:
        values = context.get(self.key, ())
        if not values:
            return self._holds_without_key
        if len(values) == 1:
            return self._meets(values[0], context)
        met = (self._meets(value, context) for value in values)
        some = self.quantifier is Quantifier.ANY or (self.quantifier is Quantifier.PLAIN and not self.negated)
        return any(met) if some else all(met)

    def _meets(self, value: str, context: RequestContext) -> bool:
        for operand in self.operands:
            if operand.accepts(value, context):
                return not self.negated
        return self.negated

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
    """The operator Null. `absent` lists which answers to 'is the key absent?' satisfy it."""

    operator: str
    key: str
    absent: frozenset[bool]
    spelt: str
    wanted: tuple[str, ...]

    def holds(self, context: RequestContext) -> bool:
        return (not context.get(self.key)) in self.absent


Condition = Comparison | Presence


def condition(operator_name: str, key: str, values: list[str], version: Version) -> Condition:
    """Parse one operator with one key and its values. Raises PolicyMalformed for an operator nobody knows."""
    if ":" not in key:
        raise PolicyMalformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    name = operator_name.lower()
    if name == "null":
        return Presence(operator_name, key.lower(), frozenset(map(_truth, values)), key, tuple(values))
    quantifier = next(each for each in reversed(Quantifier) if name.startswith(each.value))
    family = name.removeprefix(quantifier.value).removesuffix("ifexists")
    if family not in _OPERATORS:
        raise PolicyMalformed(f"Invalid Condition type : {operator_name[:64]}.")
    parse, negated = _OPERATORS[family]
    try:
        operands = tuple(parse(value, version) for value in values)
    except ValueError as error:
        raise PolicyMalformed("Syntax errors in policy.") from error
    if_exists = name.endswith("ifexists")
    return Comparison(operator_name, key.lower(), operands, quantifier, negated, if_exists, key, tuple(values))


@dataclass(frozen=True, slots=True)
class _Like:
    pattern: Pattern

    def accepts(self, value: str, context: RequestContext) -> bool:
        return self.pattern.matches(value, context)


@dataclass(frozen=True, slots=True)
class _SameIgnoringCase:
    pattern: Pattern

    def accepts(self, value: str, context: RequestContext) -> bool:
        tokens = self.pattern.bound(context)
        return tokens is not None and "".join(map(str, tokens)).lower() == value.lower()


@dataclass(frozen=True, slots=True)
class _ArnLike:
    """`parts` is ready unless variables stand open. A lone `*` is every ARN."""

    pattern: Pattern
    parts: tuple[Glob, ...] | None

    @classmethod
    def parse(cls, text: str, version: Version) -> "_ArnLike":
        parsed = pattern(text, version)
        tokens = parsed.bound({}) if parsed.glob is not None else None
        return cls(parsed, None if tokens is None else _arn_parts(tokens))

    def accepts(self, value: str, context: RequestContext) -> bool:
        parts = self.parts
        if parts is None:
            tokens = self.pattern.bound(context)
            parts = () if tokens is None else _arn_parts(tokens)
        texts = value.split(":", _ARN_PARTS - 1)
        return len(parts) == len(texts) and all(part.matches(text) for part, text in zip(parts, texts, strict=True))


@dataclass(frozen=True, slots=True)
class _Numeric:
    compare: Callable[[Decimal, Decimal], bool]
    bound: Decimal

    def accepts(self, value: str, _context: RequestContext) -> bool:
        return _NUMBER.fullmatch(value) is not None and self.compare(Decimal(value), self.bound)


@dataclass(frozen=True, slots=True)
class _Date:
    compare: Callable[[datetime, datetime], bool]
    bound: datetime

    def accepts(self, value: str, _context: RequestContext) -> bool:
        try:
            return self.compare(_instant(value), self.bound)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class _Bool:
    wanted: bool

    def accepts(self, value: str, _context: RequestContext) -> bool:
        return value.lower() == str(self.wanted).lower()


@dataclass(frozen=True, slots=True)
class _Binary:
    wanted: bytes

    def accepts(self, value: str, _context: RequestContext) -> bool:
        try:
            return base64.b64decode(value, validate=True) == self.wanted
        except (binascii.Error, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class _Network:
    network: IPv4Network | IPv6Network

    def accepts(self, value: str, _context: RequestContext) -> bool:
        try:
            return ip_address(value) in self.network
        except ValueError:
            return False


def _like(text: str, version: Version) -> Operand:
    return _Like(pattern(text, version))


def _arn(text: str, version: Version) -> Operand:
    return _ArnLike.parse(text, version)


def _same(text: str, version: Version) -> Operand:
    return _Like(literal(text, version))


def _same_ignoring_case(text: str, version: Version) -> Operand:
    return _SameIgnoringCase(literal(text, version))


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[str, Version], Operand]:
    def parse(text: str, _version: Version) -> Operand:
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"'{text[:64]}' is not a number")
        return _Numeric(compare, Decimal(text))

    return parse


def _date(compare: Callable[[datetime, datetime], bool]) -> Callable[[str, Version], Operand]:
    def parse(text: str, _version: Version) -> Operand:
        return _Date(compare, _instant(text))

    return parse


def _bool(text: str, _version: Version) -> Operand:
    return _Bool(_truth(text))


def _binary(text: str, _version: Version) -> Operand:
    return _Binary(base64.b64decode(text, validate=True))


def _network(text: str, _version: Version) -> Operand:
    return _Network(ip_network(text, strict=False))


_OPERATORS: dict[str, tuple[Callable[[str, Version], Operand], bool]] = {
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
    if text.lower() not in ("true", "false"):
        raise PolicyMalformed("Syntax errors in policy.")
    return text.lower() == "true"


def _instant(text: str) -> datetime:
    """Read epoch seconds, or ISO 8601 from a bare year to microseconds. Raises ValueError for anything else."""
    if re.fullmatch(r"[0-9]{4}(-[0-9]{2})?", text):
        text += "-01" * (2 - text.count("-"))
    elif re.fullmatch(r"[0-9]{1,11}", text):
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _arn_parts(tokens: list[Token]) -> tuple[Glob, ...]:
    """Cut a pattern at its first five colons; a lone `*` becomes six. Returns nothing when it is no ARN."""
    if tokens == [Wildcard.ANY_TEXT]:
        return (Glob.of(tokens),) * _ARN_PARTS
    parts: list[list[Token]] = [[]]
    for token in tokens:
        pieces = token.split(":", _ARN_PARTS - len(parts)) if isinstance(token, str) else [token]
        parts[-1].append(pieces[0])
        parts += [[piece] for piece in pieces[1:]]
    return tuple(map(Glob.of, parts)) if len(parts) == _ARN_PARTS else ()
