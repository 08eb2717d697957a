"""Ids of uploads: what an id says of itself, before a key proves it. docs/decisions/0048-upload-ids.md.

An id is a UUID, as ECR's model asks for: of version 8, with a time, a nonce and a mark that only a Region's key makes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

# How long an id may wait for the first byte, and how far the clocks of two hosts may differ.
LIFE = timedelta(hours=24)
SKEW = timedelta(minutes=5)
_NONCE_BITS, _MARK_BITS, _LOW_BITS = 44, 46, 62
NONCES = 1 << _NONCE_BITS
MARKS = 1 << _MARK_BITS
_VERSION, _VARIANT = 8, 2


@dataclass(frozen=True, slots=True)
class UploadId:
    """The parts of an id. Nothing of one that came from a client is proven."""

    seconds: int
    nonce: int
    mark: int

    @property
    def issued_at(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def may_begin(self, now: datetime) -> bool:
        """Tell whether an upload of this id may begin. The host that gave it out may be ahead of this one."""
        return self.issued_at - SKEW <= now <= self.issued_at + LIFE

    def __str__(self) -> str:
        value = ((self.seconds << _NONCE_BITS) | self.nonce) << _MARK_BITS | self.mark
        # A version of 4 bits stands after the first 48 bits, and a variant of 2 bits before the last 62.
        top, middle, low = value >> 74, (value >> _LOW_BITS) & 0xFFF, value & ((1 << _LOW_BITS) - 1)
        return str(UUID(int=(((top << 4 | _VERSION) << 12 | middle) << 2 | _VARIANT) << _LOW_BITS | low))


def parse(text: str) -> UploadId | None:
    """Return the parts of an id; None for a text that is spelled in another way, as ids of earlier versions are."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    if str(found) != text or found.version != _VERSION:
        return None
    number = found.int
    top, middle, low = number >> 80, (number >> 64) & 0xFFF, number & ((1 << _LOW_BITS) - 1)
    value = (top << 12 | middle) << _LOW_BITS | low
    mark, rest = value & (MARKS - 1), value >> _MARK_BITS
    return UploadId(rest >> _NONCE_BITS, rest & (NONCES - 1), mark)


def harmless_from(text: str) -> datetime | None:
    """Return from when on no host lets an upload of an id begin; None if none ever may without a row."""
    found = parse(text)
    return None if found is None else found.issued_at + LIFE + SKEW
