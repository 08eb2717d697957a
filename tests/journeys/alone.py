"""Turns of tests in several processes of pytest: they run beside one another, but one that is to be alone does not."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".cache" / "turns"


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait for a turn beside others, or for one without them, and have it meanwhile."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "door").open("ab") as door, (FOLDER / "room").open("ab") as room:
        # A test that waits for the others to leave keeps the door, so that no more of them come in.
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
