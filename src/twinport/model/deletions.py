"""The deletion of a service-linked role: a task, and each Region's answer to the request to release the role."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from twinport.model.names import AccountId, RegionName

# The most deliveries of a Region that are counted.
MOST_COUNTED = 1000


class TaskStatus(Enum):
    """DeletionTaskStatusType of the service model. The last two are final."""

    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class RegionUsage:
    """A Region that still needs the role, and its resources that use it."""

    region: RegionName
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailureReason:
    """Why a task failed (DeletionTaskFailureReasonType)."""

    text: str
    usage: tuple[RegionUsage, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletionTask:
    """One attempt to delete one incarnation of a role: `role_id` names it, since a new role may take its name."""

    id: str
    account: AccountId
    role_id: str
    role_name: str
    created_at: datetime
    deadline_at: datetime
    status: TaskStatus = TaskStatus.NOT_STARTED
    reason: FailureReason | None = None


@dataclass(frozen=True, slots=True)
class Fenced:
    """The Region no longer needs the role, and will store no rules that use it."""


@dataclass(frozen=True, slots=True)
class InUse:
    """The Region has rules, or unfinished deliveries (counted up to `MOST_COUNTED`), or both."""

    configured: bool
    deliveries: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The Region could not be asked, or is fenced for another task."""


RegionAnswer = Fenced | InUse | Unanswered
