"""Pushes end at each operation of the disk and of the catalog: what was acknowledged is there, and whole."""

import pytest

from tests.catalogs import SQLITE
from tests.crashes.endings import Act, Story, doubt_everywhere, kill_everywhere, on_both, refuse_everywhere
from tests.crashes.ledger import Ledger
from tests.crashes.machine import API, HOME, ME, ROWS_AT_ONCE, WEB, Machine
from tests.replication.world import image, index
from twinport.model.content import Digest

pytestmark = pytest.mark.large

LARGE = bytes(range(256)) * (17 << 10)


async def a_layer_in_one_request(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    async def act() -> None:
        ledger.layers[await machine.push_whole(b"small" + mark)] = API

    return act


async def a_large_layer(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    async def act() -> None:
        ledger.layers[await machine.push_whole(LARGE + mark)] = API

    return act


async def a_layer_in_one_part(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    async def act() -> None:
        ledger.layers[await machine.push_parts(b"only" + mark)] = API

    return act


async def a_layer_in_many_parts(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    async def act() -> None:
        ledger.layers[await machine.push_parts(b"first" + mark, b"second", b"third")] = API

    return act


async def a_layer_in_more_parts_than_go_at_once(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    parts = (b"first" + mark, *[b"next"] * ROWS_AT_ONCE)

    async def act() -> None:
        ledger.layers[await machine.push_parts(*parts)] = API

    return act


async def a_layer_whose_last_part_comes_with_its_completion(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    async def act() -> None:
        ledger.layers[await machine.push_parts(b"first" + mark, last=b"last")] = API

    return act


async def a_layer_that_is_there_already(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    ledger.layers[await machine.push_whole(b"twice" + mark)] = API

    async def act() -> None:
        ledger.layers[await machine.push_parts(b"twi", b"ce" + mark)] = API

    return act


async def a_mount(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    digest = await machine.push_whole(b"mounted" + mark)

    async def act() -> None:
        assert await machine.mounts.mount(ME, HOME.repository(WEB), digest, API) is not None
        ledger.layers[digest] = WEB

    return act


async def an_image_and_the_tag_it_takes_over(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    before, after = image(b"before" + mark), image(b"after" + mark)
    for content in (*before.blobs, *after.blobs):
        ledger.layers[await machine.push_whole(content)] = API
    await ledger.put(before, "moving")

    async def act() -> None:
        await ledger.put(after, "moving")

    return act


async def an_index(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    one, two = image(b"one" + mark), image(b"two" + mark)
    for content in {*one.blobs, *two.blobs}:
        ledger.layers[await machine.push_whole(content)] = API

    async def act() -> None:
        for number, child in enumerate((one, two)):
            await ledger.put(child, f"child-{number}")
        await ledger.put(index(one, two), "index")

    return act


STORIES: list[Story] = [
    a_layer_in_one_request,
    a_layer_in_many_parts,
    a_layer_in_more_parts_than_go_at_once,
    a_layer_that_is_there_already,
    a_mount,
    an_image_and_the_tag_it_takes_over,
    an_index,
]
ON_SQLITE: list[Story] = [
    a_large_layer,
    a_layer_in_one_part,
    a_layer_whose_last_part_comes_with_its_completion,
]


@on_both(STORIES, *ON_SQLITE)
async def test_wherever_a_push_is_killed_every_promise_is_kept(machine: Machine, ledger: Ledger, story: Story) -> None:
    assert await kill_everywhere(machine, ledger, story) >= 2


@on_both(STORIES, *ON_SQLITE)
async def test_a_push_whose_outcome_is_unknown_can_be_sent_again(
    machine: Machine, ledger: Ledger, story: Story
) -> None:
    assert await doubt_everywhere(machine, ledger, story) >= 1


@pytest.mark.parametrize("machine", [SQLITE], indirect=True)
@pytest.mark.parametrize("story", STORIES + ON_SQLITE, ids=lambda story: story.__name__)
async def test_a_push_that_the_database_refuses_leaves_no_bytes_behind(
    machine: Machine, ledger: Ledger, story: Story
) -> None:
    """On a full disk they would make matters worse with every try."""
    assert await refuse_everywhere(machine, ledger, story) >= 1


async def test_a_layer_is_lost_from_no_upload_that_was_acknowledged_in_part(machine: Machine, ledger: Ledger) -> None:
    """The bytes of a part are as durable as a layer's."""
    upload = await machine.leave_unfinished(b"first part")
    machine.crash()
    await ledger.check()
    digest = Digest.of(b"first part")
    assert (await machine.uploads.complete(ME, HOME.repository(API), upload, digest, None)).digest == digest
