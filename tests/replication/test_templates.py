"""Repositories that copies create: by the template of their destination, under real policies, on either database."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, emptied
from tests.fakes import AllowAll, AskedOneByOne, caller
from tests.replication.world import ANN, BOB, CREATE, FAR, HOME, IRELAND, NAME, PARTNER, REPLICATE, World, image
from twinport.access.gate import NO_CONTEXT, Context, Resource
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import creation_templates, lifecycle, registries, repositories
from twinport.clock import ManualClock
from twinport.identities.rules import principal_policies, roles
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.model.creation_templates import AppliedFor, CreationTemplate, Encryption
from twinport.model.entities import Role
from twinport.model.identities import REPLICATION_SERVICE, TEMPLATE_SERVICE, Caller
from twinport.model.images import Mutability, TagRule
from twinport.model.names import PARTITION, AccountId, Registry, role_arn
from twinport.model.replication import DeliveryState, FailureCode, ReplicationRule
from twinport.policies.aws_managed import AwsPolicies

IMAGE, OTHER = image(b"layer one"), image(b"layer two")
IMMUTABLE = TagRule(Mutability.IMMUTABLE)
POLICY = '{"Version":"2012-10-17","Statement":[]}'
LIFECYCLE = (
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":5},'
    '"action":{"type":"expire"}}]}'
)
TAGS = {"team": "a"}
TAG = "ecr:TagResource"


class TemplateWorld(World):
    """A world whose gate reads policies, with the service-linked roles of both accounts."""

    def __init__(self, folder: Path, clock: ManualClock, catalog: WholeCatalog) -> None:
        super().__init__(folder, clock=clock, catalog=catalog)
        gate = PolicyGate(self.catalog, PolicyLibrary(self.catalog, AwsPolicies()))
        self.iam = ServiceLinkedRoles(self.catalog, AllowAll(), self.clock)
        self.replication = self.new_process(gate, self.iam)

    async def make_roles(self) -> None:
        for account in (ANN, BOB):
            for service in (REPLICATION_SERVICE, TEMPLATE_SERVICE):
                await self.iam.ensure(caller(account), account, service)

    async def template(self, registry: Registry, template: CreationTemplate) -> None:
        now = self.clock.now()
        await self.catalog.region(registry.region).write(
            lambda db: creation_templates.insert(db, registry, template, now)
        )

    async def maker(self, account: AccountId, *actions: str) -> str:
        """Make a role that ECR may assume, with these permissions, and return its ARN."""
        trust = {"Effect": "Allow", "Principal": {"Service": TEMPLATE_SERVICE}, "Action": "sts:AssumeRole"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = Role(f"AROAMAKER{account}", account, "maker", "/", text, self.clock.now())
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})

        def store(db: Connection) -> None:
            roles.add(db, role)
            principal_policies.put_inline(db, role, "own", document, most=10_240)

        await self.catalog.partition.write(store)
        return role_arn(account, "/", "maker")

    async def allow(self, *actions: str) -> None:
        """Put the registry policy of the other account, which lets the source's account do these."""
        grant = {"Effect": "Allow", "Principal": {"AWS": f"arn:{PARTITION}:iam::{ANN}:root"}, "Action": list(actions)}
        resource = f"arn:{PARTITION}:ecr:{IRELAND}:{BOB}:repository/*"
        text = json.dumps({"Version": "2012-10-17", "Statement": [{**grant, "Resource": resource}]})
        await self.catalog.region(IRELAND).write(lambda db: registries.set_policy(db, BOB, text))

    async def outcome(self, to: Registry = FAR) -> FailureCode | DeliveryState:
        """Push an image that is owed to a registry, carry it, and return what became of it."""
        await self.configure(HOME, ReplicationRule((to,)))
        await self.push(IMAGE, "1")
        await self.deliver()
        report = await self.status(IMAGE)
        return report.failure_code or report.state

    async def settings(self, registry: Registry) -> tuple[TagRule, dict[str, str], str | None]:
        """Return what the repository at the destination was created with: its tag rule, its tags and its policy."""

        def read(db: Connection) -> tuple[TagRule, dict[str, str], str | None]:
            found = repositories.get(db, registry.repository(NAME))
            return found.tag_rule, repositories.tags(db, found.id), repositories.policy(db, found.id)

        return await self.catalog.region(registry.region).read(read)


@pytest.fixture(params=ENGINES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TemplateWorld]:
    clock = ManualClock()
    world = TemplateWorld(tmp_path, clock, await emptied(request, tmp_path, clock))
    await world.make_roles()
    yield world
    world.close()


def for_copies(prefix: str = "team", *purposes: AppliedFor, **settings: object) -> CreationTemplate:
    return CreationTemplate(prefix, purposes or (AppliedFor.REPLICATION,), **settings)  # type: ignore[arg-type]


async def test_a_copy_creates_its_repository_by_the_template_of_its_destination(world: TemplateWorld) -> None:
    await world.template(HOME, for_copies(tag_rule=TagRule(), policy="elsewhere"))
    await world.template(FAR, for_copies(tag_rule=IMMUTABLE, policy=POLICY))
    assert await world.outcome() is DeliveryState.COMPLETE
    assert await world.settings(FAR) == (IMMUTABLE, {}, POLICY)
    assert await world.tag(FAR, "1") == IMAGE.digest


async def test_a_template_for_other_purposes_or_prefixes_leaves_the_defaults(world: TemplateWorld) -> None:
    await world.template(FAR, for_copies("team", AppliedFor.CREATE_ON_PUSH, tag_rule=IMMUTABLE))
    await world.template(FAR, for_copies("tea", tag_rule=IMMUTABLE))
    assert await world.outcome() is DeliveryState.COMPLETE
    assert await world.settings(FAR) == (TagRule(), {}, None)


