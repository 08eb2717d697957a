"""The deletion of a service-linked role: the decision, and the runner over real files."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.fakes import ACCOUNT, NOW, OTHER_REGION, REGION, AllowAll, caller
from tests.waiting import PATIENCE_SECONDS
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import Catalog, Connection, Database
from twinport.catalog.regional import registries
from twinport.clock import ManualClock
from twinport.identities.deletion import DEADLINE, Decision, DeletionRunner, Deletions, GiveUp, Proceed, Wait, decide
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.model.deletions import (
    MOST_COUNTED,
    DeletionTask,
    FailureReason,
    Fenced,
    InUse,
    RegionAnswer,
    TaskStatus,
    Unanswered,
)
from twinport.model.identities import REPLICATION_ROLE, REPLICATION_SERVICE
from twinport.model.names import RegionName, Registry
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.refusals.storage import StorageUnavailable

T = TypeVar("T")
RULES = ReplicationConfiguration((ReplicationRule((Registry(ACCOUNT, OTHER_REGION),)),))
SIBLING = "pullthroughcache.ecr.amazonaws.com"

regions = st.sampled_from([RegionName(name) for name in ("eu-west-1", "us-east-1", "ap-south-1")])
answers = st.one_of(
    st.just(Fenced()),
    st.just(Unanswered()),
    st.builds(InUse, st.just(value=True), st.integers(0, 9)),
    st.builds(InUse, st.just(value=False), st.integers(1, 9)),
)


# --- the decision -----------------------------------------------------------------------------------------


def decided(given_answers: Mapping[RegionName, RegionAnswer], *, after: timedelta = timedelta()) -> Decision:
    return decide(ACCOUNT, given_answers, NOW + after, NOW + DEADLINE)


def failure(given_answers: Mapping[RegionName, RegionAnswer], *, after: timedelta = timedelta()) -> FailureReason:
    decision = decided(given_answers, after=after)
    assert isinstance(decision, GiveUp)
    return decision.reason


@given(st.dictionaries(regions, answers))
def test_a_role_goes_only_when_every_region_has_let_it_go(given_answers: Mapping[RegionName, RegionAnswer]) -> None:
    all_fenced = all(isinstance(answer, Fenced) for answer in given_answers.values())
    assert isinstance(decided(given_answers, after=DEADLINE * 2), Proceed) == all_fenced


@given(st.dictionaries(regions, answers, min_size=1))
def test_a_failure_names_every_region_in_the_way_and_no_other(given_answers: Mapping[RegionName, RegionAnswer]) -> None:
    in_the_way = {region for region, answer in given_answers.items() if not isinstance(answer, Fenced)}
    assume(in_the_way)
    reason = failure(given_answers, after=DEADLINE)
    assert {each.region for each in reason.usage} == in_the_way
    assert all(20 <= len(arn) <= 2048 for each in reason.usage for arn in each.resources)
    assert len(reason.text) <= 1000


def test_a_silent_region_is_waited_for_until_the_deadline() -> None:
    silent: dict[RegionName, RegionAnswer] = {REGION: Unanswered(), OTHER_REGION: Fenced()}
    assert decided(silent, after=DEADLINE - timedelta(seconds=1)) == Wait()
    assert failure(silent, after=DEADLINE).text == f"the role is in use: {REGION}: could not be reached"


def test_a_region_in_use_is_not_waited_for() -> None:
    reason = failure(
        {REGION: InUse(configured=True, deliveries=2), OTHER_REGION: InUse(configured=False, deliveries=1)}
    )
    assert reason.text == (
        f"the role is in use: {REGION}: configured, 2 deliveries under way; {OTHER_REGION}: 1 delivery under way"
    )


def test_deliveries_beyond_those_that_are_counted_are_said_to_be_more() -> None:
    reason = failure({REGION: InUse(configured=False, deliveries=MOST_COUNTED)})
    assert reason.text == f"the role is in use: {REGION}: 1000 or more deliveries under way"


def test_a_long_reason_is_cut() -> None:
    reason = failure({RegionName(f"region-{number}"): InUse(configured=True, deliveries=1) for number in range(60)})
    assert len(reason.text) == 1000
    assert len(reason.usage) == 60


# --- over real files --------------------------------------------------------------------------------------


class Process:
    """The objects of one process over a data folder."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.catalog = EmbeddedCatalog(folder, clock)
        self.over(self.catalog, clock)

    def over(self, catalog: Catalog, clock: ManualClock) -> None:
        submitted = asyncio.Event()
        self.roles = ServiceLinkedRoles(catalog, AllowAll(), clock)
        self.deletions = Deletions(catalog, AllowAll(), submitted.set)
        self.runner = DeletionRunner(catalog, submitted, "runner")

    async def configure(self, region: RegionName = REGION, rules: ReplicationConfiguration = RULES) -> None:
        def store(db: Connection, role_id: str) -> None:
            registries.set_replication(db, ACCOUNT, rules, role_id)

        await self.roles.store_under(caller(), Registry(ACCOUNT, region), REPLICATION_SERVICE, store)

    async def submit(self) -> DeletionTask:
        return await self.deletions.submit(caller(), REPLICATION_ROLE)

    async def status(self, task: DeletionTask) -> TaskStatus:
        return (await self.deletions.status(caller(), task.id)).status


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def process(tmp_path: Path, clock: ManualClock) -> Iterator[Process]:
    process = Process(tmp_path, clock)
    yield process
    process.catalog.close()


