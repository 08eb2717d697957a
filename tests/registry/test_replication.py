"""A registry's replication: which rules are taken, under which role, and what is told of copies."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from tests import owing
from tests.fakes import ACCOUNT, NOW, OTHER_ACCOUNT, OTHER_REGION, REGION, REGISTRY, AllowAll, DenyAll, caller
from twinport.access.gate import Gate
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import images, registries, repositories
from twinport.catalog.regional.images import NewImage
from twinport.errors import AccessDenied
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import ImageId, NewRepository
from twinport.model.manifests import parse_manifest
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName
from twinport.model.replication import (
    DeliveryState,
    PlannedDelivery,
    ReplicationConfiguration,
    ReplicationRule,
)
from twinport.refusals.images import ImageNotFound, RepositoryNotFound
from twinport.refusals.requests import InvalidParameter, NotBuiltYet
from twinport.registry.replication import Copies, Replication

T = TypeVar("T")
ABROAD = Registry(ACCOUNT, OTHER_REGION)
NEIGHBOR = Registry(OTHER_ACCOUNT, REGION)
API = RepositoryName("team/api")
OFF = ReplicationConfiguration()
RULES = ReplicationConfiguration((ReplicationRule((NEIGHBOR, ABROAD), ("team/", "app/")),))


@dataclass(slots=True)
class OneRole:
    """Roles of which one is there; or, denied, none and no way to make one."""

    catalog: WholeCatalog
    denied: bool = False
    claimed: list[tuple[Registry, str]] = field(default_factory=list)

    async def store_under(
        self, caller: Caller, registry: Registry, service: str, store: Callable[[Connection, str], T]
    ) -> T:
        if self.denied:
            raise AccessDenied(caller.arn, "iam:CreateServiceLinkedRole", "role")
        self.claimed.append((registry, service))
        return await self.catalog.region(registry.region).write(lambda db: store(db, "AROA1"))


def replication(catalog: WholeCatalog, roles: OneRole | None = None, gate: Gate | None = None) -> Replication:
    return Replication(gate or AllowAll(), catalog, roles or OneRole(catalog), (REGION, OTHER_REGION))


async def test_a_registry_that_was_never_configured_has_no_rules(catalog: WholeCatalog) -> None:
    assert await replication(catalog).describe(caller(), REGISTRY) == OFF


async def test_rules_are_described_as_they_were_put(catalog: WholeCatalog) -> None:
    verbs = replication(catalog)
    await verbs.put(caller(), REGISTRY, RULES)
    assert await verbs.describe(caller(), REGISTRY) == RULES
    assert await verbs.describe(caller(), ABROAD) == OFF


async def test_rules_stand_under_the_replication_role(catalog: WholeCatalog) -> None:
    roles = OneRole(catalog)
    await replication(catalog, roles).put(caller(), REGISTRY, RULES)
    assert roles.claimed == [(REGISTRY, "replication.ecr.amazonaws.com")]
    settings = await catalog.region(REGION).read(lambda db: registries.settings(db, ACCOUNT))
    assert settings.role_id == "AROA1"


async def test_no_rules_need_no_role(catalog: WholeCatalog) -> None:
    roles = OneRole(catalog, denied=True)
    await replication(catalog, roles).put(caller(), REGISTRY, OFF)
    assert roles.claimed == []


async def test_who_may_not_create_the_role_changes_nothing(catalog: WholeCatalog) -> None:
    await replication(catalog).put(caller(), REGISTRY, RULES)
    more = ReplicationConfiguration((*RULES.rules, ReplicationRule((ABROAD,))))
    with pytest.raises(AccessDenied, match="iam:CreateServiceLinkedRole"):
        await replication(catalog, OneRole(catalog, denied=True)).put(caller(), REGISTRY, more)
    assert await replication(catalog).describe(caller(), REGISTRY) == RULES


async def test_the_registry_itself_is_no_destination(catalog: WholeCatalog) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        await replication(catalog).put(caller(), REGISTRY, ReplicationConfiguration((ReplicationRule((REGISTRY,)),)))
    assert refusal.value.message == (
        "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: "
        "'Replication destination cannot be the same as the source registry'"
    )


def to_accounts(count: int) -> ReplicationConfiguration:
    places = [Registry(AccountId(f"{number:012}"), OTHER_REGION) for number in range(count)]
    return ReplicationConfiguration(tuple(ReplicationRule((place, ABROAD)) for place in places))


async def test_twenty_five_destinations_over_all_rules_are_allowed_and_one_more_is_not(
    catalog: WholeCatalog,
) -> None:
    await replication(catalog).put(caller(), REGISTRY, to_accounts(24))
    with pytest.raises(InvalidParameter, match="Unique destinations"):
        await replication(catalog).put(caller(), REGISTRY, to_accounts(25))


async def test_an_unknown_region_is_refused_by_name(catalog: WholeCatalog) -> None:
    nowhere = Registry(ACCOUNT, RegionName("nowhere-1"))
    with pytest.raises(InvalidParameter, match="nowhere-1"):
        await replication(catalog).put(caller(), REGISTRY, ReplicationConfiguration((ReplicationRule((nowhere,)),)))


async def test_carrying_deletions_is_refused_until_it_is_true_and_saying_no_is_kept(catalog: WholeCatalog) -> None:
    verbs = replication(catalog)
    with pytest.raises(NotBuiltYet, match="not implemented by twinport: deleteReplication"):
        await verbs.put(caller(), REGISTRY, ReplicationConfiguration((ReplicationRule((ABROAD,), deletions=True),)))
    said_no = ReplicationConfiguration((ReplicationRule((ABROAD,), deletions=False),))
    await verbs.put(caller(), REGISTRY, said_no)
    assert await verbs.describe(caller(), REGISTRY) == said_no


async def test_a_stranger_hears_nothing_of_what_is_wrong_with_the_rules(catalog: WholeCatalog) -> None:
    wrong = ReplicationConfiguration((ReplicationRule((REGISTRY,)),))
    with pytest.raises(AccessDenied):
        await replication(catalog, gate=DenyAll()).put(caller(), REGISTRY, wrong)


CONTENT = (
    b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
    b'"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:'
    + b"0" * 64
    + b'","size":2},"layers":[]}'
)
IMAGE = Digest.of(CONTENT)


def push(db: Connection, tags: tuple[str, ...], *destinations: Registry) -> None:
    """Store an image under tags, and owe it under each of them, in turn."""
    found = repositories.find(db, REGISTRY.repository(API))
    repository = found or repositories.insert(db, REGISTRY.repository(API), NewRepository(), NOW)
    images.store_manifest(db, repository.id, NewImage(IMAGE, CONTENT, parse_manifest(CONTENT, None)), NOW)
    for tag in tags:
        position = registries.next_position(db, ACCOUNT)
        images.move_tags(db, repository.id, IMAGE, {tag: position}, NOW)
        planned = [PlannedDelivery(place, API, IMAGE, tag) for place in destinations]
        owing.owe(db, REGISTRY, planned, position, NOW)


async def test_an_image_without_destinations_has_no_status(catalog: WholeCatalog) -> None:
    await catalog.region(REGION).write(lambda db: push(db, ("1",)))
    assert await replication(catalog).status(caller(), REGISTRY.repository(API), ImageId(None, "1")) == Copies(
        IMAGE, ()
    )


async def test_status_names_each_destination_once(catalog: WholeCatalog) -> None:
    await catalog.region(REGION).write(lambda db: push(db, ("1", "2"), ABROAD, NEIGHBOR))
    copies = await replication(catalog).status(caller(), REGISTRY.repository(API), ImageId(IMAGE, None))
    assert {report.destination for report in copies.reports} == {ABROAD, NEIGHBOR}
    assert [report.state for report in copies.reports] == [DeliveryState.WAITING] * 2


async def test_status_under_a_tag_is_that_of_the_tag(catalog: WholeCatalog) -> None:
    await catalog.region(REGION).write(lambda db: push(db, ("1", "2"), ABROAD))
    for tag in ("1", "2"):
        copies = await replication(catalog).status(caller(), REGISTRY.repository(API), ImageId(None, tag))
        assert [report.tag for report in copies.reports] == [tag]


async def test_status_of_what_is_not_there_says_what_is_missing(catalog: WholeCatalog) -> None:
    verbs = replication(catalog)
    with pytest.raises(RepositoryNotFound):
        await verbs.status(caller(), REGISTRY.repository(API), ImageId(IMAGE, None))
    await catalog.region(REGION).write(lambda db: push(db, ("1",)))
    with pytest.raises(ImageNotFound, match=r"imageDigest:'null', imageTag:'2'"):
        await verbs.status(caller(), REGISTRY.repository(API), ImageId(None, "2"))
    with pytest.raises(ImageNotFound):
        await verbs.status(caller(), REGISTRY.repository(API), ImageId(Digest.of(b"other"), "1"))


async def test_taking_a_rule_away_cancels_what_waits_under_it(catalog: WholeCatalog) -> None:
    verbs = replication(catalog)
    await verbs.put(caller(), REGISTRY, RULES)
    await catalog.region(REGION).write(lambda db: push(db, ("1",), ABROAD, NEIGHBOR))
    remaining = ReplicationConfiguration((ReplicationRule((ABROAD,)),))
    await Replication(AllowAll(), catalog, OneRole(catalog), (REGION, OTHER_REGION)).put(caller(), REGISTRY, remaining)
    copies = await verbs.status(caller(), REGISTRY.repository(API), ImageId(IMAGE, None))
    assert {report.destination: report.state for report in copies.reports} == {
        ABROAD: DeliveryState.WAITING,
        NEIGHBOR: DeliveryState.FAILED,
    }