async def test_a_copy_that_creates_its_repository_brings_the_lifecycle_policy_of_the_template(
    world: TemplateWorld,
) -> None:
    await world.template(FAR, for_copies(lifecycle=LIFECYCLE))
    assert await world.outcome() is DeliveryState.COMPLETE

    def read(db: Connection) -> str | None:
        stored = lifecycle.find(db, repositories.get(db, FAR.repository(NAME)).id)
        return None if stored is None else stored.text

    assert await world.catalog.region(FAR.region).read(read) == LIFECYCLE


async def test_a_key_fails_the_copy_where_the_operator_takes_none(world: TemplateWorld) -> None:
    await world.template(FAR, for_copies(encryption=Encryption("KMS")))
    assert await world.outcome() is FailureCode.DESTINATION_KMS_ERROR
    assert await world.repository(FAR) is None


async def test_root_is_the_last_that_matches(world: TemplateWorld) -> None:
    await world.template(FAR, for_copies("ROOT", policy=POLICY))
    await world.template(FAR, for_copies("team/", tag_rule=IMMUTABLE))
    assert await world.outcome() is DeliveryState.COMPLETE
    assert await world.settings(FAR) == (IMMUTABLE, {}, None)


async def test_a_template_leaves_a_repository_that_exists_as_it_is(world: TemplateWorld) -> None:
    await world.create(FAR)
    await world.template(FAR, for_copies(tag_rule=IMMUTABLE, tags=TAGS))
    assert await world.outcome() is DeliveryState.COMPLETE
    assert await world.settings(FAR) == (TagRule(), {}, None)


async def test_tags_without_a_role_of_their_own_fail_the_copy(world: TemplateWorld) -> None:
    await world.template(FAR, for_copies(tags=TAGS))
    assert await world.outcome() is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED
    report = await world.status(IMAGE)
    assert report.reason is not None
    assert "AWSServiceRoleForECRTemplate/ECRTemplate is not authorized to perform: ecr:TagResource" in report.reason
    assert await world.repository(FAR) is None


async def test_a_role_that_may_tag_tags_the_repository_of_a_copy(world: TemplateWorld) -> None:
    await world.template(FAR, for_copies(tags=TAGS, role_arn=await world.maker(ANN, CREATE, TAG)))
    assert await world.outcome() is DeliveryState.COMPLETE
    assert await world.settings(FAR) == (TagRule(), TAGS, None)


@pytest.mark.parametrize("allowed", [(CREATE,), (TAG,)])
async def test_a_role_that_lacks_a_permission_fails_the_copy(world: TemplateWorld, allowed: tuple[str, ...]) -> None:
    await world.template(FAR, for_copies(tags=TAGS, role_arn=await world.maker(ANN, *allowed)))
    assert await world.outcome() is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED
    assert await world.repository(FAR) is None


async def test_a_copy_from_another_account_takes_the_template_of_the_registry_that_it_comes_to(
    world: TemplateWorld,
) -> None:
    await world.template(PARTNER, for_copies(tag_rule=IMMUTABLE))
    await world.allow(CREATE, REPLICATE)
    assert await world.outcome(PARTNER) is DeliveryState.COMPLETE
    assert await world.settings(PARTNER) == (IMMUTABLE, {}, None)


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ((CREATE, REPLICATE), FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED),
        ((CREATE, REPLICATE, TAG), DeliveryState.COMPLETE),
    ],
)
async def test_tags_across_accounts_need_the_registrys_policy_too(
    world: TemplateWorld, granted: tuple[str, ...], expected: FailureCode | DeliveryState
) -> None:
    await world.template(PARTNER, for_copies(tags=TAGS, role_arn=await world.maker(BOB, CREATE, TAG)))
    await world.allow(*granted)
    assert await world.outcome(PARTNER) is expected


async def test_another_account_does_not_learn_which_role_could_not_create(world: TemplateWorld) -> None:
    await world.template(PARTNER, for_copies(tags=TAGS, role_arn=await world.maker(BOB, CREATE)))
    await world.allow(CREATE, REPLICATE, TAG)
    assert await world.outcome(PARTNER) is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED
    report = await world.status(IMAGE)
    assert report.reason is not None
    assert "because the role of the registry's creation template may not create it" in report.reason
    assert "maker" not in report.reason


@dataclass
class ChangingGate(AskedOneByOne):
    """A gate before whose answer about a template's role another request changes the template, some times."""

    world: TemplateWorld
    gate: PolicyGate
    left: int

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        if "AWSServiceRoleForECRTemplate" in caller.arn and self.left:
            self.left -= 1
            changed, now = for_copies(description=f"change {self.left}", tag_rule=IMMUTABLE), self.world.clock.now()
            await self.world.catalog.region(FAR.region).write(
                lambda db: creation_templates.replace(db, FAR, changed, now)
            )
        await self.gate.authorize(caller, action, resource, context)


async def test_a_copy_waits_when_its_template_changes_between_decision_and_landing(world: TemplateWorld) -> None:
    await world.template(FAR, for_copies())
    # Once while it is offered, and once while it is committed.
    gate = ChangingGate(world, PolicyGate(world.catalog, PolicyLibrary(world.catalog, AwsPolicies())), 2)
    world.replication = world.new_process(gate, world.iam)
    assert await world.outcome() is DeliveryState.WAITING
    assert (gate.left, await world.repository(FAR)) == (0, None)
    await world.wait(timedelta(minutes=5))
    assert (await world.status(IMAGE)).state is DeliveryState.COMPLETE
    assert await world.settings(FAR) == (IMMUTABLE, {}, None)
