"""A push that changes nothing owes again what failed: where, at which position, and never twice."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.fakes import NOW, OTHER_ACCOUNT, OTHER_REGION, REGION, REGISTRY, AllowAll, caller
from tests.shelf import API, Shelf, image_of, index_of
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import delivery_reports, outbox, registries
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.images import Mutability, TagRule
from twinport.model.names import Registry, TagName
from twinport.model.replication import (
    DeliveryReport,
    DeliveryState,
    FailureCode,
    Landed,
    Lane,
    ReplicationConfiguration,
    ReplicationRule,
)
from twinport.refusals.images import ImageExists, TagImmutable
from twinport.registry.images import Images

CONFIG, LAYER = b"config", b"layer"
FIRST, SECOND = image_of(CONFIG, LAYER), image_of(CONFIG)
THERE, PARTNER = Registry(REGISTRY.account, OTHER_REGION), Registry(OTHER_ACCOUNT, REGION)
WAITING, COMPLETE, FAILED = DeliveryState.WAITING, DeliveryState.COMPLETE, DeliveryState.FAILED


@pytest.fixture
async def shelf(catalog: WholeCatalog) -> Shelf:
    """A mutable repository that holds layers, and one destination."""
    shelf = Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG, LAYER)
    await shelf.replicate_to(THERE)
    return shelf


async def push(
    shelf: Shelf, content: bytes, *tags: str, unchanged: Unchanged = Unchanged.ACCEPT, rung: list[None] | None = None
) -> None:
    bell = [] if rung is None else rung
    verbs = Images(AllowAll(), shelf.catalog, lambda: bell.append(None))
    named = tuple(TagName(tag) for tag in tags)
    await verbs.put(caller(), REGISTRY.repository(API), Push(content, None, named, None, unchanged))


async def settle(shelf: Shelf, state: DeliveryState, to: Registry = THERE) -> None:
    """End everything that waits for one destination in one way."""

    def end(db: Connection) -> None:
        for each in outbox.claim(db, Lane(REGISTRY, to), "ann", NOW, lease=timedelta(minutes=1), limit=100):
            if state is COMPLETE:
                outbox.settle_complete(db, [(each, Landed(1, "arn"))], "ann", NOW)
            else:
                code = FailureCode.DESTINATION_REGISTRY_ACCESS_DENIED
                outbox.fail(db, each.id, "ann", NOW, code=code, reason="denied")

    await shelf.catalog.region(REGION).write(end)


async def configure(shelf: Shelf, *rules: ReplicationRule) -> None:
    configuration = ReplicationConfiguration(rules)

    def put(db: Connection) -> None:
        registries.set_replication(db, REGISTRY.account, configuration, "AROA")
        outbox.cancel_removed(db, REGISTRY.account, configuration, NOW, 100)

    await shelf.catalog.region(REGION).write(put)


async def status(shelf: Shelf, content: bytes = FIRST, tag: str | None = "v1") -> dict[Registry, DeliveryState]:
    def query(db: Connection) -> Sequence[DeliveryReport]:
        return delivery_reports.statuses(db, REGISTRY.account, API, Digest.of(content), tag)

    return {each.destination: each.state for each in await shelf.catalog.region(REGION).read(query)}


async def test_the_same_push_owes_a_copy_that_failed_at_the_position_of_its_tag(shelf: Shelf) -> None:
    rung: list[None] = []
    await push(shelf, FIRST, "v1")
    await settle(shelf, FAILED)
    await push(shelf, FIRST, "v1", rung=rung)
    again, before = sorted(await shelf.owed(), key=lambda each: each.state is FAILED)
    assert (again.state, again.position, again.tag) == (WAITING, before.position, "v1")
    assert again.id != before.id
    assert rung == [None], "couriers are told"


async def test_a_copy_that_waits_or_is_complete_is_not_owed_again(shelf: Shelf) -> None:
    rung: list[None] = []
    await push(shelf, FIRST, "v1")
    await push(shelf, FIRST, "v1", rung=rung)
    await settle(shelf, COMPLETE)
    await push(shelf, FIRST, "v1", rung=rung)
    assert [each.state for each in await shelf.owed()] == [COMPLETE]
    assert rung == []


async def test_what_is_owed_again_may_fail_again_and_at_last_be_complete(shelf: Shelf) -> None:
    """The clock stands still: the newest of several at one position is known without it."""
    for _ in range(3):
        await push(shelf, FIRST, "v1")
        assert await status(shelf) == {THERE: WAITING}
        await settle(shelf, FAILED)
        assert await status(shelf) == {THERE: FAILED}
    await push(shelf, FIRST, "v1")
    await settle(shelf, COMPLETE)
    assert await status(shelf) == {THERE: COMPLETE}
    await push(shelf, FIRST, "v1")
    assert len(await shelf.owed()) == 4


async def test_of_many_same_pushes_at_once_one_owes(shelf: Shelf) -> None:
    await push(shelf, FIRST, "v1")
    await settle(shelf, FAILED)
    await asyncio.gather(*(push(shelf, FIRST, "v1") for _ in range(8)))
    assert sorted(each.state.value for each in await shelf.owed()) == ["failed", "waiting"]


async def test_only_the_destinations_that_failed_are_owed_again(shelf: Shelf) -> None:
    await shelf.replicate_to(THERE, PARTNER)
    await push(shelf, FIRST, "v1")
    await settle(shelf, COMPLETE, THERE)
    await settle(shelf, FAILED, PARTNER)
    await push(shelf, FIRST, "v1")
    assert await status(shelf) == {THERE: COMPLETE, PARTNER: WAITING}
    assert len(await shelf.owed()) == 3


@pytest.mark.parametrize("rules", [(), (ReplicationRule((THERE,), ("prod",)),), (ReplicationRule((PARTNER,)),)])
async def test_a_destination_that_no_rule_asks_for_today_is_not_owed_again(
    shelf: Shelf, rules: tuple[ReplicationRule, ...]
) -> None:
    await push(shelf, FIRST, "v1")
    await settle(shelf, FAILED)
    await configure(shelf, *rules)
    await push(shelf, FIRST, "v1")
    assert await status(shelf) == {THERE: FAILED}
    assert len(await shelf.owed()) == 1


async def test_what_the_removal_of_its_rule_canceled_is_owed_again_once_the_rule_is_back(shelf: Shelf) -> None:
    await push(shelf, FIRST, "v1")
    await configure(shelf)
    assert await status(shelf) == {THERE: FAILED}
    await configure(shelf, ReplicationRule((THERE,)))
    await push(shelf, FIRST, "v1")
    assert await status(shelf) == {THERE: WAITING}


async def test_a_tag_that_moved_away_and_back_while_there_was_no_rule_is_owed_where_it_stands_now(shelf: Shelf) -> None:
    await push(shelf, FIRST, "v1")
    await settle(shelf, FAILED)
    await configure(shelf)
    await push(shelf, SECOND, "v1")
    await push(shelf, FIRST, "v1")
    await configure(shelf, ReplicationRule((THERE,)))
    await push(shelf, FIRST, "v1")
    before, again = await shelf.owed()
    assert again.state is WAITING
    assert again.position.sequence == before.position.sequence + 2


async def test_an_image_pushed_by_digest_is_owed_again_without_a_tag(shelf: Shelf) -> None:
    await push(shelf, FIRST)
    await settle(shelf, FAILED)
    for _ in range(2):
        await push(shelf, FIRST)
    before, again = await shelf.owed()
    assert (before.state, again.state, again.tag) == (FAILED, WAITING, None)
    assert again.position > before.position, "so no index settles it that landed before"


async def test_an_index_and_its_children_are_owed_again_as_they_are_pushed_again(shelf: Shelf) -> None:
    index = index_of(FIRST, SECOND)

    async def push_all() -> None:
        for child in (FIRST, SECOND):
            await push(shelf, child)
        await push(shelf, index, "multi")

    await push_all()
    await settle(shelf, FAILED)
    await push_all()
    owed = {(each.digest, each.tag) for each in await shelf.owed() if each.state is WAITING}
    assert owed == {(Digest.of(FIRST), None), (Digest.of(SECOND), None), (Digest.of(index), "multi")}


async def test_of_several_tags_the_new_ones_are_owed_and_those_that_failed_are_owed_again(shelf: Shelf) -> None:
    await push(shelf, FIRST, "v1", "v2")
    await settle(shelf, FAILED)
    await push(shelf, FIRST, "v1", "v3")
    assert {each.tag for each in await shelf.owed() if each.state is WAITING} == {"v1", "v3"}


async def test_a_put_image_that_is_refused_because_the_image_exists_changes_nothing(shelf: Shelf) -> None:
    await push(shelf, FIRST, "v1")
    await settle(shelf, FAILED)
    before = await shelf.count()
    with pytest.raises(ImageExists):
        await push(shelf, FIRST, "v1", unchanged=Unchanged.REFUSE)
    assert await shelf.count() == before
    assert await status(shelf) == {THERE: FAILED}


async def test_a_push_that_an_immutable_tag_refuses_owes_nothing(catalog: WholeCatalog) -> None:
    shelf = Shelf(catalog)
    await shelf.make_repository(TagRule(Mutability.IMMUTABLE))
    await shelf.hold(CONFIG, LAYER)
    await shelf.replicate_to(THERE)
    await push(shelf, FIRST, "v1")
    await settle(shelf, FAILED)
    with pytest.raises(TagImmutable):
        await push(shelf, FIRST, "v1")
    assert await status(shelf) == {THERE: FAILED}
