"""What ends a process: a part of it died that it cannot work without and cannot make anew."""

import threading
from collections.abc import Callable

from twinport import telemetry
from twinport.refusals.storage import WriterDied
from twinport.telemetry import Event


class Breakdown:
    """Reported from any thread, once; heard by the loop that runs the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cause: str | None = None
        self._hear: Callable[[], None] | None = None

    def report(self, part: str, error: BaseException) -> None:
        """Record that a part died, and tell the process. Only the first report counts."""
        with self._lock:
            if self._cause is not None:
                return
            self._cause, hear = f"{part}: {type(error).__name__}", self._hear
        telemetry.failure(Event.PROCESS_BROKEN, error, part=part)
        if hear is not None:
            hear()

    def on_report(self, hear: Callable[[], None]) -> None:
        """Have `hear` called, in any thread, when something is reported; at once if it was already."""
        with self._lock:
            self._hear, was_reported = hear, self._cause is not None
        if was_reported:
            hear()

    def check(self) -> None:
        """Raise WriterDied if something was reported."""
        if self._cause is not None:
            raise WriterDied(self._cause)
