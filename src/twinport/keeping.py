"""How long is kept what nothing refers to, and how thoroughly is looked at what is kept."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Keeping:
    """Times to keep things. Each counts from the last thing that happened to what is kept.

    `layers`: a layer that no image of its repository names, and bytes that no repository holds.
    `uploads`: an upload to which nothing is added.
    `offers`: bytes that came by replication for an image that then did not come.
    `readers`: bytes that no row names any more, and that somebody who looked before may still read.
    `history`: what became of copies long ago, and what keeps a late copy from taking effect.
    `litter`: files that neither a row nor a note knows, since they were last written to.

    `litter_round`: in this time every file is looked for in the rows once.
    `verify_round`: after this time a blob's bytes are compared with its digest again; None: only when asked for.
    `verify_rate`: how many bytes are read for that in a second, of each Region.
    """

    layers: timedelta = timedelta(hours=24)
    uploads: timedelta = timedelta(hours=24)
    offers: timedelta = timedelta(hours=1)
    readers: timedelta = timedelta(minutes=10)
    history: timedelta = timedelta(days=90)
    litter: timedelta = timedelta(hours=24)
    litter_round: timedelta = timedelta(hours=24)
    verify_round: timedelta | None = timedelta(days=30)
    verify_rate: int = 16 << 20

    @property
    def promise(self) -> timedelta:
        """Tell how long a layer without an image counts as there for somebody who asks before a push.

        Then half of its time is left to them, in which the image that names it can still come.
        """
        return self.layers / 2

    def pause(self, shortest: timedelta, longest: timedelta) -> timedelta:
        """Tell how long to rest between two looks, so that nothing stays much longer than it should."""
        return max(shortest, min(longest, self.layers / 4, self.uploads / 4, self.offers / 4, self.readers / 4))
