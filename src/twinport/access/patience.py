"""How long somebody must wait who gave wrong secrets: longer each time, for the account and for the address."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from twinport.clock import Clock
from twinport.refusals.callers import TooManyAttempts

FREE_ATTEMPTS = 3
LONGEST_WAIT = timedelta(seconds=60)
# A subject that failed no more for this long begins anew.
FORGIVEN_AFTER = timedelta(minutes=15)
# Beyond this many subjects the one that failed longest ago is forgotten: memory stays bounded.
MOST_SUBJECTS = 10_000


@dataclass(frozen=True, slots=True)
class _Record:
    failures: int
    last: datetime

    def wait_until(self) -> datetime:
        """The first attempts are free; after that 1, 2, 4 seconds and so on, up to a minute."""
        beyond = self.failures - FREE_ATTEMPTS
        if beyond < 0:
            return self.last
        return self.last + min(timedelta(seconds=1 << min(beyond, 10)), LONGEST_WAIT)


@dataclass(slots=True)
class Patience:
    """Counts failed attempts by subject, in this process. A subject is 'account 1111…' or 'address 192.0.2.1'."""

    wall: Clock
    _records: dict[str, _Record] = field(default_factory=dict)

    def admit(self, *subjects: str) -> None:
        """Count an attempt, as failed until it is known to be good. Raises TooManyAttempts while one must wait."""
        now = self.wall.now()
        waits = [self._records[each].wait_until() - now for each in subjects if each in self._records]
        longest = max(waits, default=timedelta())
        if longest > timedelta():
            raise TooManyAttempts(-(-longest // timedelta(seconds=1)))
        for each in subjects:
            self._count(each, now)
        while len(self._records) > MOST_SUBJECTS:
            del self._records[next(iter(self._records))]

    def succeeded(self, *subjects: str) -> None:
        """Take back what `admit` counted. Earlier failures stay: one good key does not excuse guessing at others."""
        for each in subjects:
            record = self._records.pop(each, None)
            if record is not None and record.failures > 1:
                self._records[each] = _Record(record.failures - 1, record.last)

    def _count(self, subject: str, now: datetime) -> None:
        record = self._records.pop(subject, None)
        before = record.failures if record is not None and now - record.last < FORGIVEN_AFTER else 0
        self._records[subject] = _Record(before + 1, now)
