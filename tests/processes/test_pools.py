"""Pools of threads: what waits, what is dropped, and what is refused."""

import ast
import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event, current_thread
from threading import enumerate as threads

import pytest

import twinport
from twinport.processes import pools
from twinport.processes.pools import DEPARTURE, PARTY, Pool, Work
from twinport.refusals.requests import ServerBusy, TookTooLong
from twinport.refusals.storage import Interrupted

SOURCE = Path(twinport.__file__).parent
LONG = timedelta(seconds=60)
# Methods of loops that take the loop's own threads, and functions of asyncio that do.
_DEFAULT = {"to_thread", "getaddrinfo", "getnameinfo", "run_in_executor"}


@asynccontextmanager
async def busy(pool: Pool, jobs: int = 1) -> AsyncIterator[Event]:
    """Let every thread of a pool work until the event is set."""
    begun, may_end = [Event() for _ in range(jobs)], Event()
    running = [pool.start(lambda each=each: (each.set(), may_end.wait(60))) for each in begun]  # type: ignore[misc]
    for each in begun:
        await asyncio.get_running_loop().run_in_executor(None, each.wait, 60)
    try:
        yield may_end
    finally:
        may_end.set()
        await asyncio.gather(*running)


async def turns(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not claim():  # noqa: ASYNC110 — threads set no event of the loop
            await asyncio.sleep(0)


def test_the_decision_about_work_names_every_pool_with_its_bounds() -> None:
    (page,) = (SOURCE.parent.parent / "docs" / "decisions").glob("*-which-work-runs-where.md")
    told = re.findall(r"^\| `([\w-]+)` \| (\d+) \| ([\d,]+) \|", page.read_text(), re.MULTILINE)
    there = [each for each in vars(pools).values() if isinstance(each, Pool)]
    assert {(name, int(threads), int(waiting.replace(",", ""))) for name, threads, waiting in told} == {
        (each.name, each._threads, each._waiting) for each in there
    }


async def test_a_job_runs_in_a_thread_of_its_pool() -> None:
    thread = await Pool("of-its-own", threads=1, waiting=1).run(current_thread)
    assert (thread.name, thread.daemon) == ("of-its-own-1", True)


async def test_a_pool_starts_no_more_threads_than_it_may() -> None:
    pool = Pool("two", threads=2, waiting=100)
    await asyncio.gather(*(pool.run(lambda: None) for _ in range(100)))
    assert len([each for each in threads() if each.name.startswith("two-")]) <= 2


async def test_what_a_job_raises_reaches_its_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        await Pool("raising", threads=1, waiting=1).run(lambda: 1 // 0)


async def test_beyond_its_bound_a_queue_refuses() -> None:
    pool = Pool("full", threads=1, waiting=2)
    async with busy(pool):
        waiting = [pool.start(lambda: None) for _ in range(2)]
        with pytest.raises(ServerBusy, match="'full'"):
            await pool.run(lambda: None)
    await asyncio.gather(*waiting)


async def test_parties_take_turns_and_one_party_has_neither_all_threads_nor_the_whole_queue() -> None:
    pool = Pool("turns", threads=2, waiting=8, share=4)
    done: list[str] = []
    async with as_party("greedy", busy(pool)):
        jobs = [_of_party("greedy", pool, partial(done.append, f"greedy {number}")) for number in range(4)]
        with pytest.raises(ServerBusy, match="'turns'"):
            _of_party("greedy", pool, lambda: None)
        await _of_party("modest", pool, lambda: done.append("modest"))
        assert done == ["modest"], "the greedy party has one thread, and the other is free for the rest"
    await asyncio.gather(*jobs)
    assert done == ["modest", *(f"greedy {number}" for number in range(4))]
    assert pool.queued == 0


@asynccontextmanager
async def as_party(party: str, entered: AbstractAsyncContextManager[Event]) -> AsyncIterator[None]:
    """Enter a context whose work counts for a party."""
    token = PARTY.set(party)
    async with entered:
        PARTY.reset(token)
        yield


def _of_party(party: str, pool: Pool, job: Callable[[], None]) -> "asyncio.Future[None]":
    token = PARTY.set(party)
    try:
        return pool.start(job)
    finally:
        PARTY.reset(token)


async def test_a_job_that_cleans_up_is_never_refused() -> None:
    pool = Pool("cleaning", threads=1, waiting=0)
    async with busy(pool):
        cleaning = pool.start_ending(lambda: "clean")
    assert await cleaning == "clean"


async def test_a_waiting_job_whose_caller_is_canceled_gives_its_place_back_at_once() -> None:
    pool = Pool("canceled", threads=1, waiting=1)
    async with busy(pool):
        waiting = asyncio.ensure_future(pool.run(lambda: pytest.fail("this job was dropped")))
        await turns(lambda: pool.queued == 1)
        waiting.cancel()
        await turns(lambda: pool.queued == 0)


async def test_a_waiting_job_is_dropped_when_its_client_leaves() -> None:
    pool, left = Pool("left", threads=1, waiting=1), asyncio.Event()
    DEPARTURE.set(_waiting_for(left))
    async with busy(pool):
        asked = asyncio.ensure_future(pool.attend(lambda _: pytest.fail("this job was dropped"), LONG))
        await turns(lambda: pool.queued == 1)
        left.set()
        with pytest.raises(Interrupted):
            await asked
        assert pool.queued == 0


async def test_a_running_job_ends_at_its_next_look_when_its_client_leaves() -> None:
    pool, left, looking, ended = Pool("looking", threads=1, waiting=1), asyncio.Event(), Event(), Event()
    DEPARTURE.set(_waiting_for(left))

    def forever(work: Work) -> None:
        try:
            while True:
                work.check()
                looking.set()
        finally:
            ended.set()

    asked = asyncio.ensure_future(pool.attend(forever, LONG))
    await turns(looking.is_set)
    left.set()
    with pytest.raises(Interrupted):
        await asked
    await turns(ended.is_set)


async def test_a_job_that_still_waits_at_its_deadline_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_LAST_STEP", timedelta(0))
    pool = Pool("late", threads=1, waiting=1)
    async with busy(pool):
        with pytest.raises(TookTooLong):
            await pool.attend(lambda _: pytest.fail("this job was dropped"), timedelta(milliseconds=1))
        assert pool.queued == 0


def test_nothing_uses_the_threads_of_the_loop() -> None:
    found = [f"{file.relative_to(SOURCE)}:{line}" for file in SOURCE.rglob("*.py") for line in _of_the_loop(file)]
    assert found == []


def _of_the_loop(file: Path) -> list[int]:
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if _takes_default(call)]


def _takes_default(call: ast.Call) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr not in _DEFAULT:
        return False
    if function.attr == "run_in_executor":
        return isinstance(call.args[0], ast.Constant)
    return not (isinstance(function.value, ast.Name) and function.value.id == "socket")


def _waiting_for(event: asyncio.Event) -> "Callable[[], asyncio.Future[None]]":
    async def wait() -> None:
        await event.wait()

    return lambda: asyncio.ensure_future(wait())
