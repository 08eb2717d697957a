"""The digest of the bytes so far, which continues with the bytes that follow."""

import hashlib
from collections.abc import Callable
from typing import Protocol, Self

from twinport.model.content import Digest

ALGORITHM = "sha256"


class Sum(Protocol):
    """A digest under way, as of hashlib."""

    def update(self, piece: bytes | bytearray, /) -> None: ...

    def hexdigest(self) -> str: ...

    def copy(self) -> Self: ...


class RunningHash:
    """SHA-256 over the bytes of an upload so far. A copy continues on its own."""

    __slots__ = ("_sum", "is_empty")

    def __init__(self, begin: Callable[[], Sum] = hashlib.sha256, *, is_empty: bool = True) -> None:
        self._sum, self.is_empty = begin(), is_empty

    def update(self, piece: bytes | bytearray) -> None:
        self._sum.update(piece)
        self.is_empty = False

    def become(self, other: Sum) -> None:
        """Take over the state of another SHA-256."""
        self._sum, self.is_empty = other.copy(), False

    def hexdigest(self) -> str:
        return self._sum.hexdigest()

    def copy(self) -> "RunningHash":
        return RunningHash(self._sum.copy, is_empty=self.is_empty)

    @property
    def digest(self) -> Digest:
        return Digest(ALGORITHM, self.hexdigest())
