"""Replication from a push to every destination: section 27.1 of the reference, lines 4 to 10."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.replication.world import (
    ANN,
    BOB,
    CREATE,
    FAR,
    FARTHER,
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
from twinport.catalog.regional import repositories, schema
from twinport.model.images import Mutability, TagRule
from twinport.model.names import RegionName, Registry
from twinport.model.replication import DeliveryState, FailureCode, ReplicationRule
from twinport.replication.outcomes import Hindered

COMPLETE, FAILED, WAITING = DeliveryState.COMPLETE, DeliveryState.FAILED, DeliveryState.WAITING
FIRST, SECOND = image(b"layer one"), image(b"layer two")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


# --- line 4: after the configuration, to every unique destination, digest equal ----------------------------


async def test_a_push_before_the_configuration_is_not_copied_and_one_after_is(world: World) -> None:
    await world.push(FIRST, "1")
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(SECOND, "2")
    assert await world.deliver() == 1
    assert not await world.has(FAR, FIRST)
    assert await world.has(FAR, SECOND)
    assert await world.tag(FAR, "2") == SECOND.digest
    assert await world.statuses(FIRST) == []


async def test_a_push_is_copied_to_every_unique_destination_of_every_rule(world: World) -> None:
    world.gate.granted |= {(REPLICATE, PARTNER), (CREATE, PARTNER)}
    await world.configure(HOME, ReplicationRule((FAR, PARTNER)), ReplicationRule((FAR, FARTHER), ("team",)))
    await world.push(FIRST, "1")
    assert await world.deliver() == 3
    for destination in (FAR, PARTNER, FARTHER):
        assert await world.has(destination, FIRST)
        assert await world.tag(destination, "1") == FIRST.digest
    assert {report.state for report in await world.statuses(FIRST)} == {COMPLETE}


async def test_a_complete_delivery_says_how_many_bytes_came_and_under_which_session(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    report = await world.status(FIRST)
    assert report.bytes_carried == len(FIRST.content) + sum(len(content) for content in FIRST.blobs)
    role = "AWSServiceRoleForECRReplication"
    assert str(report.carried_by).startswith(f"arn:aws:sts::{ANN}:assumed-role/{role}/eu-west-1-{ANN}-us-east-1-")


async def test_a_new_tag_on_an_old_image_travels_without_its_bytes(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    await world.push(FIRST, "latest")
    await world.deliver()
    assert await world.tag(FAR, "latest") == FIRST.digest
    assert (await world.status(FIRST)).bytes_carried == 0


async def test_a_layer_that_many_images_share_is_moved_once(world: World) -> None:
    shared = b"shared layer" * 100
    await world.configure(HOME, ReplicationRule((FAR,)))
    pushed = [image(shared, f"own {number}".encode()) for number in range(5)]
    for each in pushed:
        await world.push(each)
    await world.deliver()
    carried = sum([(await world.status(each)).bytes_carried for each in pushed])
    apart = sum(len(each.content) + len(each.blobs[2]) for each in pushed)
    assert carried == apart + len(shared) + len(b"{}")


async def test_bytes_that_another_account_has_in_the_destinations_store_are_brought_all_the_same(world: World) -> None:
    await world.push(FIRST, "1", to=Registry(BOB, VIRGINIA))
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    report = await world.status(FIRST)
    assert report.bytes_carried == len(FIRST.content) + sum(len(content) for content in FIRST.blobs)
    assert await world.has(FAR, FIRST)


async def test_the_copy_shares_no_file_with_the_original(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    originals = {path.stat().st_ino for path in world.blob_files(IRELAND)}
    assert originals.isdisjoint(path.stat().st_ino for path in world.blob_files(VIRGINIA))


# --- line 5: one hop --------------------------------------------------------------------------------------


async def test_a_replicated_image_owes_nothing(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.configure(FAR, ReplicationRule((FARTHER,)))
    await world.push(FIRST, "1")
    assert await world.deliver() == 1
    assert await world.has(FAR, FIRST)
    assert not await world.has(FARTHER, FIRST)


async def test_two_registries_that_replicate_to_each_other_do_not_loop(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.configure(FAR, ReplicationRule((HOME,)))
    await world.push(FIRST, "1")
    await world.push(SECOND, "2", to=FAR)
    assert await world.deliver() == 2
    assert await world.wait(timedelta(hours=1)) == 0
    assert await world.tag(FAR, "1") == FIRST.digest
    assert await world.tag(HOME, "2") == SECOND.digest


# --- line 6: the repository on demand ---------------------------------------------------------------------


async def test_the_destinations_repository_is_created_with_defaults(world: World) -> None:
    await world.create(HOME, TagRule(Mutability.IMMUTABLE))
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    made = await world.repository(FAR)
    assert made is not None
    assert (made.tag_rule, made.scan_on_push, made.encryption) == (TagRule(Mutability.MUTABLE), False, "AES256")
    assert await world.catalog.region(VIRGINIA).read(lambda db: repositories.policy(db, made.id)) is None


async def test_a_repository_that_exists_keeps_its_settings(world: World) -> None:
    await world.create(FAR, TagRule(Mutability.IMMUTABLE))
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    kept = await world.repository(FAR)
    assert kept is not None
    assert kept.tag_rule == TagRule(Mutability.IMMUTABLE)


async def test_no_repository_appears_before_its_first_image_does(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.delete(FIRST)
    await world.deliver()
    assert await world.repository(FAR) is None


# --- line 7: immutable destinations -----------------------------------------------------------------------


async def test_an_immutable_destination_keeps_its_tag_and_takes_the_image_untagged(world: World) -> None:
    await world.create(FAR, TagRule(Mutability.IMMUTABLE))
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "latest")
    await world.deliver()
    await world.push(SECOND, "latest")
    await world.deliver()
    assert await world.tag(FAR, "latest") == FIRST.digest
    assert await world.has(FAR, SECOND)
    assert (await world.status(SECOND)).state is COMPLETE


async def test_a_tag_excluded_from_immutability_moves(world: World) -> None:
    await world.create(FAR, TagRule(Mutability.IMMUTABLE_WITH_EXCLUSION, ("latest*",)))
    await world.configure(HOME, ReplicationRule((FAR,)))
    for each in (FIRST, SECOND):
        await world.push(each, "latest")
        await world.deliver()
    assert await world.tag(FAR, "latest") == SECOND.digest


# --- line 8: across accounts the registry policy decides --------------------------------------------------


async def test_another_account_without_a_policy_is_refused_at_once(world: World) -> None:
    await world.configure(HOME, ReplicationRule((PARTNER,)))
    await world.push(FIRST, "1")
    await world.deliver()
    report = await world.status(FIRST)
    assert (report.state, report.failure_code) == (FAILED, FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED)
    assert report.attempts == 1
    assert await world.repository(PARTNER) is None


async def test_replicate_image_alone_does_not_create_a_repository(world: World) -> None:
    world.gate.granted.add((REPLICATE, PARTNER))
    await world.configure(HOME, ReplicationRule((PARTNER,)))
    await world.push(FIRST, "1")
    await world.deliver()
    assert (await world.status(FIRST)).failure_code is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED
    await world.create(PARTNER)
    await world.push(FIRST, "2")
    await world.deliver()
    assert (await world.status(FIRST)).state is COMPLETE
    assert await world.tag(PARTNER, "2") == FIRST.digest


async def test_a_refusal_is_final_even_when_the_policy_comes_later(world: World) -> None:
    await world.configure(HOME, ReplicationRule((PARTNER,)))
    await world.push(FIRST, "1")
    await world.deliver()
    world.gate.granted |= {(REPLICATE, PARTNER), (CREATE, PARTNER)}
    assert await world.wait(timedelta(days=1)) == 0


async def test_a_denial_at_home_is_a_denial(world: World) -> None:
    world.gate.denied.add((REPLICATE, FAR))
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    assert (await world.status(FIRST)).failure_code is FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED


async def test_every_part_asks_the_gate(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    asked = world.gate.asked
    arn = FAR.repository_arn(NAME)
    # The offer, the two blobs together, and the commit.
    assert asked.count((REPLICATE, arn)) == 3
    assert asked.count((CREATE, arn)) == 2


# --- line 9: deletions stay at home -----------------------------------------------------------------------


async def test_a_deletion_at_the_source_leaves_the_copies(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    await world.delete(FIRST)
    assert await world.wait(timedelta(hours=1)) == 0
    assert await world.tag(FAR, "1") == FIRST.digest


async def test_an_image_deleted_before_it_was_copied_fails(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.delete(FIRST)
    await world.deliver()
    report = await world.status(FIRST)
    assert (report.state, report.failure_code) == (FAILED, FailureCode.SOURCE_IMAGE_NOT_FOUND)


# --- line 10: no rules ------------------------------------------------------------------------------------


async def test_no_rules_stop_new_copies_and_keep_the_old_ones(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    await world.push(SECOND, "2")
    await world.configure(HOME)
    assert await world.deliver() == 0
    assert (await world.status(SECOND)).failure_code is FailureCode.REPLICATION_CONFIGURATION_REMOVED
    assert await world.has(FAR, FIRST)
    assert not await world.has(FAR, SECOND)


# --- the role, and where to --------------------------------------------------------------------------------


async def test_without_the_role_there_is_no_copy(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    world.roles.accounts.clear()
    await world.deliver()
    assert (await world.status(FIRST)).failure_code is FailureCode.SERVICE_LINKED_ROLE_NOT_FOUND
    assert not await world.has(FAR, FIRST)


async def test_a_region_that_is_not_served_is_not_found(world: World) -> None:
    nowhere = Registry(ANN, RegionName("mars-north-1"))
    await world.configure(HOME, ReplicationRule((nowhere,)))
    await world.push(FIRST, "1")
    await world.deliver()
    assert (await world.status(FIRST)).failure_code is FailureCode.DESTINATION_REGION_NOT_FOUND


# --- order ------------------------------------------------------------------------------------------------


async def test_a_tag_that_moved_at_the_source_never_goes_back(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "latest")
    older = await world.replication.office.claim("a slow process")
    assert older is not None
    await world.push(SECOND, "latest")
    await world.deliver()
    assert await world.tag(FAR, "latest") == SECOND.digest
    await world.wait(timedelta(minutes=5))
    assert await world.has(FAR, FIRST)
    assert await world.tag(FAR, "latest") == SECOND.digest
    assert (await world.status(FIRST)).state is COMPLETE


async def test_a_tag_deleted_at_the_destination_is_not_brought_back_by_an_older_position(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "latest")
    assert await world.replication.office.claim("a slow process")
    await world.push(SECOND, "latest")
    await world.deliver()
    await world.delete(SECOND, at=FAR)
    await world.wait(timedelta(minutes=5))
    assert await world.has(FAR, FIRST)
    assert await world.tag(FAR, "latest") is None


async def test_the_later_arrival_wins_between_two_sources(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FARTHER,)))
    await world.configure(FAR, ReplicationRule((FARTHER,)))
    for _ in range(3):
        await world.push(image(b"noise"), "noise")
    await world.push(FIRST, "latest")
    await world.deliver()
    await world.push(SECOND, "latest", to=FAR)
    await world.deliver()
    assert await world.tag(FARTHER, "latest") == SECOND.digest


# --- indexes ----------------------------------------------------------------------------------------------


async def test_an_index_brings_its_children_and_settles_what_they_owed(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    whole = index(FIRST, SECOND)
    await world.push(FIRST)
    await world.push(SECOND)
    # The children's own deliveries wait for another attempt; the index comes first.
    batch = await world.replication.office.claim("an unlucky process")
    assert batch is not None
    await world.replication.office.settle(batch.holder, [(each, Hindered("disk full")) for each in batch.deliveries])
    await world.push(whole, "multi")
    assert await world.deliver() == 1
    for each in (FIRST, SECOND, whole):
        assert await world.has(FAR, each)
        assert (await world.status(each)).state is COMPLETE
    assert await world.tag(FAR, "multi") == whole.digest
    assert await world.wait(timedelta(hours=1)) == 0


async def test_an_index_of_indexes_arrives_whole(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    inner = index(FIRST)
    outer = index(inner, SECOND)
    for each in (FIRST, SECOND, inner):
        await world.push(each)
    await world.push(outer, "deep")
    await world.deliver()
    for each in (FIRST, SECOND, inner, outer):
        assert await world.has(FAR, each)


async def test_a_tagged_child_keeps_its_own_delivery(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1-amd64")
    assert await world.replication.office.claim("a dead process")
    await world.push(index(FIRST), "1")
    await world.deliver()
    assert (await world.status(FIRST)).state is WAITING
    await world.wait(timedelta(minutes=1))
    assert await world.tag(FAR, "1-amd64") == FIRST.digest


# --- provenance -------------------------------------------------------------------------------------------


async def test_a_replica_remembers_where_it_came_from_and_a_push_does_not(world: World) -> None:
    await world.configure(HOME, ReplicationRule((FAR,)))
    await world.push(FIRST, "1")
    await world.deliver()
    query = select(schema.manifest.c.origin)
    origin = await world.catalog.region(VIRGINIA).read(lambda db: db.execute(query).scalar_one())
    assert f'"registry":["{ANN}","eu-west-1"]' in origin
    assert (await world.status(FIRST)).id in origin
    assert await world.catalog.region(IRELAND).read(lambda db: db.execute(query).scalar_one()) is None
