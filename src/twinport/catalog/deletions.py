"""The deletion of service-linked roles: tasks in the partition's database, fences in the Regions' databases.

A fence is a Region's promise to store no rules under a role. Two transactions of different databases meet in it, so
the order of steps matters: docs/decisions/0003-the-fence.md has the argument. A fence whose task failed is void. The
partition's database records which tasks have failed, so callers pass these to the transactions of a Region.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, delete, insert, select, update

from twinport.catalog.engine import leases, statements
from twinport.catalog.partition import entities
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import creation_templates, delivery_reports, registries
from twinport.catalog.regional import schema as regional_schema
from twinport.model.deletions import (
    DeletionTask,
    FailureReason,
    Fenced,
    InUse,
    RegionAnswer,
    RegionUsage,
    TaskStatus,
    Unanswered,
)
from twinport.model.entities import PrincipalType
from twinport.model.identities import TEMPLATE_ROLE
from twinport.model.names import AccountId, RegionName
from twinport.refusals.identities import EntityNotFound, InvalidInput, RoleFenced

T = TypeVar("T")
_task, _fence = partition_schema.deletion_task, regional_schema.fence
_PENDING = _task.c.status.in_([TaskStatus.NOT_STARTED.value, TaskStatus.IN_PROGRESS.value])
NONE_FAILED: frozenset[str] = frozenset()


class Conclusion(Enum):
    """The outcome of an attempt to delete the role."""

    DELETED = "deleted"
    MORE_REGIONS = "more regions"
    SETTLED_BEFORE = "settled before"


# --- tasks: transactions and queries of the partition -----------------------------------------------------


def submit(db: Connection, task: DeletionTask) -> DeletionTask:
    """Store a task, unless one for the same role is pending; return the one that counts."""
    statements.lock(
        db, select(partition_schema.role.c.unique_id).where(partition_schema.role.c.unique_id == task.role_id)
    )
    pending = db.execute(select(_task).where(_task.c.role_id == task.role_id, _PENDING)).one_or_none()
    if pending is not None:
        return _read(pending)
    db.execute(
        insert(_task).values(
            id=task.id,
            account=task.account,
            role_id=task.role_id,
            role_name=task.role_name,
            status=task.status.value,
            created_at=task.created_at,
            deadline_at=task.deadline_at,
        )
    )
    return task


def submit_for(
    db: Connection, account: AccountId, name: str, *, uuid: str, now: datetime, deadline: datetime
) -> DeletionTask:
    """Submit the deletion of the service-linked role of this name. Raises EntityNotFound, or InvalidInput."""
    role = entities.find_role(db, account, name)
    if role is None:
        raise EntityNotFound(PrincipalType.ROLE.value, name)
    if role.service is None:
        raise InvalidInput(f"'{name}' is not a service-linked role; use DeleteRole")
    task_id = f"task{role.path}{role.name}/{uuid}"
    return submit(db, DeletionTask(task_id, account, role.unique_id, role.name, now, deadline))


def find(db: Connection, account: AccountId, task_id: str) -> DeletionTask | None:
    row = db.execute(select(_task).where(_task.c.id == task_id, _task.c.account == account)).one_or_none()
    return _read(row) if row else None


def pending(db: Connection) -> list[DeletionTask]:
    """List the tasks that are not settled, the oldest first."""
    return [_read(row) for row in db.execute(select(_task).where(_PENDING).order_by(_task.c.created_at))]


def begin_round(
    db: Connection, task_id: str, holder: str, now: datetime, *, lease: timedelta
) -> tuple[DeletionTask, frozenset[str]] | None:
    """Mark a pending task as in progress; return it with the role's failed tasks, or None if it is settled.

    It also returns None while another runner holds the lease of the task: two rounds at once are harmless but useless.
    The failed tasks are read while this task is pending, so a later task of the same role cannot be among them.
    """
    if not leases.take(db, _lease(task_id), holder, now, lease=lease):
        return None
    begun = update(_task).where(_task.c.id == task_id, _PENDING).values(status=TaskStatus.IN_PROGRESS.value)
    row = db.execute(begun.returning(*_task.c)).one_or_none()
    if row is None:
        leases.end(db, _lease(task_id))
        return None
    return _read(row), _failed_tasks(db, row.role_id)


def fail(db: Connection, task_id: str, reason: FailureReason) -> bool:
    """Settle a pending task as failed. Tell whether it was pending."""
    leases.end(db, _lease(task_id))
    return db.execute(update(_task).where(_task.c.id == task_id, _PENDING).values(_failure(reason))).rowcount == 1


def withdraw(db: Connection, role_id: str, reason: FailureReason) -> frozenset[str]:
    """Fail the pending deletion of a role, if there is one; return every task of the role that has failed."""
    db.execute(update(_task).where(_task.c.role_id == role_id, _PENDING).values(_failure(reason)))
    return _failed_tasks(db, role_id)


def conclude(db: Connection, task: DeletionTask, fenced: frozenset[RegionName]) -> Conclusion:
    """Delete the role and settle the task as succeeded, if it is pending and every listed Region is in `fenced`."""
    if db.execute(select(_task.c.id).where(_task.c.id == task.id, _PENDING).with_for_update()).one_or_none() is None:
        return Conclusion.SETTLED_BEFORE
    if not fenced.issuperset(db.execute(select(partition_schema.region.c.name)).scalars()):
        return Conclusion.MORE_REGIONS
    leases.end(db, _lease(task.id))
    entities.remove_service_role(db, task.role_id)
    db.execute(update(_task).where(_task.c.id == task.id).values(status=TaskStatus.SUCCEEDED.value))
    return Conclusion.DELETED


# --- fences: transactions of a Region ---------------------------------------------------------------------


def usage_and_fence(db: Connection, task: DeletionTask, failed: frozenset[str] = NONE_FAILED) -> RegionAnswer:
    """Tell how an account's registry uses the role. If it does not, fence the role off for `task`."""
    # Held, so that the claim of a role and the fence against it happen one after the other.
    settings = registries.hold(db, task.account)
    if task.role_name == TEMPLATE_ROLE:
        configured, deliveries = creation_templates.is_any(db, task.account), 0
    else:
        configured, deliveries = bool(settings.replication.rules), delivery_reports.unsettled(db, task.account)
    if configured or deliveries:
        return InUse(configured, deliveries)
    holder = _fence_of(db, task.account, task.role_id)
    if holder not in {None, task.id, *failed}:
        return Unanswered()
    key = {"account": task.account, "role_id": task.role_id}
    statements.upsert(db, _fence, key, {"task_id": task.id})
    return Fenced()


