"""Decide how to go on with a delivery whose attempt failed for a reason that may pass."""

from dataclasses import dataclass
from datetime import timedelta

# Eleven pauses: 1, 2, 4 … 512 seconds, and one of ten minutes. Together 27 minutes, or half of it with the most jitter;
# ECR lets a copy take half an hour.
MOST_ATTEMPTS = 12
_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class TryAgain:
    after: timedelta


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The delivery failed at its last attempt."""


def after_failure(attempts: int, jitter: float) -> TryAgain | GaveUp:
    """Decide after attempt number `attempts`: again after an exponential pause, or never.

    `jitter`, from 0 to 1, shortens the pause by up to half, so that deliveries that failed together do not return
    together.
    """
    if attempts >= MOST_ATTEMPTS:
        return GaveUp()
    pause = min(_FIRST_PAUSE * 2 ** (attempts - 1), _LONGEST_PAUSE)
    return TryAgain(pause * (1 - jitter / 2))
