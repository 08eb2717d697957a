"""Replication under real policies: the role's own, and the registry policy of the destination account."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import AllowAll, caller
from tests.replication.world import (
    ANN,
    BOB,
    CREATE,
    FAR,
    HOME,
    IRELAND,
    NAME,
    PARTNER,
    REPLICATE,
    VIRGINIA,
    World,
    image,
    index,
)
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.catalog.partition import entities
from twinport.catalog.regional import registries
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.model.entities import Role
from twinport.model.identities import REPLICATION_SERVICE
from twinport.model.names import PARTITION, AccountId, role_arn
from twinport.model.replication import DeliveryState, FailureCode, ReplicationRule
from twinport.policies.aws_managed import AwsPolicies

IMAGE = image(b"layer one")
EVERYWHERE = f"arn:{PARTITION}:ecr:{IRELAND}:{BOB}:repository/*"
Statement = dict[str, object]


class PolicedWorld(World):
    """A world whose gate reads policies, and whose roles are those of IAM."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        gate = PolicyGate(self.catalog, PolicyLibrary(self.catalog, AwsPolicies()))
        self.iam = ServiceLinkedRoles(self.catalog, AllowAll(), self.clock)
        self.replication = self.new_process(gate, self.iam)

    async def role(self, account: AccountId = ANN) -> Role | None:
        return await self.iam.find(account, REPLICATION_SERVICE)

    async def allow(self, *statements: Statement) -> None:
        """Put the registry policy of the other account."""
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        await self.catalog.region(IRELAND).write(lambda db: registries.set_policy(db, BOB, text))

    async def outcome(self) -> FailureCode | DeliveryState:
        """Push an image that is owed to the other account, carry it, and return what became of it."""
        await self.configure(HOME, ReplicationRule((PARTNER,)))
        await self.push(IMAGE, "1")
        await self.deliver()
        report = await self.status(IMAGE)
        return report.failure_code or report.state


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PolicedWorld]:
    world = PolicedWorld(tmp_path)
    await world.iam.ensure(caller(ANN), ANN, REPLICATION_SERVICE)
    yield world
    world.close()


def grant(*actions: str, account: AccountId = ANN, resource: str = EVERYWHERE, **more: object) -> Statement:
    principal = {"AWS": f"arn:{PARTITION}:iam::{account}:root"}
    return {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": resource, **more}


async def test_between_the_regions_of_one_account_the_roles_policy_is_enough(world: PolicedWorld) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(IMAGE)
    await world.push(index(IMAGE), "1")
    await world.deliver()
    assert await world.has(FAR, index(IMAGE))
    assert await world.tag(FAR, "1") == index(IMAGE).digest


async def test_without_a_registry_policy_another_account_takes_nothing(world: PolicedWorld) -> None:
    assert await world.outcome() is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED


async def test_the_statement_of_the_manual_lets_another_account_replicate(world: PolicedWorld) -> None:
    await world.allow(grant(CREATE, REPLICATE))
    assert await world.outcome() is DeliveryState.COMPLETE
    assert await world.has(PARTNER, IMAGE)


async def test_a_grant_to_the_role_itself_is_a_grant_too(world: PolicedWorld) -> None:
    path = f"/aws-service-role/{REPLICATION_SERVICE}/"
    principal = {"AWS": role_arn(ANN, path, "AWSServiceRoleForECRReplication")}
    await world.allow(grant(CREATE, REPLICATE) | {"Principal": principal})
    assert await world.outcome() is DeliveryState.COMPLETE


@pytest.mark.parametrize(
    "statement",
    [
        grant(CREATE),
        grant(REPLICATE),
        grant(CREATE, REPLICATE, account=AccountId("333333333333")),
        grant(CREATE, REPLICATE, resource=f"arn:{PARTITION}:ecr:{IRELAND}:{BOB}:repository/prod-*"),
        grant(CREATE, REPLICATE, resource=f"arn:{PARTITION}:ecr:{VIRGINIA}:{BOB}:repository/*"),
        grant(CREATE, REPLICATE, Condition={"StringEquals": {"aws:SourceAccount": ANN}}),
        grant(CREATE, REPLICATE, Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}),
    ],
    ids=[
        "create alone",
        "replicate alone",
        "stranger",
        "another prefix",
        "another Region",
        "SourceAccount",
        "SourceIp",
    ],
)
async def test_a_policy_that_does_not_say_it_grants_nothing(world: PolicedWorld, statement: Statement) -> None:
    await world.allow(statement)
    assert await world.outcome() is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED
    assert await world.repository(PARTNER) is None


async def test_replicate_image_suffices_where_the_repository_is(world: PolicedWorld) -> None:
    await world.allow(grant(REPLICATE))
    await world.create(PARTNER)
    assert await world.outcome() is DeliveryState.COMPLETE


async def test_an_explicit_deny_wins(world: PolicedWorld) -> None:
    await world.allow(grant(CREATE, REPLICATE), grant(REPLICATE) | {"Effect": "Deny", "Principal": "*"})
    assert await world.outcome() is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED


async def test_a_role_that_is_gone_carries_nothing(world: PolicedWorld) -> None:
    role = await world.role()
    assert role is not None
    await world.catalog.partition.write(lambda db: entities.remove_service_role(db, role.unique_id))
    await world.allow(grant(CREATE, REPLICATE))
    assert await world.outcome() is FailureCode.SERVICE_LINKED_ROLE_NOT_FOUND


async def test_the_role_shows_where_it_was_last_used_once_it_was(world: PolicedWorld) -> None:
    before = await world.role()
    assert before is not None
    assert before.last_used_at is None
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(IMAGE, "1")
    await world.deliver()
    after = await world.role()
    assert after is not None
    assert (after.last_used_at, after.last_used_region) == (world.clock.now(), VIRGINIA)


async def test_the_destination_account_needs_no_role_of_its_own(world: PolicedWorld) -> None:
    await world.allow(grant(CREATE, REPLICATE))
    assert await world.outcome() is DeliveryState.COMPLETE
    assert await world.role(BOB) is None
    assert await world.has(PARTNER, IMAGE, NAME)
