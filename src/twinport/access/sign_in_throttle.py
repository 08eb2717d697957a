"""Slows down failed attempts to sign in: docs/decisions/0027-slow-sign-ins.md.

After repeated failures for one user or key from one network, that pair must wait, longer each time. Only that pair is
told to wait. Other attempts for the same user or from the same network are answered a little later. Nothing is locked.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from twinport.catalog.partition import sign_in_failures
from twinport.catalog.partition.sign_in_failures import MOST_PAIRS, Failures, Pair
from twinport.catalog.ports import Catalog, Connection
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
    """Counts failures in the partition, so that all processes count together. A success writes nothing."""

    catalog: Catalog
    hold: Callable[[float], Awaitable[None]] = asyncio.sleep
    most_pairs: int = MOST_PAIRS
    _under_way: dict[Pair, int] = field(default_factory=dict)
    _held: int = 0

    @asynccontextmanager
    async def attempt(self, subject: str, address: str) -> AsyncIterator[None]:
        """Run an attempt in the block, perhaps after a delay. A SignInRefused from the block counts as a failure.

        Raises TooManyAttempts while the pair of subject and network must wait. That does not count as a failure.
        """
        pair = pair_of(subject, address)
        # A concurrent attempt counts as failed until it has succeeded.
        before = self._under_way.get(pair, 0)
        self._under_way[pair] = before + 1
        try:
            failures = await self._admitted(pair, before)
            try:
                yield
            except SignInRefused:
                await self._record(pair)
                raise
            if failures.own:
                await self.catalog.partition.record(lambda db: sign_in_failures.forget(db, pair))
        finally:
            self._leave(pair)

    async def _admitted(self, pair: Pair, under_way: int) -> Failures:
        def look(db: Connection) -> tuple[Failures, datetime]:
            now = self.catalog.now(db)
            return sign_in_failures.find(db, pair, now - FORGIVEN_AFTER), now

        failures, now = await self.catalog.partition.read(look)
        wait = wait_for(failures, under_way, now)
        if wait > timedelta():
            raise TooManyAttempts(-(-wait // _SECOND))
        await self._hold_back(hold_for(failures))
        return failures

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

    def _leave(self, pair: Pair) -> None:
        left = self._under_way.pop(pair) - 1
        if left:
            self._under_way[pair] = left


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
