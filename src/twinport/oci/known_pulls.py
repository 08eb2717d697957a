"""Answers a pull as the one before it, if its head is the same and nothing that the answer depends on has changed.

A list of tags is answered so too.

Clients that pull at the same time send the same heads. SQLite tells at once whether any process has committed anything.
What an answer depends on besides is in its head, or ends at a known time: docs/decisions/0051-known-pulls.md.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol

from twinport.access import lasting
from twinport.access.generations import Generations
from twinport.access.lasting import LONGEST, Lasting
from twinport.catalog.ports import WholeCatalog
from twinport.clock import Clock
from twinport.http import access_log
from twinport.http.messages import Answer, AnyAnswer, FileAnswer, Request, StreamAnswer
from twinport.logs import telemetry
from twinport.logs.levels import LogLevel
from twinport.metrics import current_request
from twinport.model.names import RegionName

Answering = Callable[[Request], Awaitable[AnyAnswer]]
_METHODS = ("GET", "HEAD")
_STATUSES = (200, 304)
# The most answers, and the most bytes of memory, that are kept. Past either the oldest go.
_MOST, _MOST_BYTES = 4096, 16 << 20
_LARGEST_BODY = 1 << 16
# What clients send has fewer headers. A header takes about so much memory beside its letters, and so does an answer.
_MOST_HEADERS = 32
_HEADER_BYTES, _ANSWER_BYTES = 200, 2048
# How many answers that have ended go at each pull: more than one, so that none stays long.
_SWEPT = 8
# All of a request that an answer may depend on.
_Head = tuple[str, str, str, str, str, str, tuple[tuple[str, str], ...]]


class Known(Protocol):
    async def answer(self, request: Request, newly: Answering) -> AnyAnswer:
        """Return the answer that `newly` would make, and perhaps made before. Raises what it raises."""
        ...


class NeverKnown:
    """Keeps nothing: for databases that are a round trip away, since asking them for their version would be another."""

    async def answer(self, request: Request, newly: Answering) -> AnyAnswer:
        return await newly(request)


NEVER_KNOWN = NeverKnown()


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and what must still be so. `verb` and `caller` are for metrics and the access log."""

    answer: Answer | FileAnswer
    bytes: int
    verb: str
    caller: str
    generation: int
    region: RegionName
    version: int
    since: datetime
    until: datetime

    def has_ended(self, now: datetime) -> bool:
        """Tell whether an answer may not be given any more. A clock that went back says nothing of its age."""
        return not self.since <= now < self.until


@dataclass(slots=True)
class KnownPulls:
    """The last answers to pulls. An answer is kept only if all that it depends on was noted (`access/lasting.py`)."""

    catalog: WholeCatalog
    world: Clock
    _kept: dict[_Head, _Kept] = field(default_factory=dict, repr=False)
    _bytes: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Return how many answers are kept, and about how much memory they take, in bytes. For tests of the bound."""
        return len(self._kept), self._bytes

    async def answer(self, request: Request, newly: Answering) -> AnyAnswer:
        """As the port says. Also raises what reading a database raises."""
        if request.method not in _METHODS:
            return await newly(request)
        head, since = _head(request), self.world.now()
        self._sweep(since)
        with lasting.noted() as noted:
            before = self._kept.get(head)
            if before is not None and await self._holds(before, since):
                current_request.asked(before.verb)
                access_log.note_caller(before.caller)
                return before.answer
            answer = await newly(request)
        kept = _lasting_answer(noted, since, answer, request)
        if kept is not None:
            self._keep(head, kept)
        return answer

    async def _holds(self, kept: _Kept, now: datetime) -> bool:
        """Tell whether the client would get the same answer now."""
        if kept.has_ended(now):
            return False
        if (await Generations(self.catalog).read()).generation != kept.generation:
            return False
        if self.catalog.version(kept.region) != kept.version:
            return False
        return not isinstance(kept.answer, FileAnswer) or _has_file(kept.answer)

    def _keep(self, head: _Head, kept: _Kept) -> None:
        self._drop(head)
        while len(self._kept) >= _MOST or self._bytes + kept.bytes > _MOST_BYTES:
            self._drop(next(iter(self._kept)))
        self._kept[head] = kept
        self._bytes += kept.bytes

    def _sweep(self, now: datetime) -> None:
        """Drop the oldest answers that have ended, some at each pull."""
        for oldest in list(islice(self._kept, _SWEPT)):
            if not self._kept[oldest].has_ended(now):
                break
            self._drop(oldest)

    def _drop(self, head: _Head) -> None:
        dropped = self._kept.pop(head, None)
        if dropped is not None:
            self._bytes -= dropped.bytes


def _head(request: Request) -> _Head:
    return (
        request.method,
        request.raw_path,
        request.query,
        request.client,
        request.scheme,
        request.http_version,
        request.headers,
    )


def _lasting_answer(noted: Lasting, since: datetime, answer: AnyAnswer, request: Request) -> _Kept | None:
    """Return an answer with what it depends on; None if it depends on more, as on the time, or takes much memory."""
    if isinstance(answer, StreamAnswer) or not _may_be_kept(answer) or len(request.headers) > _MOST_HEADERS:
        return None
    if noted.caller is None or noted.ends is None or noted.reading is None or not noted.is_timeless:
        return None
    if noted.region is None or noted.version is None:
        return None
    # An operator that reads the log of decisions is told of each.
    if telemetry.shows(LogLevel.DEBUG):
        return None
    until = min(since + LONGEST, noted.ends)
    generation, verb, taken = noted.reading.generation, current_request.verb(), _memory(request, answer)
    return _Kept(answer, taken, verb, noted.caller.arn, generation, noted.region, noted.version, since, until)


def _may_be_kept(answer: Answer | FileAnswer) -> bool:
    """Tell whether an answer is a whole file, or in memory and small."""
    if answer.status not in _STATUSES:
        return False
    return answer.whole if isinstance(answer, FileAnswer) else answer.length <= _LARGEST_BODY


def _memory(request: Request, answer: Answer | FileAnswer) -> int:
    """Return about how many bytes of memory a head and its answer take."""
    body = 0 if isinstance(answer, FileAnswer) else answer.length
    return request.head_size + _HEADER_BYTES * len(request.headers) + _ANSWER_BYTES + body


def _has_file(answer: FileAnswer) -> bool:
    """Tell whether the file of a blob is still there, with its size."""
    try:
        return os.stat(answer.path).st_size == answer.size  # noqa: PTH116 — in every pull, and twice as fast
    except OSError:
        return False
