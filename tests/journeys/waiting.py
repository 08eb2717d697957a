"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_SECONDS = 0.05

Found = TypeVar("Found")


class StillWaiting(Exception):
    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what}: not within {seconds} s")


def until(what: str, look: Callable[[], Found | None], *, seconds: float) -> Found:
    """Look again and again until something true is found, and return that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(PAUSE_SECONDS)
    raise StillWaiting(what, seconds)
