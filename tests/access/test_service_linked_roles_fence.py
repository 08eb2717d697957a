"""Put, push, Delete and crashes in every order: a role is never deleted under a configuration."""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, select, update

from tests.access.stepped import Actor, SteppedCatalog, Stored
from tests.fakes import ACCOUNT, AllowAll, caller
from twinport.access.deletion import DeletionRunner, Deletions
from twinport.access.service_linked_roles import ServiceLinkedRoles
from twinport.catalog import outbox, registries, schema
from twinport.catalog.database import Transaction
from twinport.clock import ManualClock
from twinport.errors import EntityNotFound, RoleFenced
from twinport.model.content import Digest
from twinport.model.deletions import DeletionTask, TaskStatus
from twinport.model.identities import REPLICATION_ROLE, REPLICATION_SERVICE
from twinport.model.images import Position
from twinport.model.names import RegionName, Registry, RepositoryName
from twinport.model.replication import PlannedDelivery, ReplicationConfiguration, ReplicationRule

REGIONS = [RegionName("eu-west-1"), RegionName("us-east-1"), RegionName("ap-south-1")]
DESTINATION = Registry(ACCOUNT, RegionName("sa-east-1"))
RULES = ReplicationConfiguration((ReplicationRule((DESTINATION,)),))
NO_RULES = ReplicationConfiguration()
PENDING = (TaskStatus.NOT_STARTED.value, TaskStatus.IN_PROGRESS.value)
regions = st.sampled_from(REGIONS)


def storing(role_id: str) -> Transaction[None]:
    return lambda db: registries.set_replication(db, ACCOUNT, RULES, role_id)


class TheRolesLife(RuleBasedStateMachine):
    """Any number of each actor at once, in one process after another."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.stored = Stored()
        self.actors: list[Actor[Any]] = []
        self.start_process()

    def start_process(self) -> None:
        self.catalog = SteppedCatalog(self.stored, self.clock)
        submitted = asyncio.Event()
        self.roles = ServiceLinkedRoles(self.catalog, AllowAll(), self.clock)
        self.deletions = Deletions(self.catalog, AllowAll(), self.clock, submitted)
        self.runner = DeletionRunner(self.catalog, self.clock, submitted)

    def teardown(self) -> None:
        for actor in self.actors:
            actor.work.close()
        self.actors = []

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        self.actors.append(Actor(work))

    # --- what may happen ----------------------------------------------------------------------------------

    @rule(region=regions)
    def somebody_configures(self, region: RegionName) -> None:
        self.begin(self.put(region))

    @rule(region=regions)
    def somebody_removes_the_configuration(self, region: RegionName) -> None:
        self.begin(self.clear(region))

    @rule(region=regions)
    def somebody_pushes(self, region: RegionName) -> None:
        self.stored.region(region).run(push)

    @rule(region=regions)
    def the_deliveries_settle(self, region: RegionName) -> None:
        self.stored.region(region).run(settle_all)

    @rule()
    def somebody_deletes_the_role(self) -> None:
        self.begin(self.deletions.submit(caller(), REPLICATION_ROLE))

    @rule()
    def a_runner_begins_a_round(self) -> None:
        self.begin(self.runner.run_due())

    @precondition(lambda self: self.actors)
    @rule(data=st.data(), steps=st.integers(1, 8))
    def somebody_goes_on(self, data: st.DataObject, steps: int) -> None:
        actor = data.draw(st.sampled_from(range(len(self.actors))))
        for _ in range(steps):
            if not self.actors[actor].done:
                self.actors[actor].step()
        if self.actors[actor].done:
            judge([self.actors.pop(actor)])

    @rule()
    def the_process_dies_and_another_starts(self) -> None:
        self.teardown()
        self.start_process()

    @rule()
    def in_peace_the_role_can_be_deleted(self) -> None:
        for actor in self.actors:
            while not actor.done:
                actor.step()
        judge(self.actors)
        self.actors = []
        for region in REGIONS:
            Actor(self.clear(region)).finish()
            self.stored.region(region).run(settle_all)
        self.settle_every_task()
        if not self.role_ids():
            return
        task = Actor(self.deletions.submit(caller(), REPLICATION_ROLE)).finish()
        self.settle_every_task()
        assert self.task(task).status is TaskStatus.SUCCEEDED
        assert not self.role_ids()
        Actor(self.put(REGIONS[0])).finish()
        assert self.role_ids()

    # --- what must hold -----------------------------------------------------------------------------------

    @invariant()
    def every_configured_region_names_a_role_that_exists(self) -> None:
        existing = self.role_ids()
        for name, region in self.stored.regions.items():
            settings = region.run(lambda db: registries.settings(db, ACCOUNT))
            assert not settings.replication.rules or settings.role_id in existing, name

    @invariant()
    def a_role_has_one_pending_deletion_at_most(self) -> None:
        query = select(schema.deletion_task.c.role_id).where(schema.deletion_task.c.status.in_(PENDING))
        pending = self.stored.partition.run(lambda db: db.execute(query).scalars().all())
        assert len(pending) == len(set(pending))

    @invariant()
    def a_role_whose_deletion_succeeded_is_gone(self) -> None:
        task = schema.deletion_task
        query = select(task.c.role_id).where(task.c.status == TaskStatus.SUCCEEDED.value)
        gone = self.stored.partition.run(lambda db: db.execute(query).scalars().all())
        assert not set(gone) & self.role_ids()

    # --- the actors ---------------------------------------------------------------------------------------

    async def put(self, region: RegionName) -> None:
        await self.roles.store_under(caller(), Registry(ACCOUNT, region), REPLICATION_SERVICE, storing)

    async def clear(self, region: RegionName) -> None:
        await self.catalog.region(region).write(clear_rules)

    def settle_every_task(self) -> None:
        for _ in range(3):
            Actor(self.runner.run_due()).finish()

    def task(self, task: DeletionTask) -> DeletionTask:
        return Actor(self.deletions.status(caller(), task.id)).finish()

    def role_ids(self) -> set[str]:
        query = select(schema.role.c.unique_id)
        return set(self.stored.partition.run(lambda db: db.execute(query).scalars().all()))


def push(db: Connection) -> None:
    settings = registries.settings(db, ACCOUNT)
    if settings.replication.rules:
        position = registries.next_position(db, ACCOUNT)
        owe(db, position)


def owe(db: Connection, position: Position) -> None:
    planned = PlannedDelivery(DESTINATION, RepositoryName("app"), Digest.of(b""), "1")
    outbox.owe(db, Registry(ACCOUNT, REGIONS[0]), [planned], position, ManualClock().now())


def settle_all(db: Connection) -> None:
    db.execute(update(schema.delivery).values(state="complete"))


def clear_rules(db: Connection) -> None:
    role_id = registries.settings(db, ACCOUNT).role_id
    registries.set_replication(db, ACCOUNT, NO_RULES, role_id)


def judge(actors: Iterable[Actor[Any]]) -> None:
    """Fail for what nobody may see. A role may be absent; a Put overtaken by deletion after deletion may be told so."""
    for actor in actors:
        if actor.error is not None and not isinstance(actor.error, EntityNotFound | RoleFenced):
            raise actor.error


TheRolesLife.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=timedelta(seconds=5))
TestTheRolesLife = TheRolesLife.TestCase
