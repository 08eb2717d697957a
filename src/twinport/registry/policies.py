"""The policies of repositories and of registries."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from twinport.access.gate import AnyResource, Gate, RepositoryResource
from twinport.catalog.partition import principal_ids
from twinport.catalog.partition.principal_ids import Unknown
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import account_settings, registries, repositories
from twinport.catalog.regional.repositories import Against
from twinport.model.identities import Caller
from twinport.model.names import RegionName, Registry, RepositoryId
from twinport.policies import documents
from twinport.policies.documents import PolicyKind
from twinport.refusals.identities import PolicyMalformed, PrincipalUnknown
from twinport.refusals.images import RegistryPolicyNotFound, RepositoryPolicyNotFound
from twinport.refusals.requests import InvalidParameter
from twinport.registry.expected import Expected, require
from twinport.registry.policy_text import actions_of, rewritten

# Terraform repeats a call whose refusal has these sentences: it waits for principals to be known everywhere.
_INVALID = {
    PolicyKind.REPOSITORY: "Invalid repository policy provided",
    PolicyKind.REGISTRY: "Invalid registry policy provided",
}
_NO_PRINCIPAL = "Principal not found"
_PARAMETER = "PolicyText"
_SET = "ecr:SetRepositoryPolicy"


class Lockout(Enum):
    """Whether a caller may set a policy that keeps the caller from setting another one (`force`)."""

    REFUSED = "refused"
    ACCEPTED = "accepted"


class Foresight(Protocol):
    """The part of the gate that tells what it would decide."""

    async def would_allow(
        self, caller: Caller, action: str, resource: RepositoryResource, repository_policy: str
    ) -> bool:
        """Tell whether `caller` might do `action` if the repository had this policy instead of its own."""
        ...


@dataclass(frozen=True, slots=True)
class RepositoryPolicies:
    """The verbs of a repository's policy. Texts are stored and returned in the layout of ECR.

    `expected` is the policy as `get` returned it. Verbs that change the policy raise ChangedMeanwhile for another one.
    """

    gate: Gate
    foresight: Foresight
    catalog: Catalog

    async def put(
        self,
        caller: Caller,
        repository: RepositoryId,
        text: str,
        lockout: Lockout,
        expected: Expected[str] | None = None,
    ) -> str:
        """Replace a repository's policy. Raises InvalidParameter for one that is malformed or locks the caller out."""
        resource = RepositoryResource(repository)
        await self.gate.authorize(caller, _SET, resource)
        written = await stored(self.catalog, text, PolicyKind.REPOSITORY)
        await self.catalog.region(repository.region).read(lambda db: repositories.get(db, repository))
        expected = await self._as_stored(repository, expected)
        if lockout is Lockout.REFUSED and not await self.foresight.would_allow(caller, _SET, resource, written):
            raise InvalidParameter(
                _PARAMETER,
                "The policy would prevent its author from setting another policy; use force to set it anyway",
            )

        def store(db: Connection) -> None:
            row = repositories.lock(db, repository, Against.CHANGES)
            require(expected, repositories.policy(db, row.id))
            repositories.set_policy(db, row.id, written)

        await self.catalog.region(repository.region).write(store)
        return await shown(self.catalog, written)

    async def get(self, caller: Caller, repository: RepositoryId) -> str:
        """Return a repository's policy. Raises RepositoryPolicyNotFound."""
        await self.gate.authorize(caller, "ecr:GetRepositoryPolicy", RepositoryResource(repository))
        _, text = await self.catalog.region(repository.region).read(lambda db: _repository_policy(db, repository))
        return await shown(self.catalog, text)

    async def delete(self, caller: Caller, repository: RepositoryId, expected: Expected[str] | None = None) -> str:
        """Remove a repository's policy and return what it was. Raises RepositoryPolicyNotFound."""
        await self.gate.authorize(caller, "ecr:DeleteRepositoryPolicy", RepositoryResource(repository))
        expected = await self._as_stored(repository, expected)

        def remove(db: Connection) -> str:
            row = repositories.lock(db, repository, Against.CHANGES)
            require(expected, repositories.policy(db, row.id))
            return _remove_policy(db, repository)

        return await shown(self.catalog, await self.catalog.region(repository.region).write(remove))

    async def _as_stored(self, repository: RepositoryId, expected: Expected[str] | None) -> Expected[str] | None:
        def current(db: Connection) -> str | None:
            return repositories.policy(db, repositories.get(db, repository).id)

        return await _as_stored(self.catalog, repository.region, expected, current)


