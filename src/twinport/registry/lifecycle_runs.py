"""Lifecycle policies at work: a loop that applies them and makes their previews. Accounts take turns.

A run decides from what it read (model/lifecycle.py) and acts in short transactions, each of which compares what it acts
on with what was read. So nothing is lost when a process dies between two of them: another process decides again from
what is left. A lease keeps two processes from doing the same work; the work is right even if they do.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from time import monotonic
from typing import TypeAlias
from uuid import uuid4

from twinport.catalog.engine import leases
from twinport.catalog.ports import Catalog, Connection, Database
from twinport.catalog.regional import image_notes as notes_left
from twinport.catalog.regional import lifecycle, lifecycle_previews
from twinport.catalog.regional.image_notes import Note
from twinport.catalog.regional.lifecycle import Acted, Home, Step, StoredPolicy
from twinport.catalog.regional.lifecycle_previews import Preview, PreviewStatus
from twinport.errors import Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.lifecycle import Action, Image, Plan, in_goes, looks_of, select
from twinport.model.lifecycle_policies import ActionType, LifecyclePolicy, parse_policy
from twinport.model.names import AccountId, RegionName
from twinport.processes.pools import LIFECYCLE, PARTY
from twinport.registry import image_notes, rounds
from twinport.registry.pulls import MARGIN, Pulls

# A policy is applied this often. ECR promises a day.
INTERVAL = timedelta(hours=1)
# A preview's results are kept this long.
PREVIEWS_STAY = timedelta(hours=24)
AT_ONCE = 100
_ROWS_AT_ONCE = 500
# How many accounts a process works for at once. Each holds a plan in memory.
ACCOUNTS_AT_ONCE = 3
# How many accounts have a turn in one look.
MOST_ACCOUNTS = 1000
# How many comparisons of a tag with a prefix or pattern are made in one go, before other work has its turn: a part of
# a second.
MOST_COMPARISONS = 200_000
_LEASE = timedelta(minutes=1)
_RENEWAL = timedelta(seconds=20)
_PAUSE = timedelta(minutes=1)
_ATTEMPTS = 3
# After a transaction, the loop rests this many times as long as it took. One that reads again what a rule keeps is
# long, and other writers of the Region wait for it.
_REST = 3


# Some work of one account: the repository, and what is done to it.
Turn: TypeAlias = "list[tuple[Home, Callable[[Home], Awaitable[bool]]]]"


class Ended(Enum):
    """How a run of a policy ended."""

    WHOLE = "every action was taken that was still right"
    OUT_OF_DATE = "the repository or its policy changed: decide again"
    LEASE_LOST = "another process goes on"


@dataclass(frozen=True, slots=True)
class Decided:
    """A plan, and by the priority of each of its rules the number of changes of images up to which it is right."""

    plan: Plan
    right_until: Mapping[int, int]

    def step(self, actions: Sequence[Action]) -> Step:
        """Make a step of some actions, with what their rules keep."""
        rules = _rules_of(self.plan, actions)
        until = min((self.right_until[rule] for rule in rules), default=0)
        return Step(tuple(actions), tuple(self.plan.kept[rule] for rule in rules), until)

    def after(self, actions: Sequence[Action], acted: Acted) -> "Decided":
        """Return the plan after a step. The step compared what its own rules keep, and changed none of that."""
        rules = _rules_of(self.plan, actions)
        known = {
            rule: acted.after if rule in rules or until == acted.before else until
            for rule, until in self.right_until.items()
        }
        return replace(self, right_until=known)


@dataclass(frozen=True, slots=True)
class LifecycleRuns:
    """Applies the policies of every Region. `due` wakes the loop.

    A process works for `accounts_at_once` accounts at a time, so that one with much to decide does not keep the others
    waiting. Their steps take turns.
    """

    catalog: Catalog
    holder: str
    pulls: Pulls
    due: asyncio.Event
    at_once: int = AT_ONCE
    accounts_at_once: int = ACCOUNTS_AT_ONCE
    _step: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Do what is due, again and again, until canceled."""
        await rounds.run(self.catalog, "lifecycle", self.look, self.due)

    async def look(self, region: RegionName) -> bool:
        """Do one turn of each account in one Region: a preview and a policy. Tell whether anything was done.

        So other accounts and other Regions have their turn, however much one account asks for. What hinders the work of
        one account is told after the turns of the others, and raised if it hindered all of them.
        """
        turns = await self._turns(region)
        done: list[bool] = []
        hindered: list[Unavailable] = []

        async def work() -> None:
            while turns:
                try:
                    done.append(await self._take(turns.popleft()))
                except Unavailable as refusal:
                    hindered.append(refusal)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.accounts_at_once, len(turns))):
                group.create_task(work())
        rounds.tell_hindered("lifecycle", hindered, has_done=any(done))
        return any(done)

    async def _turns(self, region: RegionName) -> deque[Turn]:
        """Return what each account has to do, the most overdue of each kind, the account that waits longest first."""
        database, now = self.catalog.region(region), await self.catalog.region(region).read(self.catalog.now)
        previews = await database.read_much(lambda db: lifecycle_previews.due(db, region, now, MOST_ACCOUNTS))
        policies = await database.read_much(lambda db: lifecycle.due(db, region, now, MOST_ACCOUNTS))
        works = [*((home, self.preview) for home in previews), *((home, self.apply) for home in policies)]
        turns: dict[AccountId, Turn] = {}
        for home, work in works:
            turns.setdefault(home.repository.account, []).append((home, work))
        return deque(turns.values())

    async def _take(self, turn: Turn) -> bool:
        """Do the work of one account, whose party it is in the pools of threads."""
        done = []
        for home, work in turn:
            PARTY.set(home.repository.account)
            done.append(await self._leased(self.catalog.region(home.repository.region), home, work))
        return any(done)

    # --- policies ---

    async def apply(self, home: Home) -> bool:
        """Apply a repository's policy. Return False if this process lost the lease: another one goes on."""
        database = self.catalog.region(home.repository.region)
        policy = await database.read(lambda db: lifecycle.find(db, home.id))
        if policy is None:
            return True
        done: Counter[ActionType] = Counter()
        try:
            ended = await self._try(home, policy, done)
        except Exception:
            # Left alone for a while, so that it does not keep other repositories from their turn: also one whose
            # transactions take too long. If the whole database is away, it is away for the others too.
            with suppress(Unavailable):
                await self._postpone(database, home, policy)
            raise
        await self._end(home, policy, ended, done)
        return ended is not Ended.LEASE_LOST

    async def _try(self, home: Home, policy: StoredPolicy, done: Counter[ActionType]) -> Ended:
        """Make a plan and carry it out, again if the repository changed meanwhile."""
        ended = Ended.OUT_OF_DATE
        for _ in range(_ATTEMPTS):
            ended = await self._carry_out(home, policy, await self._decide(home, policy), done)
            if ended is not Ended.OUT_OF_DATE:
                break
        return ended

    async def _carry_out(self, home: Home, policy: StoredPolicy, decided: Decided, done: Counter[ActionType]) -> Ended:
        """Take the actions of a plan, and count them in `done`."""
        database, every = self.catalog.region(home.repository.region), decided.plan.actions
        first = 0
        while first < len(every):
            if not await self._lease(database, home):
                return Ended.LEASE_LOST
            actions = every[first : first + self.at_once]
            acted = await self._act(home, policy, decided.step(actions))
            if acted is None:
                return Ended.OUT_OF_DATE
            first += acted.decided
            decided = decided.after(actions, acted)
            done.update(action.kind for action in acted.actions)
        return Ended.WHOLE

    async def _act(self, home: Home, policy: StoredPolicy, step: Step) -> Acted | None:
        """Take the actions of a step in one transaction, tell the log, and rest. No two steps are at once."""
        name, database = str(uuid4()), self.catalog.region(home.repository.region)
        async with self._step:
            began = monotonic()
            acted, notes = await database.write(
                lambda db: _act_and_note(db, home, policy.version, step, (name, self.catalog.now(db)))
            )
            await image_notes.tell_all(database, name, notes)
            await asyncio.sleep(_REST * (monotonic() - began))
        return acted

    async def _end(self, home: Home, policy: StoredPolicy, ended: Ended, done: Counter[ActionType]) -> None:
        database = self.catalog.region(home.repository.region)
        if ended is Ended.WHOLE:
            await database.write(
                lambda db: lifecycle.finish(db, home.id, policy.version, self.catalog.now(db), INTERVAL)
            )
        elif ended is Ended.OUT_OF_DATE:
            await self._postpone(database, home, policy)
        if done:
            counts = {"expired": done[ActionType.EXPIRE], "archived": done[ActionType.TRANSITION]}
            telemetry.event(Event.LIFECYCLE_APPLIED, **_facts(home), **counts)

    async def _postpone(self, database: Database, home: Home, policy: StoredPolicy) -> None:
        """Leave a repository alone for a while: it changes faster than the policy is applied."""
        await database.write(lambda db: lifecycle.postpone(db, home.id, policy.version, self.catalog.now(db) + _PAUSE))

    async def _decide(self, home: Home, policy: StoredPolicy) -> Decided:
        """Make a plan. What changes while the images are read makes it wrong, so the changes are counted before."""
        before = await self.catalog.region(home.repository.region).read(lambda db: lifecycle.find(db, home.id))
        plan = await self._plan(home, parse_policy(policy.text))
        return Decided(plan, dict.fromkeys(plan.kept, before.image_changes if before else 0))

    async def _plan(self, home: Home, policy: LifecyclePolicy) -> Plan:
        """Read every image of a repository, which may take longer than the lease, and decide."""
        await self.pulls.settle()
        known: dict[str, str] = {}
        database, found, last, leased_at = self.catalog.region(home.repository.region), list[Image](), "", monotonic()
        while page := await database.read_much(
            partial(lambda db, after: lifecycle.page(db, home.id, after, _ROWS_AT_ONCE, known), after=last)
        ):
            found += page
            last = page[-1].digest
            if monotonic() - leased_at > _RENEWAL.total_seconds():
                await self._lease(database, home)
                leased_at = monotonic()
            await asyncio.sleep(0)
        looks: dict[str, int] = {}
        for some in in_goes(policy, found, MOST_COMPARISONS):
            looks |= await LIFECYCLE.run(partial(looks_of, policy, some))
            if monotonic() - leased_at > _RENEWAL.total_seconds():
                await self._lease(database, home)
                leased_at = monotonic()
        now = await database.read(self.catalog.now)
        return await LIFECYCLE.run(partial(select, policy, found, now, MARGIN, looks))

    # --- previews ---

    async def preview(self, home: Home) -> bool:
        """Make the preview that is asked for, or drop one that has expired."""
        database = self.catalog.region(home.repository.region)
        preview = await database.read(lambda db: lifecycle_previews.find(db, home.id))
        if preview is None:
            return True
        while await database.write(lambda db: lifecycle_previews.forget_some(db, home.id, _ROWS_AT_ONCE)):
            pass
        if preview.status is not PreviewStatus.IN_PROGRESS:
            await self._settle(home, replace(preview, status=PreviewStatus.EXPIRED, expiring=0, archiving=0))
            return True
        try:
            plan = await self._plan(home, parse_policy(preview.text))
            is_current = await self._store(home, preview, plan)
        except Unavailable:
            raise
        except Exception:
            await self._settle(home, replace(preview, status=PreviewStatus.FAILED))
            raise
        if is_current:
            await self._settle(home, _complete(preview, plan))
        return is_current

    async def _store(self, home: Home, preview: Preview, plan: Plan) -> bool:
        """Store the results of a preview. Return False if another one is asked for, or the lease is lost."""
        database = self.catalog.region(home.repository.region)
        for first in range(0, len(plan.actions), _ROWS_AT_ONCE):
            some = plan.actions[first : first + _ROWS_AT_ONCE]
            add = partial(lifecycle_previews.add, repository_id=home.id, version=preview.version)
            if not await self._lease(database, home):
                return False
            if not await database.write(partial(add, first=first, actions=some)):
                return False
        return True

    async def _settle(self, home: Home, preview: Preview) -> None:
        """Note how a preview ended. The results of a complete one are due to go later."""
        stays = PREVIEWS_STAY if preview.status is PreviewStatus.COMPLETE else None
        await self.catalog.region(home.repository.region).write(
            lambda db: lifecycle_previews.settle(db, home.id, preview, self.catalog.now(db) + stays if stays else None)
        )

    # --- leases ---

    async def _leased(self, database: Database, home: Home, work: Callable[[Home], Awaitable[bool]]) -> bool:
        """Do some work unless another process does it. Tell whether this process did."""
        if not await self._lease(database, home):
            return False
        try:
            return await work(home)
        finally:
            await database.write(lambda db: leases.give_back(db, _name(home), self.holder))

    async def _lease(self, database: Database, home: Home) -> bool:
        return await database.write(
            lambda db: leases.take(db, _name(home), self.holder, self.catalog.now(db), lease=_LEASE)
        )


def _act_and_note(
    db: Connection, home: Home, version: str, step: Step, named: tuple[str, datetime]
) -> tuple[Acted | None, list[Note]]:
    """Take the actions of a step, and note them under the step's name, for the log."""
    name, now = named
    acted = lifecycle.act(db, home, version, step, now)
    notes = [image_notes.of_action(home.repository, each) for each in acted.actions] if acted else []
    notes_left.write(db, name, notes, now)
    return acted, notes


def _name(home: Home) -> str:
    return f"lifecycle {home.id}"


def _rules_of(plan: Plan, actions: Sequence[Action]) -> list[int]:
    """Return the priorities of the rules of some actions that keep images."""
    found = {action.priority for action in actions if action.priority is not None}
    return sorted(found & plan.kept.keys())


def _complete(preview: Preview, plan: Plan) -> Preview:
    kinds = Counter(action.kind for action in plan.actions)
    expiring, archiving = kinds[ActionType.EXPIRE], kinds[ActionType.TRANSITION]
    return replace(preview, status=PreviewStatus.COMPLETE, expiring=expiring, archiving=archiving)


def _facts(home: Home) -> dict[str, str]:
    return {"account": home.repository.account, "region": home.repository.region, "repository": home.repository.name}
