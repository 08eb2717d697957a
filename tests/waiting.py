"""Waiting for what a server does by itself, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# The longest wait for what a test needs: far longer than it takes, even on a machine with much else to do.
PATIENCE_SECONDS = 60.0
# The longest orderly end of a process. The server cuts a silent client off after thirty seconds: no end waits for that.
END_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


def until(look: Callable[[], T]) -> T:
    """Look again and again until something true is found, and return that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"not so within {PATIENCE_SECONDS:.0f} s"
        time.sleep(_PAUSE_SECONDS)
    return found
