"""How long unreferenced data is kept, and how often stored data is verified."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Retention:
    """Retention times. Each counts from the last event of the item.

    `garbage_delay`: a layer that no image of its repository names, and bytes that no repository holds.
    `upload_expiry`: an upload that gets no more parts.
    `offer_expiry`: bytes that came by replication for an image that did not follow.
    `reader_grace`: bytes that no row names any more. A reader that looked them up earlier may still read them.
    `history_age`: the outcome of old copies, and the records that keep a late copy from taking effect.
    `orphan_age`: orphaned files, which neither a row nor a note names, since they were last written.

    `orphan_round`: in this time every file is checked against the rows once.
    `verify_round`: after this time a blob's bytes are compared with its digest again. None: only on request.
    `verify_rate`: how many bytes a second the verification reads in each Region.
    """

    garbage_delay: timedelta = timedelta(hours=24)
    upload_expiry: timedelta = timedelta(hours=24)
    offer_expiry: timedelta = timedelta(hours=1)
    reader_grace: timedelta = timedelta(minutes=10)
    history_age: timedelta = timedelta(days=90)
    orphan_age: timedelta = timedelta(hours=24)
    orphan_round: timedelta = timedelta(hours=24)
    verify_round: timedelta | None = timedelta(days=30)
    verify_rate: int = 16 << 20

    @property
    def promise(self) -> timedelta:
        """Return how long a layer without an image counts as present for a client that checks before a push.

        The client then has the other half of the layer's time to push the image that names it.
        """
        return self.garbage_delay / 2

    def pause(self, shortest: timedelta, longest: timedelta) -> timedelta:
        """Return the pause between two collections, so that no item stays much longer than its retention time."""
        return max(
            shortest,
            min(longest, self.garbage_delay / 4, self.upload_expiry / 4, self.offer_expiry / 4, self.reader_grace / 4),
        )
