"""Running digests of uploads whose parts came to this process: docs/decisions/0035-joining-parts.md."""

from dataclasses import dataclass, field

from twinport.blobs.running import RunningHash
from twinport.catalog.uploads import Segment, Upload

# Beyond so many uploads, the one that grew longest ago is forgotten, and read again when it is completed.
MOST_UPLOADS = 1024


@dataclass(slots=True)
class RunningUploads:
    """What is known of an upload is good for exactly the segments up to one: a segment's key is never used twice."""

    most: int = MOST_UPLOADS
    _known: dict[str, tuple[Segment, RunningHash]] = field(default_factory=dict)

    def of(self, upload: Upload) -> RunningHash | None:
        """Return a copy of the digest of all segments of an upload; None if another process received some of them."""
        if upload.last is None:
            return RunningHash()
        segment, running = self._known.get(upload.id, (None, None))
        return running.copy() if running is not None and segment == upload.last else None

    def grown(self, upload: Upload, segment: Segment, running: RunningHash | None) -> None:
        """Remember the digest of an upload that has got `segment`, whose row is there, after those it had."""
        self._known.pop(upload.id, None)
        if running is None:
            return
        while len(self._known) >= self.most:
            del self._known[next(iter(self._known))]
        self._known[upload.id] = segment, running

    def ended(self, upload_id: str) -> None:
        self._known.pop(upload_id, None)
