"""Running digests of uploads whose parts came to this process: docs/decisions/0035-joining-parts.md."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from twinport.blobs.running import RunningHash
from twinport.catalog.regional.uploads import Segment, Upload

# Beyond this many uploads, the one that grew longest ago is forgotten, and read again when it is completed.
MOST_UPLOADS = 1024


@dataclass(slots=True)
class RunningUploads:
    """Each running digest is valid for exactly the segments up to one: a segment's key is never used twice.

    `seconds` is a clock of this process alone. The upload that grew longest ago stands first.
    """

    most: int = MOST_UPLOADS
    seconds: Callable[[], float] = monotonic
    _known: dict[str, "_Known"] = field(default_factory=dict)

    def of(self, upload: Upload) -> RunningHash | None:
        """Return a copy of the digest of all segments of an upload; None if another process received some of them."""
        if upload.last is None:
            return RunningHash()
        known = self._known.get(upload.id)
        return known.running.copy() if known is not None and known.segment == upload.last else None

    def grown(self, upload: Upload, segment: Segment, running: RunningHash | None) -> None:
        """Remember the digest of an upload, now that the row of its last segment, `segment`, is written."""
        self._known.pop(upload.id, None)
        if running is None:
            return
        while len(self._known) >= self.most:
            del self._known[next(iter(self._known))]
        self._known[upload.id] = _Known(segment, running, self.seconds())

    def ended(self, upload_id: str) -> None:
        self._known.pop(upload_id, None)

    def expire(self, age: timedelta) -> None:
        """Forget uploads that did not grow for `age`: any process may have ended them, and none tells the others."""
        before = self.seconds() - age.total_seconds()
        while self._known and (first := next(iter(self._known))) and self._known[first].grown_at <= before:
            del self._known[first]


@dataclass(frozen=True, slots=True)
class _Known:
    segment: Segment
    running: RunningHash
    grown_at: float
