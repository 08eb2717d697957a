"""Deletions and sweeps end at each operation: rows go before bytes, and no bytes go astray."""

import pytest
from sqlalchemy import select

from tests.crashes.endings import Act, Story, doubt_everywhere, kill_everywhere, on_both
from tests.crashes.ledger import Ledger
from tests.crashes.machine import API, HOME, ME, ROWS_AT_ONCE, WEB, Machine
from tests.replication.world import image, index
from twinport.catalog.regional import endings, removals, schema
from twinport.model.content import Digest
from twinport.model.images import NamedImage, NewRepository
from twinport.model.names import RepositoryName

pytestmark = pytest.mark.large

MORE_THAN_GO_AT_ONCE = [b"part"] * ROWS_AT_ONCE


async def an_image_with_two_tags(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    """The other image of the repository, and the layer that both have, stay."""
    kept, gone = image(b"shared", b"kept" + mark), image(b"shared", b"gone" + mark)
    await machine.push(kept, "kept")
    await machine.push(gone, "gone")
    await machine.put(gone, "gone-too")
    ledger.images[kept.digest] = (kept, API)

    async def act() -> None:
        await machine.delete(NamedImage(str(gone.digest)))
        ledger.absent[gone.digest] = API

    return act


async def a_tag_and_then_the_last_one(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    gone = image(b"gone" + mark)
    await machine.push(gone, "one")
    await machine.put(gone, "other")

    async def act() -> None:
        await machine.delete(NamedImage(tag="one"))
        await machine.delete(NamedImage(tag="other"))
        ledger.absent[gone.digest] = API

    return act


async def an_index_and_then_its_child(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    child = image(b"child" + mark)
    whole = index(child)
    await machine.push(child, None)
    await machine.put(whole, "whole")

    async def act() -> None:
        await machine.delete(NamedImage(str(whole.digest)), NamedImage(str(child.digest)))
        ledger.absent[whole.digest] = API

    return act


async def an_upload(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    del ledger
    upload = await machine.leave_unfinished(b"one" + mark, b"two")

    async def act() -> None:
        await machine.uploads.cancel(ME, HOME.repository(API), upload)

    return act


async def an_upload_of_more_parts_than_go_at_once(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    del ledger
    upload = await machine.leave_unfinished(mark, *MORE_THAN_GO_AT_ONCE)

    async def act() -> None:
        await machine.uploads.cancel(ME, HOME.repository(API), upload)

    return act


async def a_repository_with_everything_in_it(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    name = RepositoryName(f"team/gone-{mark.decode()}")
    await machine.repositories.create(ME, HOME.repository(name), NewRepository())
    await machine.push(image(b"gone" + mark), "1", name)
    await machine.leave_unfinished(b"unfinished" + mark, b"part", name=name)
    ledger.layers[await machine.push_whole(b"gone" + mark, WEB)] = WEB

    async def act() -> None:
        await machine.delete_repository(name)

    return act


STORIES: list[Story] = [
    an_image_with_two_tags,
    a_tag_and_then_the_last_one,
    an_index_and_then_its_child,
    an_upload,
    an_upload_of_more_parts_than_go_at_once,
    a_repository_with_everything_in_it,
]


async def a_sweep(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    """Of two images one is deleted, an upload is left, another was joined of segments; a day passes."""
    kept, gone = image(b"shared" + mark), image(b"shared" + mark, b"gone" + mark)
    await machine.push_parts(b"shared", mark)
    for each in (kept, gone):
        await machine.push(each, f"{each.digest.hex[:8]}")
    await machine.delete(NamedImage(str(gone.digest)))
    await machine.leave_unfinished(b"left" + mark)
    ledger.images[kept.digest] = (kept, API)
    ledger.layers[Digest.of(b"shared" + mark)] = API
    await ledger.excuse_what_is_swept(HOME.region)
    return machine.sweep_what_is_old


async def a_sweep_of_uploads_that_ended(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    """One was completed, one canceled, and one is left; each has more parts than go at once."""
    upload = await machine.leave_unfinished(b"canceled" + mark, *MORE_THAN_GO_AT_ONCE)
    await machine.uploads.cancel(ME, HOME.repository(API), upload)
    whole = image(b"".join((b"completed" + mark, *MORE_THAN_GO_AT_ONCE)))
    await machine.push_parts(b"completed" + mark, *MORE_THAN_GO_AT_ONCE)
    await machine.push(whole, f"{whole.digest.hex[:8]}")
    await machine.leave_unfinished(b"left" + mark, *MORE_THAN_GO_AT_ONCE)
    ledger.images[whole.digest] = (whole, API)
    await ledger.excuse_what_is_swept(HOME.region)
    return machine.sweep_what_is_old


async def a_sweep_of_a_deleted_repository(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    """It is emptied in many transactions; meanwhile there is another one of its name."""
    await (await a_repository_with_everything_in_it(machine, ledger, mark))()
    # A layer without an image goes in the sweep, too, wherever it is.
    ledger.layers.clear()
    name = RepositoryName(f"team/gone-{mark.decode()}")
    await machine.repositories.create(ME, HOME.repository(name), NewRepository())
    ledger.layers[await machine.push_whole(b"new" + mark, name)] = name
    again = image(b"new" + mark)
    await machine.push(again, "1", name)
    ledger.images[again.digest] = (again, name)
    await ledger.excuse_what_is_swept(HOME.region)
    return machine.sweep_what_is_old


@on_both(STORIES)
async def test_wherever_a_deletion_is_killed_it_is_whole_or_was_not(
    machine: Machine, ledger: Ledger, story: Story
) -> None:
    assert await kill_everywhere(machine, ledger, story) >= 2


@on_both(STORIES)
async def test_what_deletions_leave_is_swept_to_the_last_byte(machine: Machine, ledger: Ledger, story: Story) -> None:
    await (await story(machine, ledger, b"x"))()
    await machine.sweep_what_is_old()
    ledger.layers.clear()
    await ledger.check()
    rows = await ledger.rows(HOME.region)
    assert rows.noted == ledger.orphans(HOME.region, rows) == set()


async def test_wherever_a_sweep_is_killed_the_next_one_ends_its_work(machine: Machine, ledger: Ledger) -> None:
    async def next_sweep() -> None:
        await machine.sweep_what_is_old()
        assert (await ledger.rows(HOME.region)).noted == set()

    assert await kill_everywhere(machine, ledger, a_sweep, next_sweep) > 10


async def test_wherever_the_emptying_of_a_repository_is_killed_the_next_sweep_ends_it(
    machine: Machine, ledger: Ledger
) -> None:
    async def next_sweep() -> None:
        await machine.sweep_what_is_old()
        assert await machine.catalog.region(HOME.region).read(removals.is_any_left) is False
        assert (await ledger.rows(HOME.region)).noted == set()

    assert await kill_everywhere(machine, ledger, a_sweep_of_a_deleted_repository, next_sweep) > 20


async def test_wherever_the_emptying_of_uploads_is_killed_the_next_sweep_ends_it(
    machine: Machine, ledger: Ledger
) -> None:
    region = machine.catalog.region(HOME.region)

    async def next_sweep() -> None:
        await machine.sweep_what_is_old()
        assert await region.read(lambda db: endings.is_any_left(db, machine.clock.now())) is False
        assert await region.read(lambda db: db.execute(select(schema.upload_segment)).all()) == []
        assert (await ledger.rows(HOME.region)).noted == set()

    assert await kill_everywhere(machine, ledger, a_sweep_of_uploads_that_ended, next_sweep) > 20


async def test_a_sweep_whose_outcome_is_unknown_is_done_again(machine: Machine, ledger: Ledger) -> None:
    assert await doubt_everywhere(machine, ledger, a_sweep) > 3
    rows = await ledger.rows(HOME.region)
    assert rows.noted == ledger.orphans(HOME.region, rows) == set()
