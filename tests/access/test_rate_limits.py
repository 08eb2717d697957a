"""A gate that lets through no more than so many calls a second, in one process and in several."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, func, select

from tests.catalogs import ENGINES, POSTGRESQL, SQLITE
from tests.fakes import NOW, OTHER_ACCOUNT, OTHER_REGION, REGION, REGISTRY, AllowAll, DenyAll, caller
from tests.postgres import KeptDatabases
from tests.statements import sent_by_new_connections
from twinport.access.gate import Gate, RepositoryResource
from twinport.access.rate_limits import PacedGate
from twinport.catalog.beginnings import Partition
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import rate_budgets, schema
from twinport.catalog.partition.rate_budgets import BudgetKey
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import Clock, ManualClock, WallClock
from twinport.errors import AccessDenied
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.rate_budgets import Budget
from twinport.refusals.requests import RateExceeded
from twinport.refusals.storage import StorageUnavailable

T = TypeVar("T")
PUT, PULL, OTHER = "ecr:PutImage", "ecr:BatchGetImage", "ecr:DescribeImages"
HERE = RepositoryResource(REGISTRY.repository(RepositoryName("team/api")))
Begin = Callable[[], WholeCatalog]


@dataclass
class Paced:
    """A process, with the clock of a test."""

    catalog: WholeCatalog
    clock: ManualClock
    under: Gate = field(default_factory=AllowAll)
    rates: dict[str, int] = field(default_factory=lambda: {PUT: 10, PULL: 2000})

    def __post_init__(self) -> None:
        self.gate = PacedGate(self.under, self.catalog, self.rates, self.seconds)

    def seconds(self) -> float:
        return self.clock.time.timestamp()

    async def passes(
        self, times: int, action: str = PUT, resource: RepositoryResource = HERE, region: str = REGION
    ) -> int:
        """Ask so often, and return how many calls passed."""
        return sum([await passes(self.gate, action, resource, region) for _ in range(times)])


async def passes(gate: PacedGate, action: str, resource: RepositoryResource = HERE, region: str = REGION) -> bool:
    try:
        await gate.authorize(caller(region=region), action, resource)
    except RateExceeded:
        return False
    return True


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(params=ENGINES)
def begin(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Begin]:
    """Open one database again, as each process does."""
    opened: list[WholeCatalog] = []

    def open_again(kept: KeptDatabases | None) -> WholeCatalog:
        opened.append(EmbeddedCatalog(tmp_path, clock) if kept is None else PostgresCatalog(kept.address, clock))
        return opened[-1]

    kept: KeptDatabases | None = None
    if request.param == POSTGRESQL:
        kept = request.getfixturevalue("postgres_kept")
        kept.empty(clock.now())
    yield lambda: open_again(kept)
    for each in opened:
        each.close()


@pytest.fixture
def paced(begin: Begin, clock: ManualClock) -> Paced:
    return Paced(begin(), clock)


async def test_a_second_s_worth_passes_at_once_and_no_more(paced: Paced) -> None:
    assert await paced.passes(30) == 10


async def test_time_brings_back_what_was_taken_and_never_more_than_a_second_s_worth(paced: Paced) -> None:
    await paced.passes(10)
    paced.clock.advance(timedelta(seconds=0.5))
    assert await paced.passes(30) == 5
    paced.clock.advance(timedelta(hours=1))
    assert await paced.passes(30) == 10


async def test_a_clock_that_goes_back_takes_nothing_away(paced: Paced) -> None:
    await paced.passes(5)
    paced.clock.advance(timedelta(seconds=-60))
    assert await paced.passes(30) == 5


async def test_registries_do_not_share_their_rates(paced: Paced) -> None:
    await paced.passes(10)
    elsewhere = RepositoryResource(Registry(OTHER_ACCOUNT, REGISTRY.region).repository(RepositoryName("a")))
    assert await paced.passes(30, resource=elsewhere) == 10
    assert await paced.passes(30, region=OTHER_REGION) == 10


async def test_what_has_no_rate_is_not_limited(paced: Paced) -> None:
    assert await paced.passes(1000, OTHER) == 1000


async def test_who_is_denied_takes_nothing_from_the_others_and_writes_nothing(paced: Paced) -> None:
    denied = Paced(paced.catalog, paced.clock, DenyAll())
    for _ in range(30):
        with pytest.raises(AccessDenied):
            await denied.gate.authorize(caller(), PUT, HERE)
    assert await rows(paced.catalog) == 0


@pytest.mark.parametrize(("action", "rate", "largest"), [(PUT, 10, 1), (PULL, 2000, 200)])
async def test_processes_together_pass_the_rate_by_a_slice_each_at_most(
    begin: Begin, clock: ManualClock, action: str, rate: int, largest: int
) -> None:
    processes = [Paced(begin(), clock) for _ in range(3)]
    passed, seconds = 0, 5
    for _ in range(seconds * 10):
        for each in processes:
            passed += await each.passes(rate // 10, action)
        clock.advance(timedelta(seconds=0.1))
    within = rate * (seconds + 1)
    assert rate * seconds <= passed <= within + len(processes) * largest


async def test_processes_with_few_calls_do_not_keep_calls_from_one_another(begin: Begin, clock: ManualClock) -> None:
    catalog = begin()
    processes = [Paced(catalog, clock) for _ in range(20)]
    for _ in range(5):
        assert sum([await each.passes(50, PULL) for each in processes]) == 1000
        clock.advance(timedelta(seconds=1))


async def test_a_busy_budget_costs_some_thirty_statements_a_second(tmp_path: Path, clock: ManualClock) -> None:
    with sent_by_new_connections() as sent:
        paced = Paced(EmbeddedCatalog(tmp_path, clock), clock)
        await paced.passes(2000, PULL)
        sent.taken()
        passed = 0
        for _ in range(100):
            clock.advance(timedelta(seconds=0.01))
            passed += await paced.passes(30, PULL)
        statements = sent.taken()
    assert passed == 2000
    assert sum(each.startswith("COMMIT") for each in statements) <= 11
    assert len(statements) <= 11 * 4 + 2
    paced.catalog.close()


async def test_each_call_of_a_small_rate_costs_a_transaction_and_the_refused_ones_none(
    tmp_path: Path, clock: ManualClock
) -> None:
    with sent_by_new_connections() as sent:
        paced = Paced(EmbeddedCatalog(tmp_path, clock), clock)
        await paced.passes(10)
        sent.taken()
        passed = 0
        for _ in range(100):
            clock.advance(timedelta(seconds=0.01))
            passed += await paced.passes(3)
        statements = sent.taken()
    assert passed == 10
    assert sum(each.startswith("COMMIT") for each in statements) <= 10
    assert len(statements) <= 10 * 4
    paced.catalog.close()


async def test_calls_that_are_refused_cost_no_statement_until_a_call_is_left(
    tmp_path: Path, clock: ManualClock
) -> None:
    with sent_by_new_connections() as sent:
        paced = Paced(EmbeddedCatalog(tmp_path, clock), clock)
        assert await paced.passes(11) == 10
        sent.taken()
        assert await paced.passes(1000) == 0
        assert sent.taken() == []
    paced.catalog.close()


async def test_calls_that_come_at_once_share_a_lease(paced: Paced) -> None:
    assert sum(await asyncio.gather(*(passes(paced.gate, PUT) for _ in range(30)))) == 10


class ReadOnly(Partition):
    """A partition whose database takes no writes, as on a full disk."""

    async def record(self, transaction: Callable[[Connection], T]) -> T:
        del transaction
        raise StorageUnavailable("disk full")


async def test_a_process_counts_alone_while_the_database_takes_no_writes(
    paced: Paced, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = paced.catalog.partition
    assert isinstance(partition, Partition)
    monkeypatch.setattr(paced.catalog, "partition", ReadOnly(partition.database))
    assert await paced.passes(30) == 10
    paced.clock.advance(timedelta(seconds=0.5))
    assert await paced.passes(30) == 5


async def test_old_budgets_are_removed_and_their_number_is_bounded(begin: Begin) -> None:
    catalog = begin()
    for number in range(10):
        key = BudgetKey(AccountId(f"{number:012}"), RegionName(REGION), PUT)
        budget = Budget(1, NOW + timedelta(seconds=number))
        await catalog.partition.record(partial(rate_budgets.hold, key=key))
        await catalog.partition.record(partial(rate_budgets.store, key=key, budget=budget))
    await catalog.partition.record(lambda db: rate_budgets.clear(db, NOW + timedelta(seconds=1)))
    assert await rows(catalog) == 8
    await catalog.partition.record(lambda db: rate_budgets.clear(db, NOW, most=3))
    assert await rows(catalog) == 3


async def test_a_busy_process_removes_old_budgets(paced: Paced) -> None:
    await paced.passes(1, PUT)
    paced.clock.advance(timedelta(minutes=1))
    await paced.passes(1, PULL)
    assert await rows(paced.catalog) == 1


async def rows(catalog: WholeCatalog) -> int:
    counted = select(func.count()).select_from(schema.rate_budget)
    return await catalog.partition.read(lambda db: int(db.execute(counted).scalar_one()))


async def call_a_hundred_times(engine: str, place: str) -> None:
    """What each of two processes does: it asks until a hundred calls have passed, and prints when that was."""
    clock: Clock = WallClock()
    catalog = EmbeddedCatalog(Path(place), clock) if engine == SQLITE else PostgresCatalog(place, clock)
    gate = PacedGate(AllowAll(), catalog, {PULL: 100})
    print("ready", flush=True)
    sys.stdin.readline()
    begun, passed = clock.now(), 0
    while passed < 100:
        passed += await passes(gate, PULL)
        await asyncio.sleep(0.0005)
    print(begun.timestamp(), clock.now().timestamp(), flush=True)
    catalog.close()


@pytest.mark.parametrize("begin", [SQLITE, POSTGRESQL], indirect=True)
async def test_two_real_processes_hold_one_rate(begin: Begin, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    begin()
    engine = request.node.callspec.params["begin"]
    place = str(tmp_path) if engine == SQLITE else request.getfixturevalue("postgres_kept").address
    program = (
        "import asyncio, sys; from tests.access.test_rate_limits import call_a_hundred_times; "
        "asyncio.run(call_a_hundred_times(sys.argv[1], sys.argv[2]))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, engine, place), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for each in processes:
        assert each.stdout is not None
        await each.stdout.readline()
    said = await asyncio.gather(*(each.communicate(b"\n") for each in processes))
    counted = [tuple(map(float, out.split())) for out, _ in said]
    spanned = max(end for _, end in counted) - min(begun for begun, _ in counted)
    assert 100 * (1 + spanned) + 2 * 10 >= 2 * 100
