"""Put, push, Delete and crashes in every order: a role is never deleted under a configuration.

Each script is one client's work, one transaction a step; a schedule says which runs for how long, and where the process
dies. What must hold is judged after every burst.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from tests import owing
from tests.fakes import ACCOUNT, AllowAll, caller
from tests.policies.stepped import Actor, SteppedCatalog, Stored
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import registries
from twinport.catalog.regional import schema as regional_schema
from twinport.clock import ManualClock
from twinport.identities.deletion import DeletionRunner, Deletions
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.model.content import Digest
from twinport.model.deletions import DeletionTask, TaskStatus
from twinport.model.identities import REPLICATION_ROLE, REPLICATION_SERVICE
from twinport.model.names import RegionName, Registry, RepositoryName
from twinport.model.replication import PlannedDelivery, ReplicationConfiguration, ReplicationRule
from twinport.refusals.identities import EntityNotFound, RoleFenced

HERE, THERE = RegionName("eu-west-1"), RegionName("us-east-1")
DESTINATION = Registry(ACCOUNT, RegionName("sa-east-1"))
RULES = ReplicationConfiguration((ReplicationRule((DESTINATION,)),))
NO_RULES = ReplicationConfiguration()
PENDING = (TaskStatus.NOT_STARTED.value, TaskStatus.IN_PROGRESS.value)
END = 1000
STORED = Stored()


class World:
    """Rows that outlive every process, and the objects of the process that lives now."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.stored = STORED
        self.stored.clear()
        self.start_process()

    def start_process(self) -> None:
        self.catalog = SteppedCatalog(self.stored, self.clock)
        submitted = asyncio.Event()
        self.roles = ServiceLinkedRoles(self.catalog, AllowAll(), self.clock)
        self.deletions = Deletions(self.catalog, AllowAll(), submitted.set)
        self.runner = DeletionRunner(self.catalog, submitted, "runner")

    # --- what a client may do -----------------------------------------------------------------------------

    async def put(self, region: RegionName) -> None:
        with suppress(RoleFenced):  # one deletion after another overtook it
            await self.roles.store_under(caller(), Registry(ACCOUNT, region), REPLICATION_SERVICE, store_rules)

    async def remove(self, region: RegionName) -> None:
        await self.catalog.region(region).write(clear_rules)

    async def push(self, region: RegionName) -> None:
        await self.catalog.region(region).write(push)

    async def settle(self, region: RegionName) -> None:
        await self.catalog.region(region).write(settle)

    async def delete(self, _: RegionName) -> None:
        with suppress(EntityNotFound):
            await self.deletions.submit(caller(), REPLICATION_ROLE)
        await self.run(_)

    async def run(self, _: RegionName) -> None:
        await self.runner.run_due()

    # --- what must hold -----------------------------------------------------------------------------------

    def judge(self) -> None:
        existing = self.role_ids()
        for name, region in self.stored.regions.items():
            found = region.run(lambda db: registries.settings(db, ACCOUNT))
            assert not found.replication.rules or found.role_id in existing, f"{name} stands under a deleted role"
        pending = self.roles_of_tasks(PENDING)
        assert len(pending) == len(set(pending)), "a role has two pending deletions"
        assert not existing.intersection(self.roles_of_tasks([TaskStatus.SUCCEEDED.value])), "a deleted role exists"

    def judge_in_peace(self) -> None:
        """Once everything is removed and settled the role can be deleted, and the next configuration makes it again."""
        for region in (HERE, THERE):
            Actor(self.remove(region)).finish()
            Actor(self.settle(region)).finish()
        self.run_to_the_end()
        Actor(self.put(HERE)).finish()
        Actor(self.remove(HERE)).finish()
        before = self.role_ids()
        task = Actor(self.deletions.submit(caller(), REPLICATION_ROLE)).finish()
        self.run_to_the_end()
        assert self.status(task) is TaskStatus.SUCCEEDED
        assert not self.role_ids()
        Actor(self.put(HERE)).finish()
        assert self.role_ids().isdisjoint(before)

    def run_to_the_end(self) -> None:
        for _ in range(3):
            Actor(self.runner.run_due()).finish()

    def status(self, task: DeletionTask) -> TaskStatus:
        return Actor(self.deletions.status(caller(), task.id)).finish().status

    def role_ids(self) -> set[str]:
        query = select(partition_schema.role.c.unique_id)
        return set(self.stored.partition.run(lambda db: db.execute(query).scalars().all()))

    def roles_of_tasks(self, statuses: Iterable[str]) -> list[str]:
        query = select(partition_schema.deletion_task.c.role_id).where(
            partition_schema.deletion_task.c.status.in_(statuses)
        )
        return list(self.stored.partition.run(lambda db: db.execute(query).scalars().all()))


