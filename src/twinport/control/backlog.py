"""The open deliveries of all Regions as metrics: read at most every ten seconds, however often they are scraped."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from twinport.catalog.partition import maintenance
from twinport.catalog.ports import Catalog, Connection, Database
from twinport.catalog.regional.backlog import (
    Backlog,
    busiest,
    by_destination,
    longest_unverified,
    of_accounts,
    oldest_garbage,
)
from twinport.clock import Clock
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.metrics.values import OTHER, Metric, Snapshot
from twinport.model.names import RegionName

KEPT_FOR = timedelta(seconds=10)
# A database that takes longer than this to answer counts as unreadable.
_LIMIT = timedelta(seconds=5)
# The most accounts with a label of their own. The deliveries of all other accounts are added up.
MOST_ACCOUNTS = 100
_UNREADABLE: Snapshot = {names.BACKLOG_READABLE.name: [([], [0.0])]}


@dataclass(slots=True)
class BacklogReader:
    """Reads the lanes of every Region. A label may name only the Regions in `regions`; others count as `other`."""

    catalog: Catalog
    world: Clock
    regions: Collection[RegionName]
    ticks: Callable[[], float] = monotonic
    _known: Snapshot = field(default_factory=dict)
    _read_at: float | None = None
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def snapshot(self) -> Snapshot:
        """Return figures at most ten seconds old. If the database does not answer, the result says only that."""
        async with self._one:
            if self._read_at is None or self.ticks() - self._read_at >= KEPT_FOR.total_seconds():
                self._known = await self._read()
                self._read_at = self.ticks()
            return self._known

    async def _read(self) -> Snapshot:
        try:
            async with asyncio.timeout(_LIMIT.total_seconds()):
                return await self._read_lanes()
        except (TimeoutError, Unavailable) as error:
            telemetry.warning(
                Event.WORKER_HINDERED, worker="metrics", reason=str(error) or "the database took too long"
            )
            return _UNREADABLE

    async def _read_lanes(self) -> Snapshot:
        regions = {name: self.catalog.region(name) for name in await self.catalog.regions()}
        looks = {name: await region.read_much(_look) for name, region in regions.items()}
        destinations: dict[str, Backlog] = {}
        for look in looks.values():
            _join(destinations, self._named(look.destinations))
        accounts = await self._accounts(list(regions.values()), [look.accounts for look in looks.values()])
        total, shown = _waiting(destinations), _waiting(accounts)
        now, orders = self.world.now(), await self.catalog.partition.read(maintenance.read)
        return {
            names.BACKLOG_READABLE.name: [([], [1.0])],
            **_pair(names.WAITING, names.OLDEST, destinations, now),
            **_pair(names.ACCOUNT_WAITING, names.ACCOUNT_OLDEST, accounts, now, others=total - shown),
            names.GARBAGE_OLDEST.name: [([name], [_age(look.garbage, now)]) for name, look in looks.items()],
            names.VERIFICATION_OLDEST.name: [([name], [_age(look.unverified, now)]) for name, look in looks.items()],
            names.READ_ONLY.name: [([], [float(orders.is_read_only)])],
            names.GARBAGE_PAUSED.name: [([], [float(orders.pauses_garbage(now))])],
        }

    async def _accounts(self, regions: list[Database], found: list[Mapping[str, Backlog]]) -> dict[str, Backlog]:
        """Return the open deliveries in all Regions of the accounts with the most.

        An account may be among the busiest in one Region and not in another, so the chosen accounts are read again.
        """
        all_: dict[str, Backlog] = {}
        for accounts in found:
            _join(all_, accounts)
        chosen = sorted(all_, key=lambda account: all_[account].waiting, reverse=True)[:MOST_ACCOUNTS]
        if len(regions) == 1:
            return {account: all_[account] for account in chosen}
        owed: dict[str, Backlog] = {}
        for region in regions:
            _join(owed, await region.read_much(partial(of_accounts, accounts=chosen)))
        return owed

    def _named(self, owed: Mapping[str, Backlog]) -> dict[str, Backlog]:
        """Add up the deliveries to Regions that are not served: a rule may name any Region, a label may not."""
        named: dict[str, Backlog] = {}
        for region, what in owed.items():
            _join(named, {region if region in self.regions else OTHER: what})
        return named


@dataclass(frozen=True, slots=True)
class _Look:
    """The figures of one Region."""

    destinations: Mapping[str, Backlog]
    accounts: Mapping[str, Backlog]
    garbage: datetime | None
    unverified: datetime | None


def _look(db: Connection) -> _Look:
    return _Look(by_destination(db), busiest(db, MOST_ACCOUNTS), oldest_garbage(db), longest_unverified(db))


def _join(all_: dict[str, Backlog], more: Mapping[str, Backlog]) -> None:
    for name, what in more.items():
        all_[name] = all_.get(name, Backlog()) + what


def _waiting(owed: Mapping[str, Backlog]) -> int:
    return sum(what.waiting for what in owed.values())


def _pair(
    waiting: Metric, oldest: Metric, owed: Mapping[str, Backlog], now: datetime, others: int | None = None
) -> Snapshot:
    of_others = [] if others is None else [([OTHER], [float(others)])]
    return {
        waiting.name: [*(([name], [float(what.waiting)]) for name, what in sorted(owed.items())), *of_others],
        oldest.name: [([name], [_age(what.oldest, now)]) for name, what in sorted(owed.items())],
    }


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)
