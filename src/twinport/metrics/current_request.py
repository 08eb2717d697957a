"""Notes of the doors about the request under way, for the metrics of requests: its door, operation and error code."""

from contextvars import ContextVar
from dataclasses import dataclass

from twinport.metrics.names import UNKNOWN


@dataclass(slots=True)
class Asked:
    """The doors' notes about a request: its operation, under a name of ours, and the error code of a refusal."""

    door: str = UNKNOWN
    verb: str = UNKNOWN
    code: str | None = None


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)


def entered(door: str) -> None:
    """Note the door of the current request."""
    if (now := ASKED.get()) is not None:
        now.door = door


def asked(verb: str) -> None:
    """Note the operation of the current request. `verb` is from a list of ours, never a client's text."""
    if (now := ASKED.get()) is not None:
        now.verb = verb


def verb() -> str:
    """Return the operation of the current request, as far as its door has noted it."""
    now = ASKED.get()
    return UNKNOWN if now is None else now.verb


def refused(code: str) -> None:
    """Note the error code in the answer to the current request."""
    if (now := ASKED.get()) is not None:
        now.code = code
