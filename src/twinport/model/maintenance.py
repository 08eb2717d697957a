"""What an operator ordered for a whole deployment while it is worked on: read-only mode, and a pause of garbage."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The orders in force. None means that there is no such order; `garbage_paused_until` None, that it has no end."""

    read_only_since: datetime | None = None
    garbage_paused_since: datetime | None = None
    garbage_paused_until: datetime | None = None

    @property
    def is_read_only(self) -> bool:
        return self.read_only_since is not None

    def pauses_garbage(self, now: datetime) -> bool:
        """Tell whether nothing may be collected now. A pause with an end is over by itself."""
        if self.garbage_paused_since is None:
            return False
        return self.garbage_paused_until is None or now < self.garbage_paused_until
