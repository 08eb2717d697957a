"""Two clocks, passed as arguments: the wall clock, which always shows real time, and the world clock, which tests move.

The wall clock is for signatures, dates in HTTP, and the expiry of certificates. The world clock is for the times of
creation and push, the end of sessions and tokens, and the times of retries.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the current time, in UTC."""
        ...

    def at(self, wall: datetime) -> datetime:
        """Convert a wall time to this clock. The wall time may come from a database that many hosts share."""
        ...


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def at(self, wall: datetime) -> datetime:
        return wall


@dataclass(slots=True)
class WorldClock:
    """The wall clock's time plus an offset, which is zero unless a test moved it.

    The offset belongs to the process. Nothing but tests moves it, so processes of a deployment need not share it.
    """

    wall: Clock = field(default_factory=WallClock)
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        return self.at(self.wall.now())

    def at(self, wall: datetime) -> datetime:
        return wall + self.offset

    def advance(self, by: timedelta) -> None:
        self.offset += by


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until a test moves it."""

    time: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def at(self, wall: datetime) -> datetime:
        del wall
        return self.time

    def advance(self, by: timedelta) -> None:
        self.time += by
