"""How long a guesser waits, and that nothing else waits for it; on either database, for all processes together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.catalogs import ENGINES, SQLITE
from tests.postgres import KeptDatabases
from twinport.access.sign_in_throttle import (
    FORGIVEN_AFTER,
    FREE_ATTEMPTS,
    LONGEST_HOLD,
    LONGEST_WAIT,
    SignInThrottle,
)
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import schema
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import ManualClock
from twinport.model.networks import network_of
from twinport.refusals.callers import SignInRefused, TooManyAttempts
from twinport.refusals.storage import StorageUnavailable

ANN, BOB, HERE, THERE = "user 1/ann", "user 1/bob", "192.0.2.1", "198.51.100.7"
MINUTE = timedelta(minutes=1)


@dataclass
class Process:
    """A process with a database that it may share. What it holds back takes no time, and is written down."""

    catalog: WholeCatalog
    held: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.throttle = SignInThrottle(self.catalog, self._hold)

    async def _hold(self, seconds: float) -> None:
        self.held.append(seconds)

    async def fail(self, subject: str = ANN, address: str = HERE, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(SignInRefused):
                async with self.throttle.attempt(subject, address):
                    raise SignInRefused

    async def succeed(self, subject: str = ANN, address: str = HERE) -> None:
        async with self.throttle.attempt(subject, address):
            pass

    async def must_wait(self, subject: str = ANN, address: str = HERE) -> int:
        with pytest.raises(TooManyAttempts) as refused:
            await self.succeed(subject, address)
        return refused.value.seconds

    async def rows(self) -> int:
        table = schema.sign_in_failure
        return await self.catalog.partition.read(
            lambda db: db.execute(select(func.count()).select_from(table)).scalar_one()
        )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=ENGINES)
def begin(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Callable[[], WholeCatalog]:
    """Open one database again, as each process does."""
    if request.param == SQLITE:
        return lambda: EmbeddedCatalog(tmp_path, clock)
    kept: KeptDatabases = request.getfixturevalue("postgres_kept")
    kept.empty(clock.now())
    return lambda: PostgresCatalog(kept.address, clock)


@pytest.fixture
async def process(begin: Callable[[], WholeCatalog]) -> AsyncIterator[Process]:
    catalog = begin()
    yield Process(catalog)
    catalog.close()


async def test_a_few_mistakes_cost_nothing(process: Process) -> None:
    await process.fail(times=FREE_ATTEMPTS)
    assert process.held == []


async def test_each_further_mistake_doubles_the_wait_up_to_half_a_minute(process: Process, clock: ManualClock) -> None:
    await process.fail(times=FREE_ATTEMPTS)
    waits = []
    for _ in range(8):
        waits.append(await process.must_wait())
        clock.advance(timedelta(seconds=waits[-1]))
        await process.fail()
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert waits[-1] == LONGEST_WAIT.total_seconds()


async def test_an_attempt_that_came_too_early_makes_nothing_longer(process: Process, clock: ManualClock) -> None:
    await process.fail(times=FREE_ATTEMPTS)
    for _ in range(5):
        assert await process.must_wait() == 1
    clock.advance(timedelta(seconds=1))
    await process.succeed()


async def test_a_guesser_keeps_nothing_else_out_that_shares_the_address_or_the_user(process: Process) -> None:
    await process.fail(times=FREE_ATTEMPTS)
    await process.must_wait()
    await process.succeed(BOB, HERE)
    await process.succeed(ANN, THERE)


async def test_guessing_once_a_minute_leaves_the_user_time_to_sign_in(process: Process, clock: ManualClock) -> None:
    for _ in range(25):
        await process.fail()
        clock.advance(MINUTE)
    await process.fail()
    clock.advance(MINUTE / 2)
    await process.succeed()


async def test_who_guesses_at_many_users_slows_the_address_a_little_and_no_more(process: Process) -> None:
    for number in range(24):
        await process.fail(f"user 1/user{number}")
    await process.succeed(BOB)
    assert process.held[-1] == LONGEST_HOLD.total_seconds()
    await process.succeed(BOB, THERE)
    assert len(process.held) == 22


async def test_guesses_from_many_addresses_slow_the_user_a_little_and_no_more(process: Process) -> None:
    for number in range(24):
        await process.fail(ANN, f"2001:db8:0:{number:x}::1")
    await process.succeed(ANN, THERE)
    assert process.held[-1] == LONGEST_HOLD.total_seconds()


async def test_a_user_that_is_not_there_is_counted_as_one_that_is(process: Process) -> None:
    """The throttle hears what was typed and nothing else, so its answers cannot tell who exists."""
    await process.fail("user /nobody", times=FREE_ATTEMPTS)
    assert await process.must_wait("user /nobody") == 1


async def test_success_forgets_what_its_pair_failed_and_nothing_else(process: Process) -> None:
    await process.fail(times=FREE_ATTEMPTS - 1)
    await process.fail(BOB)
    await process.succeed()
    assert await process.rows() == 1
    await process.fail(times=FREE_ATTEMPTS)


async def test_attempts_that_come_at_once_are_counted_before_their_outcome_is_known(process: Process) -> None:
    outcomes = await asyncio.gather(*(process.fail() for _ in range(20)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) <= FREE_ATTEMPTS
    assert process.throttle._unstored == set()


async def test_after_a_quiet_while_counting_starts_again(process: Process, clock: ManualClock) -> None:
    await process.fail(times=FREE_ATTEMPTS)
    clock.advance(FORGIVEN_AFTER)
    await process.fail(times=FREE_ATTEMPTS)
    assert await process.rows() == 1


async def test_a_clock_that_is_set_back_makes_no_wait_longer(process: Process, clock: ManualClock) -> None:
    await process.fail(times=FREE_ATTEMPTS)
    clock.advance(timedelta(days=-1))
    assert await process.must_wait() == 1


async def test_processes_count_together(begin: Callable[[], WholeCatalog]) -> None:
    first, second = Process(begin()), Process(begin())
    await first.fail(times=2)
    await second.fail()
    assert (await first.must_wait(), await second.must_wait()) == (1, 1)
    first.catalog.close()
    second.catalog.close()


async def test_attempts_that_come_at_once_to_several_processes_are_few_more_than_to_one(
    begin: Callable[[], WholeCatalog], clock: ManualClock
) -> None:
    processes = [Process(begin()) for _ in range(3)]
    assert await at_once(processes) <= FREE_ATTEMPTS + len(processes) - 1
    for _ in range(4):
        clock.advance(LONGEST_WAIT)
        assert await at_once(processes) == 1
    for each in processes:
        each.catalog.close()


async def at_once(processes: list[Process], each: int = 10) -> int:
    """Let attempts of a pair fail in every process, none before all were admitted or refused. Return how many did."""
    attempts, settled, failed = each * len(processes), 0, 0
    all_settled = asyncio.Event()

    def settle() -> None:
        nonlocal settled
        settled += 1
        if settled == attempts:
            all_settled.set()

    async def fail(process: Process) -> None:
        nonlocal failed
        with suppress(SignInRefused):
            async with process.throttle.attempt(ANN, HERE):
                settle()
                failed += 1
                await all_settled.wait()
                raise SignInRefused

    async def attempt(process: Process) -> None:
        try:
            await fail(process)
        except TooManyAttempts:
            settle()

    await asyncio.gather(*(attempt(process) for process in processes for _ in range(each)))
    return failed


async def test_an_attempt_that_the_server_breaks_off_does_not_count(process: Process, clock: ManualClock) -> None:
    await process.fail(times=FREE_ATTEMPTS)
    clock.advance(timedelta(seconds=1))
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            async with process.throttle.attempt(ANN, HERE):
                raise StorageUnavailable("away")
    await process.fail()
    assert await process.must_wait() == 2


async def test_no_attempt_that_succeeds_or_must_wait_writes_a_row(process: Process) -> None:
    await process.succeed()
    assert await process.rows() == 0
    await process.fail(times=FREE_ATTEMPTS)
    await process.must_wait()
    assert await process.rows() == 1


async def test_rows_that_strangers_invent_are_bounded_and_the_oldest_go_first(
    process: Process, clock: ManualClock
) -> None:
    process.throttle.most_pairs = 10
    for number in range(15):
        clock.advance(timedelta(milliseconds=1))
        await process.fail(f"user 1/{number}", f"2001:db8:{number:x}::1")
    assert await process.rows() <= 10
    await process.fail("user 1/14", "2001:db8:e::9", times=FREE_ATTEMPTS - 1)
    await process.must_wait("user 1/14", "2001:db8:e::2")


async def test_what_was_typed_cannot_be_read_in_the_table(process: Process) -> None:
    await process.fail("user 1/My secret, in the wrong field")
    table = schema.sign_in_failure
    rows = await process.catalog.partition.read(lambda db: [str(row) for row in db.execute(select(table))])
    [row] = rows
    assert "secret" not in row


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("\x00", "unknown"),
    ],
)
def test_addresses_of_one_subscriber_are_one_network(address: str, network: str) -> None:
    assert network_of(address) == network
