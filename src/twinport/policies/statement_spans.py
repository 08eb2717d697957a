"""The positions of a policy's statements in its text: lines and columns, both from 1. Pure."""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

_DECODER = json.JSONDecoder()
# A simulation looks up positions in the same texts many times.
_MOST_TEXTS = 16
_BLANK = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Position:
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Span:
    """A statement from its first brace to just after its last brace.

    `after` is the beginning that AWS's simulator reports: just after the bracket of the list, or after the previous
    statement. For a statement outside a list it is just after its own brace.
    """

    begin: Position
    after: Position
    end: Position


@lru_cache(_MOST_TEXTS)
def spans(text: str) -> tuple[Span, ...]:
    """Return the position of each statement, in order. `text` is that of a valid policy."""
    lines = _Lines.of(text)
    at = _BLANK.match(text).end() + 1  # type: ignore[union-attr]  # this pattern matches everywhere
    while True:
        name, at = _DECODER.raw_decode(text, _skipped(text, at, ","))
        at = _skipped(text, at, ":")
        if name == "Statement":
            return tuple(lines.span(*offsets) for offsets in _statements(text, at))
        _, at = _DECODER.raw_decode(text, at)


def _statements(text: str, at: int) -> list[tuple[int, int, int]]:
    if text[at] != "[":
        _, end = _DECODER.raw_decode(text, at)
        return [(at, at + 1, end)]
    found: list[tuple[int, int, int]] = []
    after = at + 1
    while True:
        begin = _skipped(text, after, ",")
        if text[begin] == "]":
            return found
        _, end = _DECODER.raw_decode(text, begin)
        found.append((begin, after, end))
        after = end


def _skipped(text: str, at: int, mark: str) -> int:
    """Return where the next value begins, after blanks and one punctuation mark."""
    at = _BLANK.match(text, at).end()  # type: ignore[union-attr]  # as above
    return _BLANK.match(text, at + 1).end() if text[at] == mark else at  # type: ignore[union-attr]  # as above


@dataclass(frozen=True, slots=True)
class _Lines:
    """The offsets at which the lines of a text begin, computed once for all of its statements."""

    begins: list[int]

    @classmethod
    def of(cls, text: str) -> "_Lines":
        return cls([0, *(found.end() for found in re.finditer("\n", text))])

    def span(self, begin: int, after: int, end: int) -> Span:
        return Span(self._position(begin), self._position(after), self._position(end))

    def _position(self, offset: int) -> Position:
        line = bisect_right(self.begins, offset)
        return Position(line, offset - self.begins[line - 1] + 1)