@dataclass(frozen=True, slots=True)
class RegistryPolicies:
    """As RepositoryPolicies, for the one policy of a registry."""

    gate: Gate
    catalog: Catalog

    async def put(self, caller: Caller, registry: Registry, text: str, expected: Expected[str] | None = None) -> str:
        """Replace the registry's policy.

        Raises InvalidParameter for one that is malformed, or that names actions beyond the registry's scope.
        """
        await self.gate.authorize(caller, "ecr:PutRegistryPolicy", AnyResource(registry.account, registry.region))
        written = await stored(self.catalog, text, PolicyKind.REGISTRY)
        expected = await self._as_stored(registry, expected)

        def store(db: Connection) -> None:
            require(expected, registries.hold(db, registry.account).policy)
            _put_registry_policy(db, registry, written)

        await self.catalog.region(registry.region).write(store)
        return await shown(self.catalog, written)

    async def get(self, caller: Caller, registry: Registry) -> str:
        """Return the registry's policy. Raises RegistryPolicyNotFound."""
        await self.gate.authorize(caller, "ecr:GetRegistryPolicy", AnyResource(registry.account, registry.region))
        text = await self.catalog.region(registry.region).read(lambda db: _registry_policy(db, registry))
        return await shown(self.catalog, text)

    async def delete(self, caller: Caller, registry: Registry, expected: Expected[str] | None = None) -> str:
        """Remove the registry's policy and return what it was. Raises RegistryPolicyNotFound."""
        await self.gate.authorize(caller, "ecr:DeleteRegistryPolicy", AnyResource(registry.account, registry.region))
        expected = await self._as_stored(registry, expected)

        def remove(db: Connection) -> str:
            require(expected, registries.hold(db, registry.account).policy)
            return _remove_registry_policy(db, registry)

        return await shown(self.catalog, await self.catalog.region(registry.region).write(remove))

    async def _as_stored(self, registry: Registry, expected: Expected[str] | None) -> Expected[str] | None:
        def current(db: Connection) -> str | None:
            return registries.settings(db, registry.account).policy

        return await _as_stored(self.catalog, registry.region, expected, current)


async def stored(catalog: Catalog, text: str, kind: PolicyKind, parameter: str = _PARAMETER) -> str:
    """Return a policy as it is stored: in the layout of ECR, with unique ids in place of users and roles.

    Raises InvalidParameter, in ECR's only words for it, for one that is malformed or names what does not exist.
    """
    try:
        documents.parse_given(text, kind)
    except PolicyMalformed as error:
        raise InvalidParameter(parameter, _INVALID[kind]) from error
    written = rewritten(text)
    bound = await catalog.partition.read(lambda db: principal_ids.bound(db, written))
    if isinstance(bound, Unknown):
        raise InvalidParameter(parameter, _NO_PRINCIPAL) from PrincipalUnknown(bound.name)
    return rewritten(bound)


async def shown(catalog: Catalog, text: str) -> str:
    """Return a stored policy with the ARNs of users and roles that still exist."""
    return rewritten(await catalog.partition.read(lambda db: principal_ids.shown(db, text)))


async def _as_stored(
    catalog: Catalog, region: RegionName, expected: Expected[str] | None, current: Callable[[Connection], str | None]
) -> Expected[str] | None:
    """Return what the policy must still be, as it is stored. Raises ChangedMeanwhile if it is not shown as expected.

    What is shown has the ARNs of today, which are in another database than the policy.
    """
    if expected is None:
        return None
    text = await catalog.region(region).read(current)
    require(expected, None if text is None else await shown(catalog, text))
    return Expected(text)


def _repository_policy(db: Connection, repository: RepositoryId) -> tuple[int, str]:
    row = repositories.get(db, repository)
    text = repositories.policy(db, row.id)
    if text is None:
        raise RepositoryPolicyNotFound(repository.name, repository.account)
    return row.id, text


def _remove_policy(db: Connection, repository: RepositoryId) -> str:
    repository_id, text = _repository_policy(db, repository)
    repositories.set_policy(db, repository_id, None)
    return text


def _put_registry_policy(db: Connection, registry: Registry, text: str) -> None:
    scope = account_settings.policy_scope(db, registry.account)
    if not all(scope.may_name(action) for action in actions_of(text)):
        raise InvalidParameter(_PARAMETER, _INVALID[PolicyKind.REGISTRY])
    registries.set_policy(db, registry.account, text)


def _registry_policy(db: Connection, registry: Registry) -> str:
    text = registries.settings(db, registry.account).policy
    if text is None:
        raise RegistryPolicyNotFound(registry.account)
    return text


def _remove_registry_policy(db: Connection, registry: Registry) -> str:
    text = _registry_policy(db, registry)
    registries.set_policy(db, registry.account, None)
    return text
