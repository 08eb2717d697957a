"""Patterns of policies: `*` and `?` without backtracking, and variables whose text is never a wildcard."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from twinport.refusals.identities import PolicyMalformed

# The facts of a request, by condition key in lower case. A key without values is as good as absent.
RequestContext = Mapping[str, tuple[str, ...]]


class Version(Enum):
    """The policy language of a document. Variables exist in the newer one alone."""

    WITHOUT_VARIABLES = "2008-10-17"
    WITH_VARIABLES = "2012-10-17"


class Wildcard(Enum):
    ANY_TEXT = "*"
    ANY_CHARACTER = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key, 'default'}`. Stands for the key's only value; many values are as good as none."""

    key: str
    default: str | None

    def value(self, context: RequestContext) -> str | None:
        values = context.get(self.key, ())
        return values[0] if len(values) == 1 else self.default


Token = str | Wildcard
Part = Token | Variable
# Literals between which exactly one character stands, whatever it is.
_Run = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern cut at its stars into runs, and each run at its question marks into literals.

    The first run stands at the beginning, the last at the end, and each of the others wherever it is found first:
    no choice is ever taken back, so the work is at most the product of the two lengths.
    """

    runs: tuple[_Run, ...]
    # Tells whether the whole of a text matches: made once, for the form that the pattern has.
    matches: Callable[[str], bool] = field(compare=False, repr=False)

    @classmethod
    def of(cls, tokens: Iterable[Token]) -> "Glob":
        runs: list[list[str]] = [[""]]
        for token in tokens:
            if token is Wildcard.ANY_TEXT:
                runs.append([""])
            elif token is Wildcard.ANY_CHARACTER:
                runs[-1].append("")
            elif isinstance(token, str):
                runs[-1][-1] += token
        middle = [run for run in runs[1:-1] if run != [""]]
        kept = tuple(tuple(run) for run in (runs[0], *middle, *runs[1:][-1:]))
        has_marks = any(len(run) > 1 for run in kept)
        return cls(kept, _matching_runs(kept) if has_marks else _matching(tuple(run[0] for run in kept)))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as parsed. `glob` is ready unless variables stand open."""

    parts: tuple[Part, ...]
    glob: Glob | None

    def matches(self, text: str, context: RequestContext) -> bool:
        """Tell whether the whole of `text` matches. A variable without value or default matches nothing."""
        if self.glob is not None:
            return self.glob.matches(text)
        tokens = self.bound(context)
        return tokens is not None and Glob.of(tokens).matches(text)

    def bound(self, context: RequestContext) -> list[Token] | None:
        """Put the variables' values in, as literal text."""
        tokens: list[Token] = []
        for part in self.parts:
            token = part.value(context) if isinstance(part, Variable) else part
            if token is None:
                return None
            tokens.append(token)
        return tokens


def pattern(text: str, version: Version) -> Pattern:
    """Parse text in which `*` and `?` are wildcards."""
    return _made(token for part in _cut(text, version) for token in _tokens(part))


def literal(text: str, version: Version) -> Pattern:
    """Parse text in which only variables are special."""
    return _made(part.text if isinstance(part, _Escaped) else part for part in _cut(text, version))


def _made(parts: Iterable[Part]) -> Pattern:
    kept = tuple(parts)
    tokens = [part for part in kept if not isinstance(part, Variable)]
    return Pattern(kept, Glob.of(tokens) if len(tokens) == len(kept) else None)


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
    if inside in ("*", "?", "$"):
        return _Escaped(inside)
    key, comma, default = (part.strip() for part in inside.partition(","))
    quoted = len(default) > 1 and default[0] == default[-1] == "'"
    if not key or (comma and not quoted):
        raise PolicyMalformed("Syntax errors in policy.")
    return Variable(key.lower(), default[1:-1] if comma else None)


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


def _matching(literals: tuple[str, ...]) -> Callable[[str], bool]:
    """Match literals with stars between them; the forms that most patterns have, by a comparison or two."""
    first, last, middle = literals[0], literals[-1], literals[1:-1]
    if len(literals) == 1:
        return lambda text: text == first
    if not middle and not last:
        return lambda text: text.startswith(first)
    begins, ends = len(first), len(last)
    if len(middle) == 1 and not last:
        (lone,) = middle
        return lambda text: text.startswith(first) and text.find(lone, begins) >= 0

    def matches(text: str) -> bool:
        if not (text.startswith(first) and text.endswith(last)):
            return False
        at, limit = begins, len(text) - ends
        for literal in middle:
            found = text.find(literal, at, limit)
            if found < 0:
                return False
            at = found + len(literal)
        return at <= limit

    return matches


def _matching_runs(runs: tuple[_Run, ...]) -> Callable[[str], bool]:
    def matches(text: str) -> bool:
        end = _end_at(runs[0], text, 0)
        if len(runs) == 1 or end < 0:
            return end == len(text)
        for run in runs[1:-1]:
            end = _end_after(run, text, end)
            if end < 0:
                return False
        last = runs[-1]
        begin = len(text) - _length(last)
        return begin >= end and _end_at(last, text, begin) >= 0

    return matches


def _length(run: _Run) -> int:
    return sum(map(len, run)) + len(run) - 1


def _end_at(run: _Run, text: str, begin: int) -> int:
    """Return where `run` ends if it stands at `begin`, else -1."""
    end = begin - 1
    for part in run:
        if not text.startswith(part, end + 1):
            return -1
        end += 1 + len(part)
    return end


def _end_after(run: _Run, text: str, begin: int) -> int:
    """Return where the first `run` at or after `begin` ends, else -1."""
    if len(run) == 1:
        found = text.find(run[0], begin)
        return found + len(run[0]) if found >= 0 else -1
    for start in range(begin, len(text) - _length(run) + 1):
        end = _end_at(run, text, start)
        if end >= 0:
            return end
    return -1
