"""A program on a terminal of its own, for tests of what people see."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import END_SECONDS, PATIENCE_SECONDS

SOURCE = str(Path(__file__).parent.parent / "src")


class Terminal:
    """What a program writes to its terminal, read as it comes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self.shown = descriptor, ""

    def until(self, words: str) -> str:
        """Return all that was shown up to now when these words are there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in self.shown:
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"'{words}' was not shown: {self.shown}"
            self.shown += os.read(self._descriptor, 1 << 16).decode().replace("\r\n", "\n")
        return self.shown


@contextmanager
def on_a_terminal(*words: str, **variables: str) -> Iterator[Terminal]:
    """Run `twinport` with standard error on a terminal, and end it afterwards."""
    ours, its = pty.openpty()
    environment: Mapping[str, str] = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE, **variables}
    process = subprocess.Popen([sys.executable, "-m", "twinport", *words], stderr=its, env=environment)
    os.close(its)
    try:
        yield Terminal(ours)
    finally:
        process.terminate()
        process.wait(timeout=END_SECONDS)
        os.close(ours)
