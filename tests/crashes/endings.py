"""Telling a story again and again, each time with another ending."""

from collections.abc import Awaitable, Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import pytest

from tests.blobs.forgetful_disk import Killed, Plan
from tests.catalogs import POSTGRESQL, SQLITE
from tests.crashes.ledger import Ledger
from tests.crashes.machine import Machine
from tests.crashes.mortal import BEGIN, COMMITTED
from twinport.errors import NotFound, Unavailable
from twinport.refusals.storage import OutcomeUnknown, StorageUnavailable

# What is to happen under fault, and what was made ready for it without. The mark keeps tellings apart.
Act = Callable[[], Awaitable[None]]


class Story(Protocol):
    __name__: str

    def __call__(self, machine: Machine, ledger: Ledger, mark: bytes, /) -> Awaitable[Act]: ...


async def nothing() -> None:
    """Leave everything as the crash left it."""


async def kill_everywhere(machine: Machine, ledger: Ledger, story: Story, afterwards: Act = nothing) -> int:
    """Cut a story off at each operation of the kinds that are this machine's, and check what must always be true.

    The disk and the catalog stay the same, so `afterwards` is what the next process does in peace, after each crash.
    Without it, what the crashes leave adds up. Return the number of operations of those kinds that the whole story has.
    """
    for number in count(1):
        act = await story(machine, ledger, b"%d" % number)
        machine.go_on(killed_at_its(number, machine.dies_at))
        try:
            await act()
        except Killed:
            machine.crash()
            await ledger.check()
            await afterwards()
        else:
            break
    machine.rest()
    await ledger.check()
    await ledger.promises_are_kept(of_the_last=number * 10)
    return number - 1


def killed_at_its(n: int, kinds: Container[str]) -> Plan:
    """From the n-th of the operations of some kinds on there is no process."""
    seen = 0

    def plan(_number: int, operation: str) -> None:
        nonlocal seen
        seen += operation in kinds
        if seen >= n:
            raise Killed

    return plan


async def doubt_everywhere(machine: Machine, ledger: Ledger, story: Story) -> int:
    """Lose the answer to each of a story's COMMITs, and tell it again if it broke off. Return their number."""
    for number in count(1):
        act, doubt = await story(machine, ledger, b"%d" % number), Nth(number, COMMITTED, OutcomeUnknown)
        machine.go_on(doubt.plan)
        try:
            await act()
        except Unavailable:
            machine.rest()
            await ledger.check()
            # What the first telling removed is not there to be removed.
            with suppress(NotFound):
                await act()
        machine.rest()
        await ledger.check()
        if doubt.seen < number:
            break
    return number - 1


@dataclass
class Nth:
    """The n-th operation of one kind ends with an error, after it took effect if it is the end of a COMMIT."""

    n: int
    kind: str
    error: Callable[[], Exception]
    seen: int = 0

    def plan(self, _number: int, operation: str) -> None:
        if operation == self.kind:
            self.seen += 1
            if self.seen == self.n:
                raise self.error()


async def refuse_everywhere(machine: Machine, ledger: Ledger, story: Story) -> int:
    """Let the database refuse each of a story's transactions, and tell it again. Return their number."""
    for number in count(1):
        act = await story(machine, ledger, b"%d" % number)
        before = await ledger.all_orphans()
        begins = Nth(number, BEGIN, lambda: StorageUnavailable("database or disk is full"))
        machine.go_on(begins.plan)
        try:
            await act()
        except Unavailable:
            machine.rest()
            await ledger.check()
            assert await ledger.all_orphans() == before, "what was refused left bytes behind"
            await act()
        machine.rest()
        await ledger.check()
        if begins.seen < number:
            break
    return number - 1


def on_both(stories: Sequence[Story], *on_sqlite: Story) -> pytest.MarkDecorator:
    """Tell stories on either engine, and on SQLite alone those that differ from one of them on the disk only."""
    told = [(SQLITE, story) for story in (*stories, *on_sqlite)] + [(POSTGRESQL, story) for story in stories]
    names = [f"{engine}-{story.__name__}" for engine, story in told]
    return pytest.mark.parametrize(("machine", "story"), told, indirect=["machine"], ids=names)