def lift_fence(db: Connection, account: AccountId, task_id: str) -> None:
    """Take back the promise that was given to a task which has failed."""
    db.execute(delete(_fence).where(_fence.c.account == account, _fence.c.task_id == task_id))


def claim_for_rules(db: Connection, account: AccountId, role_id: str, failed: frozenset[str] = NONE_FAILED) -> None:
    """Make sure that rules may be stored under a role, in the transaction that stores them.

    Raises RoleFenced if the Region promised otherwise to a task that is not among `failed`. The fence of a deleted
    role stays forever, so it also stops a caller that read the role before its deletion.
    """
    registries.hold(db, account)
    holder = _fence_of(db, account, role_id)
    if holder is None:
        return
    if holder not in failed:
        raise RoleFenced
    lift_fence(db, account, holder)


def claiming(
    account: AccountId, role_id: str, failed: frozenset[str], then: Callable[[Connection, str], T]
) -> Callable[[Connection], T]:
    """Return the transaction that claims the role and then runs `then` under it."""

    def transaction(db: Connection) -> T:
        claim_for_rules(db, account, role_id, failed)
        return then(db, role_id)

    return transaction


def _lease(task_id: str) -> str:
    return f"deletion {task_id}"


def _fence_of(db: Connection, account: AccountId, role_id: str) -> str | None:
    query = select(_fence.c.task_id).where(_fence.c.account == account, _fence.c.role_id == role_id)
    return db.execute(query).scalar()


def _failed_tasks(db: Connection, role_id: str) -> frozenset[str]:
    query = select(_task.c.id).where(_task.c.role_id == role_id, _task.c.status == TaskStatus.FAILED.value)
    return frozenset(db.execute(query).scalars())


def _failure(reason: FailureReason) -> dict[str, str]:
    usage = [[each.region, list(each.resources)] for each in reason.usage]
    return {"status": TaskStatus.FAILED.value, "reason": reason.text, "usage": json.dumps(usage)}


def _read(row: Row[Any]) -> DeletionTask:
    task = DeletionTask(
        id=row.id,
        account=AccountId(row.account),
        role_id=row.role_id,
        role_name=row.role_name,
        created_at=row.created_at,
        deadline_at=row.deadline_at,
        status=TaskStatus(row.status),
    )
    if row.reason is None:
        return task
    usage = tuple(RegionUsage(RegionName(region), tuple(resources)) for region, resources in json.loads(row.usage))
    return replace(task, reason=FailureReason(row.reason, usage))
