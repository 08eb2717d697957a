"""How long unreferenced data is kept, and how often stored data is verified."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Retention:
    """Retention times. Each counts from the last event of the item.

    `layers`: a layer that no image of its repository names, and bytes that no repository holds.
    `uploads`: an upload that gets no more parts.
    `offers`: bytes that came by replication for an image that did not follow.
    `readers`: bytes that no row names any more. A reader that looked them up earlier may still read them.
    `history`: the outcome of old copies, and the records that keep a late copy from taking effect.
    `orphans`: orphaned files, which neither a row nor a note names, since they were last written.

    `orphan_round`: in this time every file is checked against the rows once.
    `verify_round`: after this time a blob's bytes are compared with its digest again. None: only on request.
    `verify_rate`: how many bytes a second the verification reads in each Region.
    """

    layers: timedelta = timedelta(hours=24)
    uploads: timedelta = timedelta(hours=24)
    offers: timedelta = timedelta(hours=1)
    readers: timedelta = timedelta(minutes=10)
    history: timedelta = timedelta(days=90)
    orphans: timedelta = timedelta(hours=24)
    orphan_round: timedelta = timedelta(hours=24)
    verify_round: timedelta | None = timedelta(days=30)
    verify_rate: int = 16 << 20

    @property
    def promise(self) -> timedelta:
        """Return how long a layer without an image counts as present for a client that checks before a push.

        The client then has the other half of the layer's time to push the image that names it.
        """
        return self.layers / 2

    def pause(self, shortest: timedelta, longest: timedelta) -> timedelta:
        """Return the pause between two collections, so that no item stays much longer than its retention time."""
        return max(shortest, min(longest, self.layers / 4, self.uploads / 4, self.offers / 4, self.readers / 4))
