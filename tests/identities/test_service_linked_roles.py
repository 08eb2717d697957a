"""Service-linked roles: created when needed, once, and only by those who may."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import ACCOUNT, OTHER_REGION, REGION, AllowAll, DenyAll, caller
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.partition import entities
from twinport.catalog.ports import Connection
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.identities.rules import roles as role_rules
from twinport.identities.service_linked_roles import SERVICES, LinkedService, ServiceLinkedRoles
from twinport.model.entities import Page, Role
from twinport.model.identities import REPLICATION_ROLE, REPLICATION_SERVICE
from twinport.model.names import RegionName, Registry
from twinport.policies.aws_managed import AwsPolicies
from twinport.refusals.identities import RoleFenced, ServiceRoleNameTaken

HERE = Registry(ACCOUNT, REGION)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


@pytest.fixture
def roles(catalog: EmbeddedCatalog) -> ServiceLinkedRoles:
    return ServiceLinkedRoles(catalog, AllowAll(), ManualClock())


def role_id(_db: Connection, role_id: str) -> str:
    return role_id


async def existing(catalog: EmbeddedCatalog) -> list[Role]:
    return await catalog.partition.read(lambda db: entities.roles(db, ACCOUNT, "/", Page()))


@pytest.mark.parametrize("service", SERVICES.values(), ids=str)
def test_each_service_has_a_policy_that_only_it_may_attach(service: LinkedService) -> None:
    policy = AwsPolicies().find(service.policy_arn)
    assert policy is not None
    assert not policy.is_attachable


@pytest.mark.parametrize("service", SERVICES.values(), ids=str)
def test_the_two_forms_of_a_trust_document_say_the_same(service: LinkedService) -> None:
    (shown,) = json.loads(service.trust)["Statement"]
    (created,) = json.loads(service.created_trust)["Statement"]
    assert created == {
        "Effect": "Allow",
        "Principal": {"Service": [shown["Principal"]["Service"]]},
        "Action": [shown["Action"]],
    }


async def test_regions_that_are_configured_at_once_share_one_role(
    catalog: EmbeddedCatalog, roles: ServiceLinkedRoles
) -> None:
    places = [Registry(ACCOUNT, RegionName(name)) for name in (REGION, OTHER_REGION, "ap-south-1")]
    ids = await asyncio.gather(*(roles.store_under(caller(), place, REPLICATION_SERVICE, role_id) for place in places))
    assert {role.unique_id for role in await existing(catalog)} == set(ids)
    assert len(set(ids)) == 1


async def test_only_the_creation_needs_a_permission(catalog: EmbeddedCatalog, roles: ServiceLinkedRoles) -> None:
    denied = ServiceLinkedRoles(catalog, DenyAll(), ManualClock())
    with pytest.raises(AccessDenied) as refusal:
        await denied.store_under(caller(), HERE, REPLICATION_SERVICE, role_id)
    assert refusal.value.action == "iam:CreateServiceLinkedRole"
    assert refusal.value.resource == (
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{REPLICATION_SERVICE}/{REPLICATION_ROLE}"
    )
    made = await roles.ensure(caller(), ACCOUNT, REPLICATION_SERVICE)
    assert await denied.store_under(caller(), HERE, REPLICATION_SERVICE, role_id) == made


async def test_a_customers_role_of_the_name_stands_in_the_way(
    catalog: EmbeddedCatalog, roles: ServiceLinkedRoles
) -> None:
    mine = Role("AROAMINE", ACCOUNT, REPLICATION_ROLE, "/", "{}", ManualClock().now())
    await catalog.partition.write(lambda db: role_rules.add(db, mine))
    with pytest.raises(ServiceRoleNameTaken):
        await roles.store_under(caller(), HERE, REPLICATION_SERVICE, role_id)


async def test_what_only_ever_meets_deletions_gives_up_for_now(roles: ServiceLinkedRoles) -> None:
    def store(_db: Connection, _role: str) -> None:
        raise RoleFenced

    with pytest.raises(RoleFenced):
        await roles.store_under(caller(), HERE, REPLICATION_SERVICE, store)
