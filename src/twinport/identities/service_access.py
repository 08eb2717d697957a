"""Which services an entity may call, when it last called each, and which policies allow it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from twinport.access.uses import Uses
from twinport.catalog.partition import groups, managed_policies, principal_policies, service_uses
from twinport.catalog.partition.service_uses import AccessJob
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.identities import entity_arns, entity_policies
from twinport.identities.entities import Entities
from twinport.identities.entity_policies import HeldPolicy
from twinport.identities.managed_policies import check_arn
from twinport.identities.rules import managed_policies as policy_rules
from twinport.identities.rules import principal_policies as owner_rules
from twinport.model.entities import Group, Page, PolicyOwner, PrincipalType, Role, Use, User
from twinport.model.identities import Caller
from twinport.model.names import AccountId
from twinport.policies.aws_managed import AwsPolicies, is_aws_policy
from twinport.policies.granted_services import grants
from twinport.refusals.identities import AccessJobNotFound, EntityNotFound, InvalidInput, PolicyNotFound

# The services of this server by the prefix of their actions. Requests are signed for the same name.
SERVICES = {
    "ecr": "Amazon Elastic Container Registry",
    "iam": "AWS Identity and Access Management",
    "sts": "AWS Security Token Service",
}
_ALL = Page(limit=10_000)


@dataclass(frozen=True, slots=True)
class Access:
    """A service that may be called, and its last caller, if any. `callers` counts all principals that called it."""

    namespace: str
    use: Use | None = None
    entity: str | None = None
    callers: int = 0


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    catalog: Catalog
    entities: Entities
    aws: AwsPolicies
    uses: Uses
    world: Clock

    async def ask(self, caller: Caller, arn: str) -> str:
        """Return the id of a job that will report on a user, group, role or policy.

        Raises InvalidInput, EntityNotFound, PolicyNotFound.
        """
        await self._authorize(caller, "iam:GenerateServiceLastAccessedDetails", arn)
        job = AccessJob(str(uuid.uuid4()), caller.account, arn, self.world.now())

        def store(db: Connection) -> None:
            self._principals(db, caller.account, arn)
            service_uses.add_job(db, job)

        await self.catalog.partition.record(store)
        return job.id

    async def told(self, caller: Caller, job_id: str) -> tuple[datetime, list[Access]]:
        """Return when a job was requested, and its result. Raises AccessJobNotFound, and as `ask` does."""
        await self.entities.ask_of_account(caller, "iam:GetServiceLastAccessedDetails")
        await self.uses.settle()

        def tell(db: Connection) -> tuple[datetime, list[Access]]:
            job = service_uses.find_job(db, caller.account, job_id)
            if job is None:
                raise AccessJobNotFound(job_id)
            texts = self._texts(db, job.account, job.arn)
            allowed = [name for name in SERVICES if any(grants(text, name) for text in texts)]
            principals = self._principals(db, job.account, job.arn)
            return job.created_at, [_access(db, name, principals) for name in allowed]

        return await self.catalog.partition.read_much(tell)

    async def granting(self, caller: Caller, arn: str, namespaces: Sequence[str]) -> dict[str, list[HeldPolicy]]:
        """Return for each service the policies that let a user, group or role call it.

        Raises InvalidInput, EntityNotFound.
        """
        await self._authorize(caller, "iam:ListPoliciesGrantingServiceAccess", arn)
        named = entity_arns.parse(arn)
        if named is None:
            raise InvalidInput(f"'{arn}' is not the ARN of a user, group or role")

        def find(db: Connection) -> list[HeldPolicy]:
            return entity_policies.held(db, self.aws, _owner(db, caller.account, arn))

        held = await self.catalog.partition.read_much(find)
        return {name: [policy for policy in held if grants(policy.text, name)] for name in namespaces}

    async def _authorize(self, caller: Caller, action: str, arn: str) -> None:
        named = entity_arns.parse(arn)
        if named is None or named.account != caller.account:
            await self.entities.ask_of(caller, action, arn)
        else:
            await self.entities.ask_by_arn(caller, action, named.kind, named.name, arn)

    def _texts(self, db: Connection, account: AccountId, arn: str) -> list[str]:
        if entity_arns.parse(arn) is None:
            return list(entity_policies.documents(db, self.aws, [arn]).values())
        return [policy.text for policy in entity_policies.held(db, self.aws, _owner(db, account, arn))]

    def _principals(self, db: Connection, account: AccountId, arn: str) -> dict[str, str]:
        """Return by unique id the ARNs of the users and roles that an ARN covers."""
        if entity_arns.parse(arn) is not None:
            return _those_in(db, [_owner(db, account, arn)])
        self._expect_policy(db, account, arn)
        users = managed_policies.entities(db, account, arn, None)
        return _those_in(db, [owner_rules.get(db, account, each.kind, each.name) for each in users])

    def _expect_policy(self, db: Connection, account: AccountId, arn: str) -> None:
        owner = check_arn(arn)
        if is_aws_policy(arn) and self.aws.find(arn) is not None:
            return
        if owner != account:
            raise PolicyNotFound(arn)
        policy_rules.get(db, arn)


def _owner(db: Connection, account: AccountId, arn: str) -> PolicyOwner:
    """Return the entity of an account that has this ARN. Raises EntityNotFound."""
    named = entity_arns.parse(arn)
    kind, name = (named.kind, named.name) if named else (PrincipalType.USER, arn)
    found = principal_policies.find(db, account, kind, name)
    if found is None or found.arn != arn:
        raise EntityNotFound(kind.value, name)
    return found


def _those_in(db: Connection, owners: Sequence[PolicyOwner]) -> dict[str, str]:
    found: dict[str, str] = {}
    for owner in owners:
        match owner:
            case User() | Role():
                found[owner.unique_id] = owner.arn
            case Group():
                found |= {user.unique_id: user.arn for user in groups.members(db, owner, _ALL)}
    return found


def _access(db: Connection, namespace: str, principals: dict[str, str]) -> Access:
    last = service_uses.last(db, list(principals), namespace)
    if not last:
        return Access(namespace)
    latest = max(last, key=lambda principal: last[principal].at)
    return Access(namespace, last[latest], principals[latest], len(last))