Deed = Callable[[World, RegionName], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Burst:
    """The script goes on for some steps."""

    script: int
    steps: int


@dataclass(frozen=True)
class Crash:
    """The process dies and another starts; each script goes on with its next deed."""


places = st.sampled_from([HERE, HERE, HERE, THERE])
deeds = st.tuples(
    st.sampled_from([World.put, World.put, World.delete, World.delete, World.remove, World.push, World.settle]), places
)
scripts = st.lists(st.lists(deeds, min_size=1, max_size=4), min_size=2, max_size=4)
bursts = st.builds(Burst, st.integers(0, 3), st.sampled_from([1, 2, 3, 4, 6, END]))
schedules = st.lists(st.one_of(bursts, bursts, bursts, bursts, st.just(Crash())), max_size=14)


# A configuration that asked for the role, then waits while another client deletes and recreates the role.
@example(
    [[(World.put, HERE)], [(World.delete, HERE)], [(World.put, HERE)]], [Burst(0, 4), Burst(1, END), Burst(2, END)]
)
# A Region that is listed after the runner asked which there are.
@example([[(World.delete, HERE)], [(World.put, HERE)]], [Burst(0, 6), Burst(1, 4), Burst(0, END)])
# A configuration that comes when every Region is fenced and the role not yet deleted.
@example([[(World.delete, HERE)], [(World.put, THERE)]], [Burst(0, 7), Burst(1, END)])
# A Region that is first written to after the role is gone.
@example([[(World.put, HERE)], [(World.delete, HERE)]], [Burst(0, 2), Burst(1, END)])
# A runner that found a Region in use and wakes when another runner's round has ended well.
@example(
    [[(World.put, THERE)], [(World.put, HERE)], [(World.delete, HERE)], [(World.remove, THERE), (World.delete, HERE)]],
    [Burst(0, END), Burst(1, 4), Burst(2, 8), Burst(3, END), Burst(2, END)],
)
# A runner that overslept its task, whose fence would stand where that of a later task stood.
@example(
    [
        [(World.delete, HERE)],
        [(World.delete, HERE)],
        [(World.put, HERE)],
        [(World.remove, HERE)],
        [(World.delete, HERE)],
    ],
    [
        *(Burst(3, END), Burst(0, 6), Burst(1, 7), Burst(2, 6), Burst(4, 8)),
        *(Burst(0, END), Burst(2, END), Burst(4, END)),
    ],
)
@pytest.mark.slow
@given(scripts, schedules)
def test_no_order_of_steps_and_crashes_deletes_a_role_under_a_configuration(
    scripts: list[list[tuple[Deed, RegionName]]], schedule: list[Burst | Crash]
) -> None:
    world = World()
    Actor(world.put(THERE)).finish()
    Actor(world.remove(THERE)).finish()
    todo = [list(script) for script in scripts]
    under_way: list[Actor[None] | None] = [None for _ in scripts]
    try:
        for event in [*schedule, *(Burst(script, END) for script in range(len(scripts)))]:
            match event:
                case Burst(script, steps) if script < len(scripts):
                    go_on(world, todo[script], under_way, script, steps)
                case Burst():
                    continue
                case Crash():
                    let_go(under_way)
                    world.start_process()
            world.judge()
    finally:
        let_go(under_way)
    world.judge_in_peace()


def go_on(
    world: World,
    todo: list[tuple[Deed, RegionName]],
    under_way: list[Actor[None] | None],
    script: int,
    steps: int,
) -> None:
    """Let a script make some steps; what it begins it remembers."""
    for _ in range(steps):
        actor = under_way[script]
        if actor is None and not todo:
            return
        if actor is None:
            deed, region = todo.pop(0)
            actor = under_way[script] = Actor(deed(world, region))
        actor.step()
        if actor.done:
            under_way[script] = None
            actor.finish()


def let_go(under_way: list[Actor[None] | None]) -> None:
    for script, actor in enumerate(under_way):
        if actor is not None:
            actor.work.close()
        under_way[script] = None


def store_rules(db: Connection, role_id: str) -> None:
    registries.set_replication(db, ACCOUNT, RULES, role_id)


def push(db: Connection) -> None:
    """Push an image: what the rules of now ask for is owed."""
    if registries.settings(db, ACCOUNT).replication.rules:
        planned = PlannedDelivery(DESTINATION, RepositoryName("app"), Digest.of(b""), "1")
        position = registries.next_position(db, ACCOUNT)
        owing.owe(db, Registry(ACCOUNT, HERE), [planned], position, ManualClock().now())


def settle(db: Connection) -> None:
    db.execute(update(regional_schema.delivery).values(state="complete"))


def clear_rules(db: Connection) -> None:
    registries.set_replication(db, ACCOUNT, NO_RULES, registries.settings(db, ACCOUNT).role_id)
