"""The resource's side of a question: the resource's current policies and tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twinport.access.gate import EVERY_REPOSITORY, AnyResource, IdentityResource, RepositoryResource, Resource
from twinport.access.policy_library import PolicyLibrary
from twinport.access.request_context import resource_tag_keys
from twinport.access.trust import RoleName
from twinport.catalog import permissions
from twinport.catalog.partition import entities
from twinport.catalog.ports import Catalog, Connection
from twinport.model.entities import Role
from twinport.model.names import AccountId, Registry, RepositoryId
from twinport.model.repository_facts import RegistryPolicy, RepositoryFacts
from twinport.policies.documents import Policy, PolicyKind
from twinport.policies.readings import Effect


@dataclass(frozen=True, slots=True)
class Target:
    """The resource of an action. `tags` are condition keys with their values. `trust` is set for a role to assume."""

    arn: str
    account: AccountId
    policies: tuple[Policy, ...] = ()
    trust: Policy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Targets:
    """Every method raises PolicyMalformed when a stored document cannot be parsed."""

    catalog: Catalog
    library: PolicyLibrary

    async def find(self, action: str, resource: Resource) -> Target:
        """Return a resource with its policies and tags, whether or not it exists."""
        match resource:
            case RepositoryResource(repository=repository):
                return await self.repository(repository, action)
            case AnyResource(account=account, region=region):
                is_registrys = action.startswith("ecr:")
                policies = await self._registry_policies(Registry(account, region), action) if is_registrys else ()
                return Target(resource.arn, account, policies)
            case IdentityResource(account=account, arn=arn, unique_id=unique_id):
                owner = unique_id or arn
                tags = await self.catalog.partition.read(lambda db: permissions.identity_tags(db, owner))
                return Target(arn, account, tags=resource_tag_keys("iam", tags))

    async def repository(self, repository: RepositoryId, action: str) -> Target:
        if repository.name == EVERY_REPOSITORY:
            registrys = await self._registry_policies(repository.registry, action)
            return Target(repository.arn, repository.account, registrys)
        return self.of_facts(RepositoryResource(repository), await self.facts(repository), action)

    async def facts(self, repository: RepositoryId) -> RepositoryFacts:
        """Read what decides about a repository on its side."""
        return await self.catalog.region(repository.region).read(lambda db: permissions.repository(db, repository))

    def of_facts(self, repository: RepositoryResource, facts: RepositoryFacts, action: str) -> Target:
        """Return a repository of which the facts were read."""
        own = () if facts.policy is None else (self.library.read(facts.policy, PolicyKind.REPOSITORY),)
        policies = own + self._of_registry(facts.registry, action)
        return Target(repository.arn, repository.account, policies, tags=resource_tag_keys("ecr", facts.tags))

    async def _registry_policies(self, registry: Registry, action: str) -> tuple[Policy, ...]:
        region = self.catalog.region(registry.region)
        return self._of_registry(await region.read(lambda db: permissions.registry_policy(db, registry)), action)

    def _of_registry(self, found: RegistryPolicy | None, action: str) -> tuple[Policy, ...]:
        """Return the registry's policy. In scope V1 its allowances count for three actions alone, its denials for all.

        So an account setting takes away what a policy grants, and never what it forbids.
        """
        if found is None:
            return ()
        policy = self.library.read(found.text, PolicyKind.REGISTRY)
        return (policy if found.scope.covers(action) else _denials(policy),)

    async def role(self, name: RoleName) -> tuple[Target, Role | None]:
        """Return a role as a target, and the role itself. A missing role has an empty trust policy."""
        role, document = await self.catalog.partition.read(lambda db: _role_and_trust(db, name))
        return self._role_target(name, role, document), role

    def _role_target(self, name: RoleName, role: Role | None, document: str | None) -> Target:
        if role is None or document is None or role.path != name.path:
            return Target(name.arn, name.account, trust=Policy(PolicyKind.TRUST, ()))
        tags = {tag.key: tag.value for tag in role.tags}
        trust = self.library.read(document, PolicyKind.TRUST)
        return Target(name.arn, role.account, trust=trust, tags=resource_tag_keys("iam", tags))


def _denials(policy: Policy) -> Policy:
    denying = tuple(each for each in policy.statements if each.effect is Effect.DENY)
    return Policy(policy.kind, denying, policy.text, policy.name)


def _role_and_trust(db: Connection, name: RoleName) -> tuple[Role | None, str | None]:
    role = entities.find_role(db, name.account, name.name)
    return role, None if role is None else entities.stored_trust(db, role.unique_id)
