"""Matching of patterns with `*` and `?`: linear in the pattern, whatever the text is. Pure.

A pattern of texts and stars takes a handful of searches in C. Any other pattern is matched against all positions of the
text at once: one integer holds the reached positions, a bit each, and every token of the pattern takes two or three
operations on it. The matcher never backtracks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from itertools import groupby

from twinport.policies.steps import Steps, rate

# Tells whether the whole of a text matches. Raises StepsSpent.
Matches = Callable[[str, Steps], bool]
_COLON = ":"
# A search that is not counted in steps is for a short text that rarely repeats its own beginning.
_SHORT, _RARELY = 64, 3


class Wildcard(Enum):
    """A wildcard token. The latter two stay within their own part of an ARN."""

    ANY_TEXT = "*"
    ANY_CHARACTER = "?"
    TEXT_OF_A_PART = "* within a part"
    CHARACTER_OF_A_PART = "? within a part"


Token = str | Wildcard


def matcher(tokens: Iterable[Token]) -> Matches:
    """Return a matcher for this pattern."""
    given = list(tokens)
    if len(given) == 1 and isinstance(given[0], str):
        return exactly(given[0])
    joined = _joined(given)
    if all(isinstance(token, str) or token is Wildcard.ANY_TEXT for token in joined):
        return _between_stars(_literals(joined))
    return _by_positions(joined)


def exactly(written: str) -> Matches:
    """Return a matcher for exactly this text."""
    return lambda text, _steps: text == written


def _joined(tokens: Iterable[Token]) -> list[Token]:
    """Merge adjacent texts into one, and adjacent stars into one."""
    joined: list[Token] = []
    written = (token for token in tokens if token != "")
    for kind, group in groupby(written, lambda token: token if isinstance(token, Wildcard) else None):
        if kind is None:
            joined.append("".join(token for token in group if isinstance(token, str)))
        elif kind in (Wildcard.ANY_TEXT, Wildcard.TEXT_OF_A_PART):
            joined.append(kind)
        else:
            joined += group
    return joined


def _literals(joined: list[Token]) -> tuple[str, ...]:
    """Return the texts around the stars. The first and the last of several may be empty."""
    if len(joined) == 1 and isinstance(joined[0], str):
        return (joined[0],)
    texts = [token for token in joined if isinstance(token, str)]
    before = [] if joined and isinstance(joined[0], str) else [""]
    after = [] if joined and isinstance(joined[-1], str) else [""]
    return (*before, *texts, *after) if joined else ("",)


def _between_stars(literals: tuple[str, ...]) -> Matches:
    """Match texts with stars between them. The most common forms take one or two comparisons."""
    first, last, middle = literals[0], literals[-1], literals[1:-1]
    begins = len(first)
    if len(literals) == 1:
        return exactly(first)
    if not middle and not last:
        return lambda text, _steps: text.startswith(first)
    if len(middle) == 1 and not last and _is_found_soon(middle[0]):
        (lone,) = middle
        return lambda text, _steps: text.startswith(first) and text.find(lone, begins) >= 0
    return _one_after_another(first, middle, last)


def _is_found_soon(text: str) -> bool:
    return len(text) <= _SHORT and text.count(text[0]) <= _RARELY


def _one_after_another(first: str, middle: tuple[str, ...], last: str) -> Matches:
    begins, ends = len(first), len(last)

    def matches(text: str, steps: Steps) -> bool:
        if not (text.startswith(first) and text.endswith(last)):
            return False
        at, limit = begins, len(text) - ends
        for literal in middle:
            # The worst cost of a search: each position of the text against the whole literal.
            steps.spend(rate(limit) + (limit * len(literal) >> 8))
            found = text.find(literal, at, limit)
            if found < 0:
                return False
            at = found + len(literal)
        return at <= limit

    return matches


def _by_positions(joined: list[Token]) -> Matches:
    first = joined[0] if isinstance(joined[0], str) else ""
    last = joined[-1] if isinstance(joined[-1], str) and len(joined) > 1 else ""
    between = joined[1 if first else 0 : len(joined) - 1 if last else len(joined)]
    shortest = sum(map(_shortest, joined))

    def matches(text: str, steps: Steps) -> bool:
        if len(text) < shortest or not (text.startswith(first) and text.endswith(last)):
            return False
        return bool(_reached(between, text, 1 << len(first), steps) >> (len(text) - len(last)) & 1)

    return matches


def _shortest(token: Token) -> int:
    match token:
        case str():
            return len(token)
        case Wildcard.ANY_TEXT | Wildcard.TEXT_OF_A_PART:
            return 0
        case _:
            return 1


def _reached(tokens: Sequence[Token], text: str, places: int, steps: Steps) -> int:
    """Return the positions of `text` that `tokens` reach from `places`. The last position is the end of the text."""
    positions = steps.positions(text)
    steps.spend(len(tokens))
    everywhere = (2 << len(text)) - 1
    within_part = (everywhere >> 1) & ~positions.get(_COLON, 0)
    for token in tokens:
        if not places:
            break
        match token:
            case str():
                steps.spend(len(token))
                places = _behind(token, places, positions)
            case Wildcard.ANY_CHARACTER:
                places = (places << 1) & everywhere
            case Wildcard.CHARACTER_OF_A_PART:
                places = (places & within_part) << 1
            case Wildcard.ANY_TEXT:
                places = -(places & -places) & everywhere
            case Wildcard.TEXT_OF_A_PART:
                # The carry of an addition runs through each row of ones: from every position at once to the next colon.
                places |= ((places & within_part) + within_part) ^ within_part
    return places


def _behind(literal: str, places: int, positions: Mapping[str, int]) -> int:
    for character in literal:
        places = (places & positions.get(character, 0)) << 1
    return places
