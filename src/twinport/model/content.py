"""Content is named by its digest."""

import hashlib
import re
from dataclasses import dataclass
from enum import Enum
from typing import NewType

from twinport.refusals.images import DigestInvalid

# The name of stored bytes in their blob store: 128 random bits, never reused. Only the catalog knows their digest.
Key = NewType("Key", str)

_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_FORMS = {"sha256": re.compile(r"[0-9a-f]{64}"), "sha512": re.compile(r"[0-9a-f]{128}")}


class Damage(Enum):
    """How stored bytes differ from their row."""

    MISSING = "missing"
    WRONG_SIZE = "wrong size"
    WRONG_DIGEST = "wrong digest"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """An algorithm and lower-case hexadecimal digits (OCI Image 1.1, descriptor.md#digests)."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Parse a digest; all outside input comes here. Raises DigestInvalid for a wrong algorithm, length or case."""
        algorithm, _, digits = text.partition(":")
        form = _FORMS.get(algorithm)
        if form is None or not form.fullmatch(digits):
            raise DigestInvalid(text)
        return cls(algorithm, digits)

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> "Digest":
        return cls(algorithm, _HASHES[algorithm](content).hexdigest())

    def names(self, content: bytes) -> bool:
        """Tell whether this is the digest of `content`. Takes about 4 ms per MiB."""
        return _HASHES[self.algorithm](content).hexdigest() == self.hex

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
