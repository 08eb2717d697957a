"""Memory for bodies: what is taken is bounded, given back, and waited for with an end."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.http.memory import MemoryBudget, MemoryTaken

AT_ONCE = timedelta(0)


@given(st.lists(st.integers(min_value=0, max_value=30), max_size=30))
async def test_what_is_held_is_never_more_than_there_is_and_everybody_has_a_turn(sizes: list[int]) -> None:
    budget, held, served = MemoryBudget(20), 0, 0

    async def hold(size: int) -> None:
        nonlocal held, served
        async with budget.taken(size):
            held += min(size, 20)
            assert held <= 20
            await asyncio.sleep(0)
            held -= min(size, 20)
        served += 1

    async with asyncio.TaskGroup() as group:
        for size in sizes:
            group.create_task(hold(size))
    assert (held, served) == (0, len(sizes))


async def test_who_waits_in_vain_is_told_to_try_again() -> None:
    budget = MemoryBudget(10, AT_ONCE)
    async with budget.taken(8):
        with pytest.raises(MemoryTaken):
            async with budget.taken(3):
                pytest.fail("there was no room")
        async with budget.taken(2):
            pass
    async with budget.taken(10):
        pass


async def test_a_party_holds_its_share_or_one_larger_request_and_keeps_no_other_out() -> None:
    budget = MemoryBudget(10, AT_ONCE, share=4)
    async with budget.taken(6, "greedy"):
        with pytest.raises(MemoryTaken):
            async with budget.taken(1, "greedy"):
                pytest.fail("the party has its share")
        async with budget.taken(2, "modest"), budget.taken(2, "modest"):
            pass
    async with budget.taken(2, "greedy"), budget.taken(2, "greedy"):
        pass


async def test_who_goes_while_waiting_takes_nothing_along() -> None:
    budget = MemoryBudget(10)
    async with budget.taken(10):
        waiting = asyncio.ensure_future(budget.taken(5).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
    async with budget.taken(10):
        pass
