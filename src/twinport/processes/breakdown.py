"""A breakdown ends a process: an essential part died and cannot be restarted."""

import threading
from collections.abc import Callable

from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.refusals.storage import WriterDied


class Breakdown:
    """Any thread reports a breakdown, once. The loop that runs the process is notified."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cause: str | None = None
        self._hear: Callable[[], None] | None = None

    def report(self, part: str, error: BaseException) -> None:
        """Record that a part died, and notify the process. Only the first report counts."""
        with self._lock:
            if self._cause is not None:
                return
            self._cause, hear = f"{part}: {type(error).__name__}", self._hear
        telemetry.failure(Event.PROCESS_BROKEN, error, part=part)
        if hear is not None:
            hear()

    def on_report(self, hear: Callable[[], None]) -> None:
        """Call `hear`, in any thread, at the first report; at once if there was one already."""
        with self._lock:
            self._hear, was_reported = hear, self._cause is not None
        if was_reported:
            hear()

    def check(self) -> None:
        """Raise WriterDied after a report."""
        if self._cause is not None:
            raise WriterDied(self._cause)