async def test_a_task_is_pending_until_the_runner_comes_and_keeps_its_id(process: Process) -> None:
    await process.configure(rules=ReplicationConfiguration())
    task = await process.submit()
    assert (await process.submit()).id == task.id
    assert await process.status(task) is TaskStatus.NOT_STARTED
    await process.runner.run_due()
    assert await process.status(task) is TaskStatus.SUCCEEDED


async def test_a_failed_task_is_followed_by_a_new_one(process: Process) -> None:
    await process.configure()
    task = await process.submit()
    await process.runner.run_due()
    assert await process.status(task) is TaskStatus.FAILED
    assert (await process.submit()).id != task.id


async def test_a_task_is_resumed_by_the_next_process(tmp_path: Path, process: Process, clock: ManualClock) -> None:
    await process.configure(rules=ReplicationConfiguration())
    task = await process.submit()
    process.catalog.close()
    second = Process(tmp_path, clock)
    await second.runner.run_due()
    assert await second.status(task) is TaskStatus.SUCCEEDED
    second.catalog.close()


async def test_the_deletion_of_a_sibling_asks_no_region(process: Process) -> None:
    await process.configure()
    await process.roles.create(caller(), SIBLING)
    task = await process.deletions.submit(caller(), "AWSServiceRoleForECRPullThroughCache")
    await process.runner.run_due()
    assert await process.status(task) is TaskStatus.SUCCEEDED
    await process.configure(OTHER_REGION)


async def test_a_failed_deletion_lifts_its_fences(process: Process) -> None:
    await process.configure(REGION)
    await process.configure(OTHER_REGION)
    await process.configure(OTHER_REGION, ReplicationConfiguration())
    await process.submit()
    await process.runner.run_due()
    before = await process.roles.find(ACCOUNT, REPLICATION_SERVICE)
    await process.configure(OTHER_REGION)
    assert await process.roles.find(ACCOUNT, REPLICATION_SERVICE) == before


async def test_the_runner_wakes_at_a_submission(process: Process) -> None:
    await process.configure(rules=ReplicationConfiguration())
    running = asyncio.get_running_loop().create_task(process.runner.run())
    try:
        task = await process.submit()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await process.status(task) is not TaskStatus.SUCCEEDED:  # noqa: ASYNC110 — a row wakes no waiter
                await asyncio.sleep(0)
    finally:
        running.cancel()


class Flaky:
    """A catalog of which one Region's disk refuses every write."""

    def __init__(self, catalog: EmbeddedCatalog, broken: RegionName) -> None:
        self._catalog, self._broken = catalog, broken
        self.partition = catalog.partition

    def region(self, name: RegionName) -> Database:
        return Broken() if name == self._broken else self._catalog.region(name)

    async def regions(self) -> list[RegionName]:
        return await self._catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self._catalog.now(db)


class Broken:
    async def read(self, query: Callable[[Connection], T]) -> T:
        raise StorageUnavailable(query.__name__)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.read(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        raise StorageUnavailable(transaction.__name__)


async def test_a_region_that_cannot_be_reached_fails_the_task_at_the_deadline(
    process: Process, clock: ManualClock
) -> None:
    await process.configure(REGION, ReplicationConfiguration())
    await process.configure(OTHER_REGION, ReplicationConfiguration())
    process.over(Flaky(process.catalog, OTHER_REGION), clock)
    task = await process.submit()
    await process.runner.run_due()
    assert await process.status(task) is TaskStatus.IN_PROGRESS
    clock.advance(DEADLINE)
    await process.runner.run_due()
    settled = await process.deletions.status(caller(), task.id)
    assert settled.reason is not None
    assert settled.reason.text == f"the role is in use: {OTHER_REGION}: could not be reached"
