"""The deletion of a service-linked role: a task that completes once every Region has released the role.

The steps, their order, and why any crash between them is harmless: docs/decisions/0003-the-fence.md.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from twinport.access.gate import Gate, IdentityResource
from twinport.catalog import deletions
from twinport.catalog.deletions import Conclusion
from twinport.catalog.partition import entities
from twinport.catalog.ports import Catalog, Connection
from twinport.errors import Unavailable
from twinport.identities.service_linked_roles import registry_arn
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.deletions import (
    MOST_COUNTED,
    DeletionTask,
    FailureReason,
    Fenced,
    InUse,
    RegionAnswer,
    RegionUsage,
    TaskStatus,
    Unanswered,
)
from twinport.model.identities import REPLICATION_ROLE, TEMPLATE_ROLE, Caller
from twinport.model.names import AccountId, RegionName, Registry, role_arn
from twinport.refusals.identities import DeletionTaskNotFound

# How long the runner retries an unreachable Region before the task fails.
DEADLINE = timedelta(seconds=60)
_PAUSE = timedelta(seconds=1)
# The lease of a task: after it, another runner takes over from one that died. Each round renews it.
_LEASE = timedelta(seconds=10)
_LONGEST_REASON = 1000

Answers = Mapping[RegionName, RegionAnswer]


@dataclass(frozen=True, slots=True)
class Proceed:
    """Every Region has released the role."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A Region has not answered yet and is asked again."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    reason: FailureReason


Decision = Proceed | Wait | GiveUp


def decide(account: AccountId, answers: Answers, now: datetime, deadline: datetime) -> Decision:
    """Decide what to do with a task after a round of questions. A role in use anywhere fails the task at once."""
    in_the_way = {region: answer for region, answer in answers.items() if not isinstance(answer, Fenced)}
    if not in_the_way:
        return Proceed()
    if now < deadline and not any(isinstance(answer, InUse) for answer in in_the_way.values()):
        return Wait()
    return GiveUp(_reason(account, in_the_way))


@dataclass(frozen=True, slots=True)
class Deletions:
    """Submits deletions and reports their status. `submitted` wakes the runners."""

    catalog: Catalog
    gate: Gate
    submitted: Callable[[], None]

    async def submit(self, caller: Caller, name: str) -> DeletionTask:
        """Submit the deletion of a service-linked role, in use or not; return the pending task if there is one.

        Raises EntityNotFound, or InvalidInput for a role that is no service-linked one.
        """
        role = await self.catalog.partition.read(lambda db: entities.find_role(db, caller.account, name))
        arn = role.arn if role else role_arn(caller.account, "/", name)
        resource = IdentityResource(caller.account, arn, role.unique_id if role else None, f"role {name}")
        await self.gate.authorize(caller, "iam:DeleteServiceLinkedRole", resource)
        uuid = str(uuid4())

        def submit(db: Connection) -> DeletionTask:
            # The runner that compares the deadline may be on another host.
            now = self.catalog.now(db)
            return deletions.submit_for(db, caller.account, name, uuid=uuid, now=now, deadline=now + DEADLINE)

        task = await self.catalog.partition.record(submit)
        self.submitted()
        return task

    async def status(self, caller: Caller, task_id: str) -> DeletionTask:
        """Return a task of the caller's account. Raises DeletionTaskNotFound."""
        resource = IdentityResource(caller.account, _role_of_task(caller.account, task_id))
        await self.gate.authorize(caller, "iam:GetServiceLinkedRoleDeletionStatus", resource)
        task = await self.catalog.partition.read(lambda db: deletions.find(db, caller.account, task_id))
        if task is None:
            raise DeletionTaskNotFound(task_id)
        return task


