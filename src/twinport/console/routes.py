"""Finds the page for a path. A pattern's segment is a word, or a name in braces that stands for any one segment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from twinport.console.visits import Result, Visit

Handler = Callable[[Visit], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` is written like `/console/{region}/roles/{name}`. HEAD is answered as GET is."""

    method: str
    pattern: str
    handler: Handler


class Pages(Protocol):
    """The pages of one subject."""

    def routes(self) -> tuple[Route, ...]: ...


@dataclass(frozen=True, slots=True)
class Found:
    handler: Handler
    parts: Mapping[str, str]


def find(routes: Sequence[Route], method: str, path: str) -> Found | None:
    """Return the first matching route of a path, with the values of its variable segments."""
    asked = "GET" if method == "HEAD" else method
    for route in routes:
        parts = _match(route.pattern.split("/"), path.split("/")) if route.method == asked else None
        if parts is not None:
            return Found(route.handler, parts)
    return None


def _match(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    parts = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{") and segment:
            parts[expected.strip("{}")] = segment
        elif expected != segment:
            return None
    return parts
