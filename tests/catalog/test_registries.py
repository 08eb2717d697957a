"""The settings of a registry, and the positions that it gives out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from twinport.catalog import clearing
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import registries
from twinport.catalog.regional.registries import RegistrySettings
from twinport.clock import ManualClock
from twinport.model.names import AccountId, RegionName, Registry
from twinport.model.replication import ReplicationConfiguration, ReplicationRule

REGION = RegionName("eu-west-1")
HERE, ELSEWHERE = AccountId("111111111111"), AccountId("222222222222")
FAR, NEAR = Registry(HERE, RegionName("us-east-1")), Registry(ELSEWHERE, REGION)
RULES = ReplicationConfiguration(
    (ReplicationRule((NEAR, FAR), ("web/", "api/"), deletions=False), ReplicationRule((FAR,)))
)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


async def settings(catalog: EmbeddedCatalog) -> RegistrySettings:
    return await catalog.region(REGION).read(lambda db: registries.settings(db, HERE))


async def test_a_registry_that_was_never_configured_has_no_rules_and_no_policy(catalog: EmbeddedCatalog) -> None:
    assert await settings(catalog) == RegistrySettings(ReplicationConfiguration(), None, None)


async def test_rules_come_back_as_they_were_put_in_their_order(catalog: EmbeddedCatalog) -> None:
    await catalog.region(REGION).write(lambda db: registries.set_replication(db, HERE, RULES, "AROA1"))
    assert await settings(catalog) == RegistrySettings(RULES, "AROA1")


async def test_putting_a_policy_leaves_the_rules_alone(catalog: EmbeddedCatalog) -> None:
    await catalog.region(REGION).write(lambda db: registries.set_replication(db, HERE, RULES, "AROA1"))
    await catalog.region(REGION).write(lambda db: registries.set_policy(db, HERE, "{}"))
    assert await settings(catalog) == RegistrySettings(RULES, "AROA1", "{}")


async def test_each_position_is_later_than_the_one_before_and_registries_count_for_themselves(
    catalog: EmbeddedCatalog,
) -> None:
    region = catalog.region(REGION)
    first = await region.write(lambda db: registries.next_position(db, HERE))
    other = await region.write(lambda db: registries.next_position(db, ELSEWHERE))
    second = await region.write(lambda db: registries.next_position(db, HERE))
    assert (first.sequence, other.sequence, second.sequence) == (1, 1, 2)
    assert first < second
    assert first.epoch > 0


async def test_a_position_taken_after_a_reset_is_later_than_every_one_before(catalog: EmbeddedCatalog) -> None:
    region = catalog.region(REGION)
    before = await region.write(lambda db: registries.next_position(db, HERE))
    await clearing.clear(catalog)
    assert await region.write(lambda db: registries.next_position(db, HERE)) > before
