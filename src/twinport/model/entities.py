"""IAM's entities: users, groups, roles, managed policies, access keys and their tags."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from twinport.model import names
from twinport.model.names import AccountId

DEFAULT_SESSION = timedelta(hours=1)
SERVICE_ROLE_PATH = "/aws-service-role/"
# Only AWS creates entities under this path.
RESERVED_PATH = "/aws-reserved/"


class PrincipalType(Enum):
    """What policies are attached to: users, groups and roles. The value is IAM's word in sentences."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag. Keys are unique without regard to case, and stored in their original spelling."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class User:
    unique_id: str
    account: AccountId
    name: str
    path: str
    created_at: datetime
    tags: tuple[Tag, ...] = ()
    boundary: str | None = None
    password_last_used_at: datetime | None = None

    @property
    def arn(self) -> str:
        return names.user_arn(self.account, self.path, self.name)


@dataclass(frozen=True, slots=True)
class Group:
    """Users that share policies. A group is no principal: no caller acts as a group. It has no tags."""

    unique_id: str
    account: AccountId
    name: str
    path: str
    created_at: datetime

    @property
    def arn(self) -> str:
        return names.group_arn(self.account, self.path, self.name)


@dataclass(frozen=True, slots=True)
class Role:
    """A role. `service` is the principal that a service-linked role belongs to, and None for every other role.

    `trust` is the document as IAM shows it, with ARNs. The gate reads the stored one, with unique ids.
    """

    unique_id: str
    account: AccountId
    name: str
    path: str
    trust: str
    created_at: datetime
    description: str | None = None
    max_session: timedelta = DEFAULT_SESSION
    service: str | None = None
    last_used_at: datetime | None = None
    last_used_region: str | None = None
    tags: tuple[Tag, ...] = ()
    boundary: str | None = None

    @property
    def arn(self) -> str:
        return names.role_arn(self.account, self.path, self.name)


PolicyOwner = User | Group | Role


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """An instance profile passes a role to a machine. It holds one role at most."""

    unique_id: str
    account: AccountId
    name: str
    path: str
    created_at: datetime
    role: Role | None = None
    tags: tuple[Tag, ...] = ()

    @property
    def arn(self) -> str:
        return names.instance_profile_arn(self.account, self.path, self.name)


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A managed policy, AWS's or a customer's. `attachments` and `boundaries` count uses in the caller's account."""

    arn: str
    unique_id: str
    name: str
    path: str
    default_version: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    attachments: int = 0
    boundaries: int = 0
    tags: tuple[Tag, ...] = ()


class PolicyUsage(Enum):
    """How an entity uses a managed policy. The value is IAM's word."""

    PERMISSIONS = "PermissionsPolicy"
    BOUNDARY = "PermissionsBoundary"


@dataclass(frozen=True, slots=True)
class PolicyUser:
    """An entity that uses a managed policy, as permissions policy or as boundary."""

    kind: PrincipalType
    unique_id: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One text of a managed policy, as it was sent. `id` is `v1`, `v2` and so on."""

    id: str
    document: str
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """When and where a key or role was last used. `service` is the service's name in signatures."""

    at: datetime
    region: str
    service: str


class KeyStatus(Enum):
    ACTIVE = "Active"
    INACTIVE = "Inactive"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term key without its secret. `owner_id` is a user's unique id, or the account id of the root."""

    id: str
    account: AccountId
    owner_id: str
    status: KeyStatus
    created_at: datetime
    last_use: Use | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The requested part of a list: the items after a sort key, and one more than `limit` if there are more."""

    after: str = ""
    limit: int = 100