@dataclass(frozen=True, slots=True)
class DeletionRunner:
    """Carries out pending tasks of every process, including tasks that another process began and left."""

    catalog: Catalog
    submitted: asyncio.Event
    holder: str

    async def run(self) -> None:
        """Carry out tasks until canceled. The event only brings forward the next look at the table."""
        while True:
            self.submitted.clear()
            try:
                await self.run_due()
            except Unavailable as error:
                telemetry.warning(Event.WORKER_FAILED, worker="deletions", reason=error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.submitted.wait(), _PAUSE.total_seconds())

    async def run_due(self) -> None:
        """Give each pending task one round: ask every Region, then settle the task or leave it for the next round."""
        for task in await self.catalog.partition.read(deletions.pending):
            await self._advance(task.id)

    async def _advance(self, task_id: str) -> None:
        begun = await self.catalog.partition.record(lambda db: self._begin_round(db, task_id))
        if begun is None:
            return
        task, failed = begun
        answers = await self._ask(task, failed)
        now = await self.catalog.partition.read(self.catalog.now)
        match decide(task.account, answers, now, task.deadline_at):
            case Proceed():
                await self._conclude(task, frozenset(answers))
            case GiveUp(reason):
                await self._fail(task, reason)
            case Wait():
                pass

    def _begin_round(self, db: Connection, task_id: str) -> tuple[DeletionTask, frozenset[str]] | None:
        return deletions.begin_round(db, task_id, self.holder, self.catalog.now(db), lease=_LEASE)

    async def _ask(self, task: DeletionTask, failed: frozenset[str]) -> Answers:
        regions = await self.catalog.regions()
        if task.role_name not in (REPLICATION_ROLE, TEMPLATE_ROLE):
            # Nothing uses the other service-linked role yet, so no Region needs to be asked.
            return dict.fromkeys(regions, Fenced())
        return {region: await self._ask_region(region, task, failed) for region in regions}

    async def _ask_region(self, region: RegionName, task: DeletionTask, failed: frozenset[str]) -> RegionAnswer:
        try:
            return await self.catalog.region(region).write(lambda db: deletions.usage_and_fence(db, task, failed))
        except Unavailable:
            return Unanswered()

    async def _conclude(self, task: DeletionTask, fenced: frozenset[RegionName]) -> None:
        conclusion = await self.catalog.partition.write(lambda db: deletions.conclude(db, task, fenced))
        if conclusion is Conclusion.DELETED:
            telemetry.event(Event.ROLE_DELETED, account=task.account, role=task.role_name)
            telemetry.event(Event.DELETION_SETTLED, task=task.id, outcome=TaskStatus.SUCCEEDED.value)
        if conclusion is Conclusion.MORE_REGIONS:
            self.submitted.set()

    async def _fail(self, task: DeletionTask, reason: FailureReason) -> None:
        if not await self.catalog.partition.record(lambda db: deletions.fail(db, task.id, reason)):
            return
        telemetry.event(Event.DELETION_SETTLED, task=task.id, outcome=TaskStatus.FAILED.value, reason=reason.text)
        # Fail the task first, then lift the fences. A fence left by a crash belongs to a failed task, and so is void.
        for region in await self.catalog.regions():
            with suppress(Unavailable):
                await self.catalog.region(region).write(lambda db: deletions.lift_fence(db, task.account, task.id))


def _reason(account: AccountId, in_the_way: Answers) -> FailureReason:
    places = "; ".join(f"{region}: {_words(answer)}" for region, answer in in_the_way.items())
    text = f"the role is in use: {places}"
    if len(text) > _LONGEST_REASON:
        text = f"{text[: _LONGEST_REASON - 1]}…"
    usage = tuple(RegionUsage(region, (registry_arn(Registry(account, region)),)) for region in in_the_way)
    return FailureReason(text, usage)


def _words(answer: RegionAnswer) -> str:
    match answer:
        case InUse(configured=True, deliveries=0):
            return "configured"
        case InUse(configured=True, deliveries=count):
            return f"configured, {_deliveries(count)} under way"
        case InUse(deliveries=count):
            return f"{_deliveries(count)} under way"
        case Fenced() | Unanswered():
            return "could not be reached"


def _deliveries(count: int) -> str:
    if count == 1:
        return "1 delivery"
    return f"{count} or more deliveries" if count == MOST_COUNTED else f"{count} deliveries"


def _role_of_task(account: AccountId, task_id: str) -> str:
    """Return the ARN of the role that a task's id names. Permissions on the task refer to this ARN."""
    match task_id.split("/"):
        case ["task", "aws-service-role", service, name, _]:
            return role_arn(account, f"/aws-service-role/{service}/", name)
        case _:
            return role_arn(account, "/", "*")
