"""For how long an answer stays true while nothing that is stored changes: noted as the parts that know it answer.

A door that keeps answers (`oci/known_pulls.py`) opens a note for its request. Without a note nothing is noted.
docs/decisions/0051-known-pulls.md says what an answer may depend on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from twinport.model.identities import Caller, Reading
from twinport.model.names import RegionName

# How long an answer may be kept at most. What is noted of requests, as the last pull of an image, is this much late.
LONGEST = timedelta(seconds=10)


@dataclass(slots=True)
class Lasting:
    """What was noted of one request.

    `reading` is the generation that was read first. `ends` is the end of the caller's credentials. `region` was read
    once, at a version. `is_timeless`: each decision would be the same at another time; None if nothing was decided.
    """

    reading: Reading | None = None
    caller: Caller | None = None
    ends: datetime | None = None
    region: RegionName | None = None
    version: int | None = None
    is_timeless: bool | None = None


_LASTING: ContextVar[Lasting | None] = ContextVar("lasting", default=None)


@contextmanager
def noted() -> Iterator[Lasting]:
    """Note what the block tells of its answer."""
    lasting = Lasting()
    before = _LASTING.set(lasting)
    try:
        yield lasting
    finally:
        _LASTING.reset(before)


def reading() -> Reading | None:
    """Return the generation that was read for this request, if it is noted."""
    lasting = _LASTING.get()
    return None if lasting is None else lasting.reading


def has_read(reading: Reading) -> None:
    """Note the generation that was read, before anything was loaded for it."""
    if (lasting := _LASTING.get()) is not None and lasting.reading is None:
        lasting.reading = reading


def admitted(caller: Caller, ends: datetime) -> None:
    """Note the caller behind credentials that end, if nothing changes, at this time or with its session."""
    if (lasting := _LASTING.get()) is not None:
        lasting.caller = caller
        lasting.ends = ends if caller.session is None else min(ends, caller.session.expires_at)


def found(region: RegionName, version: int | None) -> None:
    """Note the version of a Region at which the facts and what is served were read, by one statement.

    An answer that takes more statements of a Region depends on more than one version: it cannot be kept.
    """
    if (lasting := _LASTING.get()) is not None:
        lasting.version = version if lasting.region is None else None
        lasting.region = region


def decided(*, is_timeless: bool) -> None:
    """Note a decision, and whether a request with the same head would get it at another time."""
    if (lasting := _LASTING.get()) is not None:
        lasting.is_timeless = is_timeless and lasting.is_timeless is not False
