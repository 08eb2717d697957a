"""The gate: every verb asks it for permission before it says whether anything is there."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from twinport.model.identities import Caller
from twinport.model.names import AccountId, RegionName, Registry, RepositoryId, RepositoryName
from twinport.model.repository_facts import RepositoryFacts

# Instead of a name: a list of all repositories.
EVERY_REPOSITORY = RepositoryName("*")


@dataclass(frozen=True, slots=True)
class AnyResource:
    """An action without a resource type: policies must say `*`. `account` and `region` own the resource."""

    account: AccountId
    region: RegionName

    @property
    def arn(self) -> str:
        return "*"


@dataclass(frozen=True, slots=True)
class RepositoryResource:
    """A repository that may or may not exist. Its name is `*` for a list of all."""

    repository: RepositoryId

    @property
    def registry(self) -> Registry:
        return self.repository.registry

    @property
    def account(self) -> AccountId:
        return self.repository.account

    @property
    def is_one(self) -> bool:
        return self.repository.name != EVERY_REPOSITORY

    @property
    def arn(self) -> str:
        return self.repository.arn


def every_repository(registry: Registry) -> RepositoryResource:
    return RepositoryResource(registry.repository(EVERY_REPOSITORY))


@dataclass(frozen=True, slots=True)
class IdentityResource:
    """A user, role or policy of IAM, which has no resource policy (a role's trust is asked by AssumeRole alone).

    `named` is what the request named it by, if that is not its ARN: `user alice`. A denial repeats that, as AWS's do,
    since the ARN has a path, and so tells whether the entity exists.
    """

    account: AccountId
    arn: str
    unique_id: str | None = None
    named: str | None = None


Resource = AnyResource | RepositoryResource | IdentityResource
# Condition keys of the request with their values, as `iam:AWSServiceName`; keys of caller and resource are the gate's.
Context = Mapping[str, tuple[str, ...]]
NO_CONTEXT: Context = {}
# Raises AccessDenied unless the caller may do all actions that were asked for, given what was read of the repository.
Decide = Callable[[RepositoryFacts], Awaitable[None]]


async def allow_any(_facts: RepositoryFacts) -> None:
    """Allow whatever was read."""


def tag_context(tags: Mapping[str, str]) -> Context:
    """Return the condition keys that tags in a request to ECR set."""
    if not tags:
        return {}
    return {"aws:TagKeys": tuple(tags)} | {f"aws:RequestTag/{key}": (value,) for key, value in tags.items()}


class Gate(Protocol):
    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        """Return if `caller` may do `action` (`ecr:PutImage`) to `resource`, else raise AccessDenied.

        The gate loads what it needs: the caller's current policies, the repository's and the registry's policy, tags.
        """
        ...

    async def authorize_all(self, caller: Caller, actions: tuple[str, ...], resource: Resource) -> None:
        """As `authorize`, for each of several actions in turn."""
        ...

    async def decision(self, caller: Caller, actions: tuple[str, ...], resource: RepositoryResource) -> Decide:
        """As `authorize_all`, for a verb that reads the repository's facts by the statement that reads what it serves.

        The verb must await the answer before it tells anything of what it read.
        """
        ...
