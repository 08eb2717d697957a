"""The digests of one blob under way: computed as its bytes pass, by each algorithm that was asked for."""

import hashlib
from collections.abc import Iterable

from twinport.blobs.running import ALGORITHM, RunningHash, Sum
from twinport.model.content import Digest
from twinport.refusals.images import DigestMismatch


class Digests:
    """Counts and hashes bytes. One thread at a time calls it."""

    def __init__(self, algorithms: tuple[str, ...]) -> None:
        self.size = 0
        self.is_known = False
        self._sums: dict[str, Sum] = {algorithm: hashlib.new(algorithm) for algorithm in algorithms}
        self._onward: RunningHash | None = None
        self._twin: RunningHash | None = None

    def begin_with(self, known: RunningHash) -> None:
        """Take `known` as the digest of the bytes that are joined first: `skip` counts them."""
        self._sums, self.is_known = {ALGORITHM: known.copy()}, True

    def also_update(self, onward: RunningHash) -> None:
        """Update `onward` with these bytes. If it is empty, it takes over the digest that is computed anyway."""
        if onward.is_empty and ALGORITHM in self._sums:
            self._twin = onward
        else:
            self._onward = onward

    def update(self, piece: bytes | bytearray) -> None:
        self.size += len(piece)
        for sum_ in self._sums.values():
            sum_.update(piece)
        if self._onward is not None:
            self._onward.update(piece)

    def skip(self, size: int) -> None:
        """Count joined bytes whose digest is known."""
        self.size += size

    def hand_over(self) -> None:
        """Give the digest to the upload that goes on. All bytes have come."""
        if self._twin is not None:
            self._twin.become(self._sums[ALGORITHM])

    def computed(self) -> dict[str, Digest]:
        return {algorithm: Digest(algorithm, sum_.hexdigest()) for algorithm, sum_ in self._sums.items()}

    def require(self, candidates: tuple[Digest, ...]) -> None:
        """Raise DigestMismatch if no candidate is right."""
        computed = self.computed()
        if not any(computed[candidate.algorithm] == candidate for candidate in candidates):
            raise DigestMismatch(_listed(candidates), _listed(computed.values()))


def _listed(digests: Iterable[Digest]) -> str:
    return ", ".join(str(digest) for digest in digests)
