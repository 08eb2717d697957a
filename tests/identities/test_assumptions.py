"""Assuming roles: who may, for how long, and with what left of the role's permissions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from tests import fakes
from twinport.access.gate import RepositoryResource
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.access.principals import Principals
from twinport.access.role_sessions import AssumedRole, RoleSessions
from twinport.access.sealing import Sealer
from twinport.access.session_policies import SessionPolicies
from twinport.access.sessions import Sessions
from twinport.access.trust import RoleName
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import schema
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.identities.assumptions import Assumptions, Wish
from twinport.identities.rules import roles, users
from twinport.identities.service_linked_roles import SERVICES
from twinport.model.entities import Role, Tag, User
from twinport.model.identities import REPLICATION_SERVICE, Caller, PrincipalKind
from twinport.model.names import RepositoryName
from twinport.policies.aws_managed import AwsPolicies
from twinport.refusals.callers import SessionExpired
from twinport.refusals.identities import (
    PolicyMalformed,
    PolicyNotThere,
    RoleArnInvalid,
    RootMayNotAssume,
    SessionPoliciesTooLarge,
    SessionTooLong,
)
from twinport.settings.open_accounts import OpenAccounts

ALICE = fakes.caller(kind=PrincipalKind.USER, unique_id="AIDAALICEALICEALICEA")
BOB = fakes.caller(account=fakes.OTHER_ACCOUNT, kind=PrincipalKind.USER, name="bob", unique_id="AIDABOBBOBBOBBOBBOBB")
ROOT, FAR_ROOT = fakes.caller(), fakes.caller(account=fakes.OTHER_ACCOUNT)
BUILDER = RoleName(fakes.ACCOUNT, "/ci/", "builder")
POWER_USER = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
HOUR = timedelta(hours=1)
NO_TRUST = "because no role trust policy allows the sts:AssumeRole action"


def trusting(*accounts: str, **members: object) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": [*accounts]}, "Action": "sts:AssumeRole", **members}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def allowing(action: str, **members: object) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **members}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@dataclass
class House:
    catalog: EmbeddedCatalog
    world: ManualClock
    gate: PolicyGate
    principals: Principals
    assumptions: Assumptions

    async def add_role(self, trust: str, length: timedelta = HOUR, tags: tuple[Tag, ...] = ()) -> None:
        role = Role("AROABUILDERBUILDERBU", fakes.ACCOUNT, "builder", "/ci/", trust, fakes.NOW, tags=tags)
        made = replace(role, max_session=length)
        await self.catalog.partition.write(lambda db: roles.add(db, made))
        await self.give("AROABUILDERBUILDERBU", allowing("ecr:*"))

    async def give(self, owner: str, text: str) -> None:
        values = {"owner_id": owner, "name": str(hash(text)), "document": text}
        await self.catalog.partition.write(lambda db: db.execute(insert(schema.inline_policy).values(values)))

    async def assume(self, caller: Caller, wish: Wish | None = None) -> AssumedRole:
        return await self.assumptions.assume(caller, wish or Wish(BUILDER, "build"))

    async def refused(self, caller: Caller, wish: Wish | None = None) -> str:
        with pytest.raises(AccessDenied) as caught:
            await self.assume(caller, wish)
        return caught.value.reason

    async def session(self, wish: Wish | None = None, caller: Caller = ROOT) -> Caller:
        """Assume the role and come back with the credentials."""
        assumed = await self.assume(caller, wish)
        found, _ = await self.principals.find(assumed.credentials.access_key_id, caller.origin)
        return found


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock(fakes.NOW))
    yield catalog
    catalog.close()


@pytest.fixture
async def house(catalog: EmbeddedCatalog) -> House:
    world, sealer = ManualClock(fakes.NOW), Sealer({"k1": b"1" * 32}, "k1")
    library = PolicyLibrary(catalog, AwsPolicies())
    gate, sessions = PolicyGate(catalog, library), Sessions(catalog, sealer, world)
    alice = User(ALICE.unique_id, ALICE.account, "alice", "/", fakes.NOW)
    bob = User(BOB.unique_id, BOB.account, "bob", "/", fakes.NOW)
    await catalog.partition.write(lambda db: users.add(db, alice))
    await catalog.partition.write(lambda db: users.add(db, bob))
    principals = Principals(catalog, sealer, world, OpenAccounts.EVERYWHERE)
    return House(catalog, world, gate, principals, Assumptions(gate, RoleSessions(library, sessions, world)))


async def test_the_session_is_named_after_role_and_session_without_the_path(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    assumed = await house.assume(ROOT)
    assert assumed.arn == "arn:aws:sts::111122223333:assumed-role/builder/build"
    assert assumed.id == "AROABUILDERBUILDERBU:build"
    assert assumed.credentials.access_key_id.startswith("ASIA")
    assert assumed.credentials.expires_at == fakes.NOW + HOUR


async def test_the_session_has_the_roles_permissions(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    session = await house.session()
    await house.gate.authorize(
        session, "ecr:PutImage", RepositoryResource(fakes.REGISTRY.repository(RepositoryName("a")))
    )
    with pytest.raises(AccessDenied):
        await house.gate.authorize(
            session, "iam:GetRole", RepositoryResource(fakes.REGISTRY.repository(RepositoryName("a")))
        )


async def test_a_session_policy_narrows_the_session(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    session = await house.session(Wish(BUILDER, "build", policies=SessionPolicies(allowing("ecr:BatchGetImage"))))
    await house.gate.authorize(
        session, "ecr:BatchGetImage", RepositoryResource(fakes.REGISTRY.repository(RepositoryName("a")))
    )
    with pytest.raises(AccessDenied) as caught:
        await house.gate.authorize(
            session, "ecr:PutImage", RepositoryResource(fakes.REGISTRY.repository(RepositoryName("a")))
        )
    assert caught.value.reason == "because no session policy allows the ecr:PutImage action"


async def test_a_managed_policy_narrows_the_session(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    session = await house.session(Wish(BUILDER, "build", policies=SessionPolicies(arns=(POWER_USER,))))
    await house.gate.authorize(
        session, "ecr:PutImage", RepositoryResource(fakes.REGISTRY.repository(RepositoryName("a")))
    )
    with pytest.raises(AccessDenied):
        await house.gate.authorize(
            session, "ecr:DeleteRepository", RepositoryResource(fakes.REGISTRY.repository(RepositoryName("a")))
        )


async def test_the_session_ends_with_its_time(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    assumed = await house.assume(ROOT, Wish(BUILDER, "build", timedelta(minutes=15)))
    house.world.advance(timedelta(minutes=15))
    with pytest.raises(SessionExpired):
        await house.principals.find(assumed.credentials.access_key_id, ROOT.origin)


async def test_a_user_whose_account_is_trusted_needs_a_policy_too(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    assert "no identity-based policy" in await house.refused(ALICE)
    await house.give(ALICE.unique_id, allowing("sts:AssumeRole"))
    await house.assume(ALICE)


async def test_a_user_who_is_trusted_by_name_needs_none(house: House) -> None:
    await house.add_role(trusting(ALICE.arn))
    await house.assume(ALICE)


async def test_a_stranger_needs_both(house: House) -> None:
    await house.add_role(trusting(BOB.arn))
    assert "no identity-based policy" in await house.refused(BOB)
    await house.give(BOB.unique_id, allowing("sts:AssumeRole"))
    await house.assume(BOB)


async def test_an_account_that_is_not_trusted_is_refused(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    assert await house.refused(FAR_ROOT) == NO_TRUST


async def test_the_external_id_must_be_the_one_agreed_upon(house: House) -> None:
    await house.add_role(trusting(fakes.OTHER_ACCOUNT, Condition={"StringEquals": {"sts:ExternalId": "blue"}}))
    assert await house.refused(FAR_ROOT) == NO_TRUST
    assert await house.refused(FAR_ROOT, Wish(BUILDER, "build", external_id="red")) == NO_TRUST
    await house.assume(FAR_ROOT, Wish(BUILDER, "build", external_id="blue"))


async def test_the_name_of_the_session_may_be_asked_for(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT, Condition={"StringLike": {"sts:RoleSessionName": "ci-*"}}))
    assert await house.refused(ROOT) == NO_TRUST
    await house.assume(ROOT, Wish(BUILDER, "ci-7"))


async def test_the_roles_tags_may_be_asked_for(house: House) -> None:
    await house.add_role(trusting(ALICE.account), tags=(Tag("Team", "red"),))
    await house.give(ALICE.unique_id, allowing("sts:*", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))
    await house.assume(ALICE)


@pytest.mark.parametrize("name", [replace(BUILDER, name="nobody"), replace(BUILDER, path="/"), BUILDER])
async def test_a_role_that_is_missing_is_refused_as_one_that_does_not_trust(house: House, name: RoleName) -> None:
    await house.add_role(trusting("444455556666"))
    assert await house.refused(ROOT, Wish(name, "build")) == NO_TRUST


async def test_no_caller_assumes_the_role_of_a_service(house: House) -> None:
    linked = SERVICES[REPLICATION_SERVICE]
    role = Role("AROAREPLICATIONREPLI", fakes.ACCOUNT, linked.role_name, linked.path, linked.trust, fakes.NOW)
    await house.catalog.partition.write(lambda db: roles.add_of_service(db, role, linked.policy_arn))
    await house.give(ALICE.unique_id, allowing("*"))
    for caller in (ROOT, ALICE, FAR_ROOT):
        assert await house.refused(caller, Wish(RoleName.parse(role.arn), "build")) == NO_TRUST


async def test_only_the_root_of_an_open_account_may_assume(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    with pytest.raises(RootMayNotAssume):
        await house.assume(replace(ROOT, access_key_id="AKIAIOSFODNN7EXAMPLE"))


async def test_a_session_may_be_as_long_as_the_role_allows(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT), 2 * HOUR)
    assumed = await house.assume(ROOT, Wish(BUILDER, "build", 2 * HOUR))
    assert assumed.credentials.expires_at == fakes.NOW + 2 * HOUR
    with pytest.raises(SessionTooLong):
        await house.assume(ROOT, Wish(BUILDER, "build", 2 * HOUR + timedelta(seconds=1)))


async def test_a_chained_session_lasts_an_hour_at_most(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT), 2 * HOUR)
    await house.give("AROABUILDERBUILDERBU", allowing("sts:AssumeRole"))
    session = await house.session()
    await house.assume(session, Wish(BUILDER, "again", HOUR))
    with pytest.raises(SessionTooLong, match="role chaining"):
        await house.assume(session, Wish(BUILDER, "again", HOUR + timedelta(seconds=1)))


async def test_a_malformed_session_policy_is_refused(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    with pytest.raises(PolicyMalformed):
        await house.assume(ROOT, Wish(BUILDER, "build", policies=SessionPolicies("{}")))


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:policy/none",
        "arn:aws:iam::aws:policy/None",
        "arn:aws:iam::444455556666:policy/p",
        "p",
    ],
)
async def test_a_session_policy_that_is_not_there_is_refused(house: House, arn: str) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    with pytest.raises(PolicyNotThere):
        await house.assume(ROOT, Wish(BUILDER, "build", policies=SessionPolicies(arns=(arn,))))


async def test_session_policies_have_a_bound_and_tell_how_near_it_is(house: House) -> None:
    await house.add_role(trusting(fakes.ACCOUNT))
    text = allowing("ecr:*")
    assert Wish(BUILDER, "build", policies=SessionPolicies(text.ljust(1024))).packed_percent == 50
    assert Wish(BUILDER, "build").packed_percent == 0
    await house.assume(ROOT, Wish(BUILDER, "build", policies=SessionPolicies(text.ljust(2048))))
    with pytest.raises(SessionPoliciesTooLarge):
        await house.assume(ROOT, Wish(BUILDER, "build", policies=SessionPolicies(text.ljust(2049))))


@pytest.mark.parametrize(
    "arn",
    [
        "arn:a:::something/test-role",
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::1:role/builder",
        "arn:aws:iam::111122223333:role/ci//builder name",
        "arn:aws:iam::111122223333:role/builder\n",
    ],
)
def test_what_is_not_the_arn_of_a_role_is_refused(arn: str) -> None:
    with pytest.raises(RoleArnInvalid, match="is invalid"):
        RoleName.parse(arn)


def test_the_arn_of_a_role_is_read_with_its_path() -> None:
    assert RoleName.parse(BUILDER.arn) == BUILDER
