"""The gate: it loads what speaks about a request by itself, as it is now."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, delete, insert, update

from tests import fakes
from tests.policies.cases import REPLICATION
from twinport.access.gate import NO_CONTEXT, AnyResource, Context, IdentityResource, RepositoryResource, Resource
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import schema as partition_schema
from twinport.catalog.regional import schema as regional_schema
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.model.identities import Caller, PrincipalKind, Session
from twinport.model.names import Registry, RepositoryName
from twinport.policies.aws_managed import AwsPolicies

ALICE = fakes.caller(kind=PrincipalKind.USER, unique_id="AIDAALICEALICEALICEA")
BUILDER = fakes.caller(kind=PrincipalKind.ROLE_SESSION, name="builder", unique_id="AROABUILDERBUILDERBU")
ROOT = fakes.caller()
FAR_ROOT = fakes.caller(account=fakes.OTHER_ACCOUNT)
API = RepositoryResource(fakes.REGISTRY.repository(RepositoryName("team/api")))
MISSING = RepositoryResource(fakes.REGISTRY.repository(RepositoryName("team/nothing")))
TOKEN = AnyResource(fakes.ACCOUNT, fakes.REGION)
PUT = "ecr:PutImage"
MANAGED = "arn:aws:iam::111122223333:policy/pushers"
POWER_USER = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
SERVICE_POLICY = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"
NO_IDENTITY = "because no identity-based policy allows the ecr:PutImage action"
NO_SESSION = "because no session policy allows the ecr:PutImage action"


def allowing(action: str = PUT, resource: str | None = "*", **members: object) -> str:
    return document("Allow", action, resource, **members)


def document(effect: str, action: str, resource: str | None, **members: object) -> str:
    where = {} if resource is None else {"Resource": resource}
    statement = {"Sid": "One", "Effect": effect, "Action": action, **where, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def narrowed(caller: Caller, *policies: str, arns: tuple[str, ...] = ()) -> Caller:
    session = Session("build", fakes.NOW, fakes.NOW + timedelta(hours=1), policies, arns)
    return replace(caller, session=session)


@dataclass
class House:
    """A partition with one user and one role, a Region with one repository, and the gate before them."""

    catalog: EmbeddedCatalog
    gate: PolicyGate

    async def may(
        self, caller: Caller, action: str = PUT, resource: Resource = API, context: Context = NO_CONTEXT
    ) -> None:
        await self.gate.authorize(caller, action, resource, context)

    async def reason(
        self, caller: Caller, action: str = PUT, resource: Resource = API, context: Context = NO_CONTEXT
    ) -> str:
        with pytest.raises(AccessDenied) as caught:
            await self.may(caller, action, resource, context)
        return caught.value.reason

    async def partition(self, table: Table, **values: object) -> None:
        await self.catalog.partition.write(lambda db: db.execute(insert(table).values(values)))

    async def region(self, table: Table, **values: object) -> None:
        await self.catalog.region(fakes.REGION).write(lambda db: db.execute(insert(table).values(values)))

    async def give(self, caller: Caller, text: str) -> None:
        await self.partition(partition_schema.inline_policy, owner_id=caller.unique_id, name="p", document=text)

    async def attach(self, caller: Caller, arn: str) -> None:
        await self.partition(
            partition_schema.attachment, owner_id=caller.unique_id, policy_arn=arn, attached_at=fakes.NOW
        )

    async def manage(self, arn: str, version: int, **documents: str) -> None:
        await self.partition(
            partition_schema.managed_policy,
            arn=arn,
            unique_id="ANPAPUSHERSPUSHERSPU",
            account=fakes.ACCOUNT,
            name="pushers",
            name_key="pushers",
            path="/",
            default_version=version,
            last_version=len(documents),
            created_at=fakes.NOW,
            updated_at=fakes.NOW,
        )
        for name, text in documents.items():
            await self.partition(
                partition_schema.policy_version,
                policy_arn=arn,
                version=int(name[1:]),
                document=text,
                created_at=fakes.NOW,
            )

    async def let_in(self, text: str) -> None:
        changes = update(regional_schema.repository).values(policy=text)
        await self.catalog.region(fakes.REGION).write(lambda db: db.execute(changes))

    async def rule(self, text: str) -> None:
        await self.region(regional_schema.registry, account=fakes.ACCOUNT, policy=text)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock(fakes.NOW))
    yield catalog
    catalog.close()


@pytest.fixture
async def house(catalog: EmbeddedCatalog) -> House:
    made = House(catalog, PolicyGate(catalog, PolicyLibrary(catalog, AwsPolicies())))
    common = {"account": fakes.ACCOUNT, "path": "/", "created_at": fakes.NOW}
    await made.partition(partition_schema.user, unique_id=ALICE.unique_id, name="alice", name_key="alice", **common)
    role = {"name": "builder", "name_key": "builder", "trust": "{}", "max_session_seconds": 3600}
    await made.partition(partition_schema.role, unique_id=BUILDER.unique_id, **role, **common)
    repository = {"name": "team/api", "mutability": "MUTABLE", "scan_on_push": False, "encryption": "AES256"}
    await made.region(regional_schema.repository, id=1, account=fakes.ACCOUNT, created_at=fakes.NOW, **repository)
    return made


async def test_a_user_without_policies_may_nothing(house: House) -> None:
    assert await house.reason(ALICE) == NO_IDENTITY


async def test_the_refusal_is_worded_as_by_aws(house: House) -> None:
    with pytest.raises(AccessDenied) as caught:
        await house.may(ALICE)
    assert str(caught.value) == (
        "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: ecr:PutImage on resource: "
        "arn:aws:ecr:eu-west-1:111122223333:repository/team/api because no identity-based policy allows the "
        "ecr:PutImage action"
    )


async def test_an_inline_policy_counts_from_the_moment_it_is_written(house: House) -> None:
    await house.reason(ALICE)
    await house.give(ALICE, allowing())
    await house.may(ALICE)


async def test_a_policy_that_was_removed_counts_no_more(house: House) -> None:
    await house.give(ALICE, allowing())
    await house.may(ALICE)
    await house.catalog.partition.write(lambda db: db.execute(delete(partition_schema.inline_policy)))
    assert await house.reason(ALICE) == NO_IDENTITY


async def test_a_policy_of_aws_counts_when_it_is_attached(house: House) -> None:
    await house.attach(BUILDER, POWER_USER)
    await house.may(BUILDER)
    await house.reason(BUILDER, "ecr:DeleteRepository")


async def test_a_customers_policy_counts_in_its_default_version(house: House) -> None:
    await house.manage(MANAGED, 2, v1=allowing(), v2=allowing("ecr:BatchGetImage"))
    await house.attach(ALICE, MANAGED)
    await house.may(ALICE, "ecr:BatchGetImage")
    await house.reason(ALICE)


async def test_a_deleted_user_may_nothing_even_where_everybody_may(house: House) -> None:
    await house.let_in(allowing(resource=None, Principal="*"))
    await house.may(ALICE)
    await house.catalog.partition.write(lambda db: db.execute(delete(partition_schema.user)))
    assert await house.reason(ALICE) == NO_IDENTITY


async def test_a_user_of_the_same_name_made_later_is_another_principal(house: House) -> None:
    await house.give(ALICE, allowing())
    assert await house.reason(replace(ALICE, unique_id="AIDALATERLATERLATERL")) == NO_IDENTITY


async def test_the_root_may_everything_in_its_account(house: House) -> None:
    await house.may(ROOT)
    await house.may(ROOT, "ecr:GetAuthorizationToken", TOKEN)


async def test_the_root_of_another_account_may_what_the_repository_policy_says(house: House) -> None:
    assert "no resource-based policy" in await house.reason(FAR_ROOT)
    await house.let_in(allowing(resource=None, Principal={"AWS": fakes.OTHER_ACCOUNT}))
    await house.may(FAR_ROOT)
    await house.reason(FAR_ROOT, resource=MISSING)


async def test_a_deny_in_the_repository_policy_stops_the_root(house: House) -> None:
    await house.let_in(document("Deny", "ecr:*", None, Principal="*"))
    assert await house.reason(ROOT) == "with an explicit deny in a resource-based policy"


async def test_the_registry_policy_speaks_about_every_request(house: House) -> None:
    await house.rule(allowing("ecr:*", Principal={"AWS": fakes.OTHER_ACCOUNT}))
    await house.may(FAR_ROOT)
    await house.may(FAR_ROOT, resource=MISSING)
    await house.may(
        FAR_ROOT, "ecr:DescribeRepositories", RepositoryResource(fakes.REGISTRY.repository(RepositoryName("*")))
    )
    await house.reason(
        FAR_ROOT,
        resource=RepositoryResource(Registry(fakes.ACCOUNT, fakes.OTHER_REGION).repository(RepositoryName("team/api"))),
    )


async def test_a_missing_repository_is_denied_and_not_missing(house: House) -> None:
    assert "no resource-based policy" in await house.reason(FAR_ROOT, resource=MISSING)


async def test_tags_of_the_repository_are_asked_under_both_names(house: House) -> None:
    await house.region(regional_schema.repository_tag, repository_id=1, key="Team", value="red")
    for key in ("aws:ResourceTag/team", "ecr:ResourceTag/Team"):
        await house.catalog.partition.write(lambda db: db.execute(delete(partition_schema.inline_policy)))
        await house.give(ALICE, allowing(Condition={"StringEquals": {key: "red"}}))
        await house.may(ALICE)
        await house.reason(ALICE, resource=MISSING)


async def test_tags_of_the_user_are_asked(house: House) -> None:
    await house.give(ALICE, allowing(Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}))
    await house.reason(ALICE)
    await house.partition(
        partition_schema.identity_tag, owner_id=ALICE.unique_id, key="Team", key_lower="team", value="red"
    )
    await house.may(ALICE)


async def test_tags_of_a_role_are_asked_when_the_role_is_acted_on(house: House) -> None:
    await house.give(ALICE, allowing("iam:GetRole", Condition={"StringEquals": {"iam:ResourceTag/team": "red"}}))
    role = IdentityResource(fakes.ACCOUNT, BUILDER.principal_arn, BUILDER.unique_id)
    await house.reason(ALICE, "iam:GetRole", role)
    await house.partition(
        partition_schema.identity_tag, owner_id=BUILDER.unique_id, key="team", key_lower="team", value="red"
    )
    await house.may(ALICE, "iam:GetRole", role)


TRUE_KEYS = {
    "aws:PrincipalArn": ALICE.arn,
    "aws:PrincipalAccount": fakes.ACCOUNT,
    "aws:PrincipalType": "User",
    "aws:PrincipalIsAWSService": "false",
    "aws:ViaAWSService": "false",
    "aws:userid": ALICE.unique_id,
    "aws:username": "alice",
    "aws:SourceIp": "127.0.0.1",
    "aws:SecureTransport": "false",
    "aws:UserAgent": "tests",
    "aws:CurrentTime": "2026-03-01T12:00:00Z",
    "aws:EpochTime": "1772366400",
    "aws:RequestedRegion": fakes.REGION,
    "aws:ResourceAccount": fakes.ACCOUNT,
}


async def test_every_key_of_the_request_has_its_true_value(house: House) -> None:
    await house.give(ALICE, allowing(Condition={"StringEquals": TRUE_KEYS}))
    await house.may(ALICE)


ABSENT = ["aws:SourceAccount", "aws:SourceArn", "aws:TokenIssueTime", "aws:MultiFactorAuthPresent", "aws:SourceVpc"]


@pytest.mark.parametrize("key", ABSENT)
async def test_a_key_without_a_true_value_is_absent(house: House, key: str) -> None:
    await house.give(ALICE, allowing(Condition={"Null": {key: "true"}}))
    await house.may(ALICE)


async def test_the_page_that_led_to_a_request_is_told(house: House) -> None:
    await house.give(ALICE, allowing(Condition={"StringLike": {"aws:referer": "https://ci.example/*"}}))
    assert await house.reason(ALICE) == NO_IDENTITY
    await house.may(replace(ALICE, origin=replace(ALICE.origin, referer="https://ci.example/build/7")))


async def test_temporary_credentials_tell_when_they_were_issued(house: House) -> None:
    issued = {"aws:TokenIssueTime": "2026-03-01T12:00:00Z", "aws:PrincipalArn": BUILDER.principal_arn}
    await house.give(BUILDER, allowing(Condition={"StringEquals": issued}))
    await house.may(BUILDER)


async def test_the_operations_own_keys_are_asked_without_regard_to_case(house: House) -> None:
    rule = {"StringEquals": {"iam:awsservicename": "replication.ecr.amazonaws.com"}}
    await house.give(ALICE, allowing("iam:CreateServiceLinkedRole", Condition=rule))
    role = IdentityResource(fakes.ACCOUNT, f"arn:aws:iam::{fakes.ACCOUNT}:role/{REPLICATION}")
    context = {"iam:AWSServiceName": ("replication.ecr.amazonaws.com",)}
    await house.may(ALICE, "iam:CreateServiceLinkedRole", role, context)
    await house.reason(ALICE, "iam:CreateServiceLinkedRole", role)


async def test_session_policies_narrow_each_and_together(house: House) -> None:
    await house.give(BUILDER, allowing("ecr:*"))
    await house.may(narrowed(BUILDER, allowing()))
    assert await house.reason(narrowed(BUILDER, allowing("ecr:BatchGetImage"))) == NO_SESSION
    await house.may(narrowed(BUILDER, allowing("ecr:BatchGetImage"), arns=(POWER_USER,)))
    assert await house.reason(narrowed(BUILDER, arns=(MANAGED,))) == NO_SESSION


async def test_a_service_linked_session_acts_on_its_one_destination_alone(house: House) -> None:
    await house.attach(BUILDER, SERVICE_POLICY)
    far = Registry(fakes.ACCOUNT, fakes.OTHER_REGION)
    session = Session("r", fakes.NOW, fakes.NOW, service="replication.ecr.amazonaws.com", binding=(fakes.REGISTRY, far))
    bound = replace(BUILDER, session=session)
    await house.may(bound, "ecr:ReplicateImage", RepositoryResource(far.repository(RepositoryName("team/api"))))
    assert "no session policy" in await house.reason(bound, "ecr:ReplicateImage", API)
    assert "no session policy" in await house.reason(bound, "ecr:GetAuthorizationToken", TOKEN)
    assert "no identity-based" in await house.reason(
        bound, PUT, RepositoryResource(far.repository(RepositoryName("team/api")))
    )


async def test_a_services_own_call_comes_from_no_address(house: House) -> None:
    await house.give(BUILDER, allowing("ecr:ReplicateImage", Condition={"Null": {"aws:SourceIp": "true"}}))
    session = Session("r", fakes.NOW, fakes.NOW, service="s", binding=(fakes.REGISTRY, fakes.REGISTRY))
    await house.may(replace(BUILDER, session=session), "ecr:ReplicateImage")
    await house.reason(BUILDER, "ecr:ReplicateImage")


@pytest.mark.parametrize("text", ["{", allowing(Condition={"StringAlmost": {"aws:username": "alice"}})])
async def test_a_stored_policy_that_cannot_be_read_is_a_no(house: House, text: str) -> None:
    await house.give(ALICE, allowing())
    await house.partition(partition_schema.inline_policy, owner_id=ALICE.unique_id, name="q", document=text)
    assert "cannot be read" in await house.reason(ALICE)


async def test_all_of_several_actions_must_be_allowed(house: House) -> None:
    await house.give(ALICE, allowing())
    await house.gate.authorize_all(ALICE, (PUT, PUT), API)
    with pytest.raises(AccessDenied):
        await house.gate.authorize_all(ALICE, (PUT, "ecr:BatchGetImage"), API)


async def test_asking_creates_no_region(house: House) -> None:
    elsewhere = Registry(fakes.ACCOUNT, fakes.OTHER_REGION)
    await house.may(ROOT, resource=RepositoryResource(elsewhere.repository(RepositoryName("team/api"))))
    assert await house.catalog.regions() == [fakes.REGION]


SET = "ecr:SetRepositoryPolicy"


async def test_a_policy_that_denies_its_author_is_foreseen(house: House) -> None:
    denying = document("Deny", "ecr:*", None, Principal="*")
    assert not await house.gate.would_allow(ROOT, SET, API, denying)
    assert await house.gate.would_allow(ROOT, SET, API, document("Deny", PUT, None, Principal="*"))


async def test_what_the_old_policy_granted_is_not_foreseen(house: House) -> None:
    granting = allowing(SET, None, Principal={"AWS": fakes.OTHER_ACCOUNT})
    await house.let_in(granting)
    assert await house.gate.would_allow(FAR_ROOT, SET, API, granting)
    assert not await house.gate.would_allow(FAR_ROOT, SET, API, allowing(PUT, None, Principal="*"))
