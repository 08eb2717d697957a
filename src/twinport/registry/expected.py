"""Writing a document only while it is still the one that the caller has seen."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from twinport.refusals.identities import ChangedMeanwhile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Expected(Generic[T]):
    """What a document must be when it is replaced or removed; None if there must be none."""

    document: T | None


def require(expected: Expected[T] | None, current: T | None) -> None:
    """Raise ChangedMeanwhile unless `current` is what is expected, if something is.

    Call it in the transaction that writes, after the row is locked.
    """
    if expected is not None and current != expected.document:
        raise ChangedMeanwhile
