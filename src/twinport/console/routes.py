"""Finds the page for a path. A pattern's segment is a word, or a name in braces that stands for any one segment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The routes of all pages, split into segments once. The first that matches a path counts."""

    routes: tuple[Route, ...]
    _split: Mapping[tuple[str, int], Sequence[tuple[Sequence[str], Handler]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        split: dict[tuple[str, int], list[tuple[Sequence[str], Handler]]] = {}
        for route in self.routes:
            segments = route.pattern.split("/")
            split.setdefault((route.method, len(segments)), []).append((segments, route.handler))
        object.__setattr__(self, "_split", split)

    def find(self, method: str, path: str) -> Found | None:
        """Return the route of a path, with the values of its variable segments."""
        asked, segments = "GET" if method == "HEAD" else method, path.split("/")
        for pattern, handler in self._split.get((asked, len(segments)), ()):
            parts = _match(pattern, segments)
            if parts is not None:
                return Found(handler, parts)
        return None


def _match(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    parts = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{") and segment:
            parts[expected.strip("{}")] = segment
        elif expected != segment:
            return None
    return parts
