"""Ranges: the requested part of a blob (RFC 9110), and the place of a part of an upload (OCI Distribution)."""

import re
from dataclasses import dataclass

from twinport.refusals.requests import ContentRangeInvalid

_ONE_RANGE = re.compile(r"bytes=\s*([0-9]{0,19})-([0-9]{0,19})\s*", re.IGNORECASE)
_PART = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything: the client sent no range, or none that must be honored."""


@dataclass(frozen=True, slots=True)
class Span:
    """`size` bytes from `first` on, at least one."""

    first: int
    size: int

    @property
    def last(self) -> int:
        return self.first + self.size - 1


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """A range outside the content."""


Asked = Whole | Span | Unsatisfiable


def asked_range(header: str | None, size: int) -> Asked:
    """Parse a Range header for `size` bytes. Several ranges, or an unreadable header, mean the whole."""
    found = _ONE_RANGE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return Whole()
    first, last = found.groups()
    if not first:
        return _span(max(size - int(last), 0), size - 1)
    if last and int(last) < int(first):
        return Whole()
    return _span(int(first), min(int(last), size - 1) if last else size - 1)


def part_range(header: str) -> Span:
    """Parse the Content-Range of a part of an upload, `FIRST-LAST`. Raises ContentRangeInvalid."""
    found = _PART.fullmatch(header.strip())
    if found is None or int(found[2]) < int(found[1]):
        raise ContentRangeInvalid(header)
    return Span(int(found[1]), int(found[2]) - int(found[1]) + 1)


def _span(first: int, last: int) -> Span | Unsatisfiable:
    return Span(first, last - first + 1) if first <= last else Unsatisfiable()
