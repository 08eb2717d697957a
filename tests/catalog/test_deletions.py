"""Deletion tasks and fences, transaction by transaction; what they do together is tested in tests/access."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests import owing
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT, OTHER_REGION, REGION
from twinport.catalog import deletions
from twinport.catalog.deletions import Conclusion
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.engine import leases
from twinport.catalog.regional import registries
from twinport.clock import ManualClock
from twinport.model.content import Digest
from twinport.model.deletions import DeletionTask, FailureReason, Fenced, InUse, RegionUsage, TaskStatus, Unanswered
from twinport.model.images import Position
from twinport.model.names import Registry, RepositoryName
from twinport.model.replication import PlannedDelivery, ReplicationConfiguration, ReplicationRule
from twinport.refusals.identities import RoleFenced

TASK = DeletionTask("task/1", ACCOUNT, "AROA1", "Role", NOW, NOW + timedelta(seconds=60))
LATER = replace(TASK, id="task/2")
REASON = FailureReason("in use", (RegionUsage(REGION, ("arn:aws:ecr:eu-west-1:111122223333:registry/x",)),))
RULES = ReplicationConfiguration((ReplicationRule((Registry(ACCOUNT, OTHER_REGION),)),))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


def owe_one(db: Connection) -> None:
    planned = PlannedDelivery(Registry(ACCOUNT, OTHER_REGION), RepositoryName("app"), Digest.of(b""), "1")
    owing.owe(db, Registry(ACCOUNT, REGION), [planned], Position(1, 1), NOW)


def begun_by(holder: str) -> Callable[[Connection], tuple[DeletionTask, frozenset[str]] | None]:
    return lambda db: deletions.begin_round(db, TASK.id, holder, NOW, lease=timedelta(seconds=10))


async def test_a_task_is_in_the_hands_of_one_runner_until_its_lease_lapses_or_it_is_settled(
    catalog: EmbeddedCatalog,
) -> None:
    await catalog.partition.record(lambda db: deletions.submit(db, TASK))
    assert await catalog.partition.record(begun_by("ann")) is not None
    assert await catalog.partition.record(begun_by("bob")) is None
    assert await catalog.partition.record(begun_by("ann")) is not None
    await catalog.partition.record(lambda db: leases.lapse(db, "ann"))
    assert await catalog.partition.record(begun_by("bob")) is not None


async def test_a_second_submission_returns_the_pending_task(catalog: EmbeddedCatalog) -> None:
    await catalog.partition.record(lambda db: deletions.submit(db, TASK))
    assert (await catalog.partition.record(lambda db: deletions.submit(db, LATER))).id == TASK.id


async def test_a_submission_after_a_failure_is_a_new_task(catalog: EmbeddedCatalog) -> None:
    await catalog.partition.record(lambda db: deletions.submit(db, TASK))
    assert await catalog.partition.record(lambda db: deletions.fail(db, TASK.id, REASON))
    assert (await catalog.partition.record(lambda db: deletions.submit(db, LATER))).id == LATER.id


async def test_a_failure_is_read_back_with_its_reason_by_its_own_account_alone(catalog: EmbeddedCatalog) -> None:
    await catalog.partition.record(lambda db: deletions.submit(db, TASK))
    await catalog.partition.record(lambda db: deletions.fail(db, TASK.id, REASON))
    found = await catalog.partition.read(lambda db: deletions.find(db, ACCOUNT, TASK.id))
    assert found == replace(TASK, status=TaskStatus.FAILED, reason=REASON)
    assert await catalog.partition.read(lambda db: deletions.find(db, OTHER_ACCOUNT, TASK.id)) is None


async def test_a_settled_task_is_not_settled_again(catalog: EmbeddedCatalog) -> None:
    await catalog.partition.record(lambda db: deletions.submit(db, TASK))
    await catalog.partition.record(lambda db: deletions.fail(db, TASK.id, REASON))
    assert not await catalog.partition.record(lambda db: deletions.fail(db, TASK.id, FailureReason("again")))
    conclude = catalog.partition.write(lambda db: deletions.conclude(db, TASK, frozenset()))
    assert await conclude is Conclusion.SETTLED_BEFORE
    assert await catalog.partition.record(begun_by("ann")) is None


async def test_the_role_outlives_a_region_that_was_listed_after_the_round_began(catalog: EmbeddedCatalog) -> None:
    await catalog.partition.record(lambda db: deletions.submit(db, TASK))
    await catalog.region(REGION).write(lambda _: None)
    conclude = catalog.partition.write(lambda db: deletions.conclude(db, TASK, frozenset()))
    assert await conclude is Conclusion.MORE_REGIONS
    conclude = catalog.partition.write(lambda db: deletions.conclude(db, TASK, frozenset({REGION})))
    assert await conclude is Conclusion.DELETED


async def test_a_region_with_rules_or_deliveries_says_so_and_sets_no_fence(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(lambda db: registries.set_replication(db, ACCOUNT, RULES, "AROA1"))
    await region.write(owe_one)
    answer = await region.write(lambda db: deletions.usage_and_fence(db, TASK))
    assert answer == InUse(configured=True, deliveries=1)
    await region.write(lambda db: deletions.claim_for_rules(db, ACCOUNT, "AROA1"))


async def test_the_use_by_another_account_does_not_count(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(lambda db: registries.set_replication(db, OTHER_ACCOUNT, RULES, "AROA9"))
    assert await region.write(lambda db: deletions.usage_and_fence(db, TASK)) == Fenced()


async def test_a_fence_stops_rules_under_that_role_and_no_other(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(lambda db: deletions.usage_and_fence(db, TASK))
    with pytest.raises(RoleFenced):
        await region.write(lambda db: deletions.claim_for_rules(db, ACCOUNT, "AROA1"))
    await region.write(lambda db: deletions.claim_for_rules(db, ACCOUNT, "AROA2"))
    with pytest.raises(RoleFenced):
        await region.write(lambda db: deletions.claim_for_rules(db, ACCOUNT, "AROA1"))


async def test_the_fence_of_a_failed_task_is_void(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(REGION)
    await region.write(lambda db: deletions.usage_and_fence(db, TASK))
    failed = frozenset({TASK.id})
    await region.write(lambda db: deletions.claim_for_rules(db, ACCOUNT, "AROA1", failed))
    await region.write(lambda db: deletions.claim_for_rules(db, ACCOUNT, "AROA1"))


async def test_a_late_runner_does_not_take_over_the_fence_of_a_later_task(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(REGION)
    assert await region.write(lambda db: deletions.usage_and_fence(db, TASK)) == Fenced()
    assert await region.write(lambda db: deletions.usage_and_fence(db, LATER, frozenset({TASK.id}))) == Fenced()
    assert await region.write(lambda db: deletions.usage_and_fence(db, TASK)) == Unanswered()
    await region.write(lambda db: deletions.lift_fence(db, ACCOUNT, TASK.id))
    with pytest.raises(RoleFenced):
        await region.write(lambda db: deletions.claim_for_rules(db, ACCOUNT, "AROA1"))
