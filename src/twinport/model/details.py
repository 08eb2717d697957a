"""What a report tells of an account: its entities, each with what hangs on it."""

from dataclasses import dataclass
from enum import Enum

from twinport.model.entities import Group, InstanceProfile, ManagedPolicy, PolicyVersion, Role, User


class DetailKind(Enum):
    """What a report is about, in the order in which it comes. The value is IAM's word."""

    USER = "User"
    GROUP = "Group"
    ROLE = "Role"
    OWN_POLICY = "LocalManagedPolicy"
    AWS_POLICY = "AWSManagedPolicy"


@dataclass(frozen=True, slots=True)
class Policies:
    """What hangs on an entity: inline policies by name, with their text, and the ARNs of managed ones."""

    inline: tuple[tuple[str, str], ...]
    attached: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserDetail:
    user: User
    policies: Policies
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupDetail:
    group: Group
    policies: Policies


@dataclass(frozen=True, slots=True)
class RoleDetail:
    role: Role
    policies: Policies
    instance_profiles: tuple[InstanceProfile, ...]


@dataclass(frozen=True, slots=True)
class PolicyDetail:
    policy: ManagedPolicy
    versions: tuple[PolicyVersion, ...]


Detail = UserDetail | GroupDetail | RoleDetail | PolicyDetail
