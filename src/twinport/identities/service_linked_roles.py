"""Service-linked roles: which services have one, how it is created, and how a Region stores what depends on it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from twinport.access.gate import Context, Gate, IdentityResource
from twinport.catalog import deletions
from twinport.catalog.deletions import NONE_FAILED
from twinport.catalog.partition import entities
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.identities import unique_ids
from twinport.identities.rules import roles
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.model.deletions import FailureReason, RegionUsage
from twinport.model.entities import SERVICE_ROLE_PATH, Role
from twinport.model.identities import REPLICATION_ROLE, REPLICATION_SERVICE, TEMPLATE_ROLE, TEMPLATE_SERVICE, Caller
from twinport.model.names import PARTITION, AccountId, Registry, role_arn
from twinport.refusals.identities import EntityExists, RoleFenced, ServiceRoleNameTaken, ServiceUnknown, SuffixRefused

T = TypeVar("T")
# A claim fails only if another deletion was submitted since the last attempt, so a few attempts are enough.
_MOST_CLAIMS = 5


@dataclass(frozen=True, slots=True)
class LinkedService:
    """A service with its own role in each account. `description` is the role's when the service creates it."""

    principal: str
    role_name: str
    policy_name: str
    description: str

    @property
    def path(self) -> str:
        return f"{SERVICE_ROLE_PATH}{self.principal}/"

    @property
    def policy_arn(self) -> str:
        return f"arn:{PARTITION}:iam::aws:policy{SERVICE_ROLE_PATH}{self.policy_name}"

    @property
    def trust(self) -> str:
        """The trust document as stored and as IAM shows it."""
        return _trust(self.principal, "sts:AssumeRole")

    @property
    def created_trust(self) -> str:
        """The trust document in the answer to the creation: with lists of one element."""
        return _trust([self.principal], ["sts:AssumeRole"])

    def role_arn(self, account: AccountId) -> str:
        return role_arn(account, self.path, self.role_name)


SERVICES: Mapping[str, LinkedService] = {
    service.principal: service
    for service in (
        LinkedService(
            REPLICATION_SERVICE,
            REPLICATION_ROLE,
            "ECRReplicationServiceRolePolicy",
            "Allows Amazon ECR to replicate images across multiple accounts",
        ),
        LinkedService(
            "pullthroughcache.ecr.amazonaws.com",
            "AWSServiceRoleForECRPullThroughCache",
            "AWSECRPullThroughCache_ServiceRolePolicy",
            "Allows Amazon ECR to pull images through from upstream registries",
        ),
        LinkedService(
            TEMPLATE_SERVICE,
            TEMPLATE_ROLE,
            "ECRTemplateServiceRolePolicy",
            "Allows Amazon ECR to create repositories from templates",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class ServiceLinkedRoles:
    catalog: Catalog
    gate: Gate
    world: Clock

    async def create(
        self, caller: Caller, service: str, *, description: str | None = None, suffix: str | None = None
    ) -> Role:
        """Create the role of a service in the caller's account.

        Raises ServiceUnknown, SuffixRefused, or ServiceRoleNameTaken if the role exists.
        """
        linked = SERVICES.get(service)
        path = f"{SERVICE_ROLE_PATH}{service}/"
        name = linked.role_name if linked else "*"
        resource = IdentityResource(caller.account, role_arn(caller.account, path, name))
        await self.gate.authorize(caller, "iam:CreateServiceLinkedRole", resource, _context(service))
        if linked is None:
            raise ServiceUnknown(service)
        if suffix is not None:
            raise SuffixRefused(service)
        role = self._made(linked, caller.account, description)
        try:
            await self.catalog.partition.write(lambda db: roles.add_of_service(db, role, linked.policy_arn))
        except EntityExists as error:
            raise ServiceRoleNameTaken(linked.role_name) from error
        telemetry.event(Event.ROLE_CREATED, account=role.account, role=role.name, caller=caller.arn)
        return role

    async def find(self, account: AccountId, service: str) -> Role | None:
        """Return the role of a service, if it exists."""
        return await self.catalog.partition.read(lambda db: entities.find_service_role(db, account, service))

    async def ensure(self, caller: Caller, account: AccountId, service: str) -> str:
        """Return the unique id of the role of a service. Creates the role if it does not exist.

        Only the creation needs a permission. Raises AccessDenied naming iam:CreateServiceLinkedRole.
        """
        if (found := await self.find(account, service)) is not None:
            return found.unique_id
        linked = SERVICES[service]
        resource = IdentityResource(account, linked.role_arn(account))
        await self.gate.authorize(caller, "iam:CreateServiceLinkedRole", resource, _context(service))
        made = self._made(linked, account, linked.description)
        try:
            await self.catalog.partition.write(lambda db: roles.add_of_service(db, made, linked.policy_arn))
        except EntityExists as error:
            # Another request created the role first, or a customer's own role has the name.
            if (found := await self.find(account, service)) is not None:
                return found.unique_id
            raise ServiceRoleNameTaken(linked.role_name) from error
        telemetry.event(Event.ROLE_CREATED, account=account, role=made.name, caller=caller.arn)
        return made.unique_id

    async def store_under(
        self, caller: Caller, registry: Registry, service: str, store: Callable[[Connection, str], T]
    ) -> T:
        """Run `store(db, role_id)` in a transaction of the registry's Region that also claims the service's role.

        Creates the role if it does not exist, and withdraws its deletion if that has not ended. So stored rows never
        depend on a deleted role (docs/decisions/0003-the-fence.md). Raises what `ensure` raises.
        """
        region = self.catalog.region(registry.region)
        # The partition lists a Region at its first write. A deletion must see this Region before the role is read.
        await region.write(lambda _: None)
        failed = NONE_FAILED
        for _ in range(_MOST_CLAIMS):
            role_id = await self.ensure(caller, registry.account, service)
            try:
                return await region.write(deletions.claiming(registry.account, role_id, failed, store))
            except RoleFenced:
                failed = await self._withdraw_deletion(role_id, registry)
        raise RoleFenced

    async def _withdraw_deletion(self, role_id: str, registry: Registry) -> frozenset[str]:
        words = f"the role is in use: {registry.region}: being configured"
        reason = FailureReason(words, (RegionUsage(registry.region, (registry_arn(registry),)),))
        return await self.catalog.partition.record(lambda db: deletions.withdraw(db, role_id, reason))

    def _made(self, linked: LinkedService, account: AccountId, description: str | None) -> Role:
        return Role(
            unique_id=unique_ids.role(),
            account=account,
            name=linked.role_name,
            path=linked.path,
            trust=linked.trust,
            created_at=self.world.now(),
            description=description,
            service=linked.principal,
        )


def registry_arn(registry: Registry) -> str:
    """Return a name for a registry where AWS's format needs an ARN: ECR defines no ARN for a registry."""
    return f"arn:{PARTITION}:ecr:{registry.region}:{registry.account}:registry/{registry.account}"


def _context(service: str) -> Context:
    return {"iam:AWSServiceName": (service,)}


def _trust(service: str | list[str], action: str | list[str]) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
