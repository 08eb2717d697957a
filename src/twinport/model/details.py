"""The entities in the report of an account, each with its policies."""

from dataclasses import dataclass
from enum import Enum

from twinport.model.entities import Group, InstanceProfile, ManagedPolicy, PolicyVersion, Role, User


class DetailKind(Enum):
    """The kinds of entities in a report, in report order. The value is IAM's word."""

    USER = "User"
    GROUP = "Group"
    ROLE = "Role"
    OWN_POLICY = "LocalManagedPolicy"
    AWS_POLICY = "AWSManagedPolicy"


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of an entity: inline policies by name, with their text, and the ARNs of managed ones."""

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
