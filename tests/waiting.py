"""Waiting for what a server does by itself, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_DEADLINE_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


def until(look: Callable[[], T]) -> T:
    """Look again and again until something true is found, and return that."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"not so within {_DEADLINE_SECONDS:.0f} s"
        time.sleep(_PAUSE_SECONDS)
    return found
