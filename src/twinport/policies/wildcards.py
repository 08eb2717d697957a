"""Patterns of policies: wildcards, and variables whose values never act as wildcards."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from twinport.model.letters import lower_ascii
from twinport.policies.globs import Matches, Token, Wildcard, exactly, matcher
from twinport.policies.readings import Reading
from twinport.policies.steps import LONGEST_VALUE, Steps, rate
from twinport.refusals.identities import PolicyMalformed

# The facts of a request, by condition key in lower case. A key without values counts as absent.
RequestContext = Mapping[str, tuple[str, ...]]
# The cost of inserting a variable's value, in steps.
_BINDING = 4
_ARN_PARTS = 6
_WITHIN: Mapping[Token, Token] = {
    Wildcard.ANY_TEXT: Wildcard.TEXT_OF_A_PART,
    Wildcard.ANY_CHARACTER: Wildcard.CHARACTER_OF_A_PART,
}
_SPECIAL = re.compile(r"[*?$]")


class Version(Enum):
    """The policy language of a document. Only the newer one has variables."""

    WITHOUT_VARIABLES = "2008-10-17"
    WITH_VARIABLES = "2012-10-17"


class Unbound(Enum):
    """Why a variable cannot be replaced by a value."""

    HAS_NO_VALUE = "has no value"
    IS_TOO_LONG = "is too long"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key, 'default'}`. Stands for the key's only value. Several values count as none."""

    key: str
    default: str | None

    def value(self, context: RequestContext) -> str | Unbound:
        values = context.get(self.key, ())
        if len(values) != 1:
            return Unbound.HAS_NO_VALUE if self.default is None else self.default
        return Unbound.IS_TOO_LONG if len(values[0]) > LONGEST_VALUE else values[0]


Part = Token | Variable


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern. `ready` is absent if the pattern has variables."""

    parts: tuple[Part, ...]
    reading: Reading
    ready: Matches | None

    @property
    def variables(self) -> tuple[Variable, ...]:
        return tuple(part for part in self.parts if isinstance(part, Variable))

    def matches(self, text: str, context: RequestContext, steps: Steps) -> bool:
        """Tell whether the whole of `text` matches. The reading decides uncertain cases."""
        if self.ready is not None:
            return self.ready(text, steps)
        tokens = self.bound(context, steps)
        return self.unanswered(tokens) if isinstance(tokens, Unbound) else matcher(tokens)(text, steps)

    def bound(self, context: RequestContext, steps: Steps) -> list[Token] | Unbound:
        """Insert the variables' values as literal text."""
        tokens: list[Token] = []
        for part in self.parts:
            token = part.value(context) if isinstance(part, Variable) else part
            if isinstance(token, Unbound):
                return token
            steps.spend(_BINDING + (rate(len(token)) if isinstance(token, str) else 0))
            tokens.append(token)
        return tokens

    def unanswered(self, why: Unbound) -> bool:
        """Tell whether the pattern counts as a match when a variable cannot be replaced by a value."""
        return self.reading.unresolved if why is Unbound.HAS_NO_VALUE else self.reading.doubtful


def pattern(text: str, version: Version, reading: Reading) -> Pattern:
    """Parse text in which `*` and `?` are wildcards."""
    if not _SPECIAL.search(text):
        return Pattern((text,), reading, exactly(text))
    return _made((token for part in _cut(text, version) for token in _tokens(part)), reading)


def resource(text: str, version: Version, reading: Reading) -> Pattern:
    """Parse a resource. If a match grants, a wildcard stays within its part of an ARN; see `_within_parts`."""
    if reading.doubtful or not _SPECIAL.search(text):
        return pattern(text, version, reading)
    parts = text.split(":", _ARN_PARTS - 1)
    head, tail = parts[: _ARN_PARTS - 1], parts[_ARN_PARTS - 1 :]
    of_tail = [token for part in tail for cut in _cut(f":{part}", version) for token in _tokens(cut)]
    return _made([*_within_parts(head), *of_tail], reading)


def _within_parts(parts: list[str]) -> Iterable[Token]:
    """Parse the first five parts of an ARN. Only a star at the end of a part reaches beyond it, as in AWS."""
    for index, part in enumerate(parts):
        if index:
            yield ":"
        *tokens, last = _split(part) if part else ("",)
        yield from (_WITHIN.get(token, token) for token in tokens)
        yield last if last is Wildcard.ANY_TEXT else _WITHIN.get(last, last)


def matching(text: str) -> Matches:
    """Return a matcher for a pattern of the older language, in which `*` and `?` are wildcards."""
    return matcher(_split(text)) if _SPECIAL.search(text) else exactly(text)


def literal(text: str, version: Version, reading: Reading) -> Pattern:
    """Parse text in which only variables are special."""
    if version is Version.WITHOUT_VARIABLES or "${" not in text:
        return Pattern((text,), reading, exactly(text))
    return _made((part.text if isinstance(part, _Escaped) else part for part in _cut(text, version)), reading)


def variables_of(text: str) -> Iterable[str]:
    """Return the keys of the variables in a text of the newer language, in their original spelling."""
    for piece in text.split("${")[1:]:
        inside = piece.partition("}")[0]
        if inside not in _ESCAPES:
            yield inside.partition(",")[0].strip()


def _made(parts: Iterable[Part], reading: Reading) -> Pattern:
    kept = tuple(parts)
    tokens = [part for part in kept if not isinstance(part, Variable)]
    return Pattern(kept, reading, matcher(tokens) if len(tokens) == len(kept) else None)


_ESCAPES = ("*", "?", "$")


@dataclass(frozen=True, slots=True)
class _Escaped:
    """The text of `${*}`, `${?}` or `${$}`, which stands for itself."""

    text: str


def _cut(text: str, version: Version) -> list[str | _Escaped | Variable]:
    if version is Version.WITHOUT_VARIABLES:
        return [text]
    before, *rest = text.split("${")
    parts: list[str | _Escaped | Variable] = [before]
    for piece in rest:
        inside, closed, after = piece.partition("}")
        if not closed:
            raise PolicyMalformed("Syntax errors in policy.")
        parts += [_variable(inside), after]
    return [part for part in parts if part != ""]


def _variable(inside: str) -> _Escaped | Variable:
    if inside in _ESCAPES:
        return _Escaped(inside)
    key, comma, default = (part.strip() for part in inside.partition(","))
    quoted = len(default) > 1 and default[0] == default[-1] == "'"
    if not key or (comma and not quoted):
        raise PolicyMalformed("Syntax errors in policy.")
    return Variable(lower_ascii(key), default[1:-1] if comma else None)


def _tokens(part: str | _Escaped | Variable) -> Iterable[Part]:
    match part:
        case str():
            return _split(part)
        case _Escaped(text):
            return (text,)
        case Variable():
            return (part,)


def _split(text: str) -> Iterable[Token]:
    for index, between_stars in enumerate(text.split("*")):
        if index:
            yield Wildcard.ANY_TEXT
        for position, piece in enumerate(between_stars.split("?")):
            if position:
                yield Wildcard.ANY_CHARACTER
            if piece:
                yield piece
