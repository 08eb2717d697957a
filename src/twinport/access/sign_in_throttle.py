"""Slows down failed attempts to sign in: docs/decisions/0027-slow-sign-ins.md.

After repeated failures for one user or key from one network, that pair must wait, longer each time. Only that pair is
told to wait. Other attempts for the same user or from the same network are answered a little later. Nothing is locked.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from twinport.catalog.partition import sign_in_failures
from twinport.catalog.partition.sign_in_failures import MOST_PAIRS, Failures, Pair
from twinport.catalog.ports import Catalog, Connection
from twinport.errors import Unavailable
from twinport.model.networks import network_of
from twinport.refusals.callers import SignInRefused, TooManyAttempts

FREE_ATTEMPTS = 3
# Well below a minute, so that an attacker with a guess every minute leaves the user half of the time.
LONGEST_WAIT = timedelta(seconds=30)
# Older failures do not count.
FORGIVEN_AFTER = timedelta(minutes=15)
LONGEST_HOLD = timedelta(seconds=2)
_HOLD_FOR_EACH = timedelta(milliseconds=100)
# Delayed attempts take memory. Attempts above this number are not delayed.
MOST_HELD = 256
_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class SignInThrottle:
    """Counts failures in the partition, so that all processes count together.

    A success without failures before it writes nothing. A pair without failures may have one attempt under way in each
    process that is not stored. Every other attempt is stored as failed before its secret is compared, and taken back
    if it does not fail.
    """

    catalog: Catalog
    hold: Callable[[float], Awaitable[None]] = asyncio.sleep
    most_pairs: int = MOST_PAIRS
    _unstored: set[Pair] = field(default_factory=set)
    _held: int = 0

    @asynccontextmanager
    async def attempt(self, subject: str, address: str) -> AsyncIterator[None]:
        """Run an attempt in the block, perhaps after a delay. A SignInRefused from the block counts as a failure.

        Raises TooManyAttempts while the pair of subject and network must wait. That does not count as a failure.
        """
        pair = pair_of(subject, address)
        admitted = await self._admitted(pair)
        try:
            await self._hold_back(hold_for(admitted.failures))
            yield
        except SignInRefused:
            if not admitted.is_stored:
                await self._record(pair)
            raise
        except BaseException:
            if admitted.is_stored:
                await self._take_back(pair, admitted)
            raise
        else:
            if admitted.is_stored:
                await self.catalog.partition.record(lambda db: sign_in_failures.forget(db, pair))
        finally:
            if not admitted.is_stored:
                self._unstored.discard(pair)

    async def _admitted(self, pair: Pair) -> "_Admitted":
        """Admit an attempt, which is stored unless it is the first. Raises TooManyAttempts."""
        is_first, is_kept = pair not in self._unstored, False
        self._unstored.add(pair)
        try:
            admitted = await self.catalog.partition.read(lambda db: self._look(db, pair))
            self._require_no_wait(admitted, int(not is_first))
            is_kept = is_first and not admitted.failures.own
        finally:
            if is_first and not is_kept:
                self._unstored.discard(pair)
        return admitted if is_kept else await self._stored(pair)

    async def _stored(self, pair: Pair) -> "_Admitted":
        def store(db: Connection) -> _Admitted:
            sign_in_failures.lock(db, pair)
            admitted = self._look(db, pair)
            self._require_no_wait(admitted, int(pair in self._unstored))
            sign_in_failures.record(db, pair, admitted.at, admitted.at - FORGIVEN_AFTER, self.most_pairs)
            return replace(admitted, is_stored=True)

        return await self.catalog.partition.record(store)

    def _look(self, db: Connection, pair: Pair) -> "_Admitted":
        now = self.catalog.now(db)
        return _Admitted(sign_in_failures.find(db, pair, now - FORGIVEN_AFTER), now)

    def _require_no_wait(self, admitted: "_Admitted", under_way: int) -> None:
        wait = wait_for(admitted.failures, under_way, admitted.at)
        if wait > timedelta():
            raise TooManyAttempts(-(-wait // _SECOND))

    async def _hold_back(self, lasts: timedelta) -> None:
        if lasts <= timedelta() or self._held >= MOST_HELD:
            return
        self._held += 1
        try:
            await self.hold(lasts.total_seconds())
        finally:
            self._held -= 1

    async def _record(self, pair: Pair) -> None:
        def record(db: Connection) -> None:
            now = self.catalog.now(db)
            sign_in_failures.record(db, pair, now, now - FORGIVEN_AFTER, self.most_pairs)

        await self.catalog.partition.record(record)

    async def _take_back(self, pair: Pair, admitted: "_Admitted") -> None:
        """Undo what was stored of an attempt that neither succeeded nor failed, as one that a full queue refused."""

        def take_back(db: Connection) -> None:
            sign_in_failures.take_back(db, pair, admitted.at, admitted.failures.last)

        with suppress(Unavailable):
            await self.catalog.partition.record(take_back)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """The failures before an attempt, the time of it, and whether it counts as failed already."""

    failures: Failures
    at: datetime
    is_stored: bool = False


def pair_of(subject: str, address: str) -> Pair:
    """Return the pair: a digest of the subject, since people type secrets into wrong fields, and the network."""
    return Pair(sha256(subject.encode("utf-8", "replace")).hexdigest(), network_of(address))


def wait_for(failures: Failures, under_way: int, now: datetime) -> timedelta:
    """Return how long a pair must wait: nothing at first, then 1, 2, 4 seconds and so on after its last failure."""
    beyond = failures.own + under_way - FREE_ATTEMPTS
    if beyond < 0:
        return timedelta()
    if under_way:
        return _SECOND
    pause = min(_SECOND * (1 << min(beyond, 10)), LONGEST_WAIT)
    # A clock that was set back must not lengthen a wait.
    return min((failures.last or now) + pause - now, pause)


def hold_for(failures: Failures) -> timedelta:
    """Return the delay of an attempt after other failures for its user or from its network."""
    return min(failures.around * _HOLD_FOR_EACH, LONGEST_HOLD) if failures.around >= FREE_ATTEMPTS else timedelta()
