"""Copies end at each operation: whole or absent, once each, never before their status; orphaned files are noted."""

from functools import partial

import pytest

from tests.blobs.forgetful_disk import Killed
from tests.crashes.endings import Act, Story, doubt_everywhere, kill_everywhere, killed_at_its, on_both
from tests.crashes.ledger import Ledger
from tests.crashes.machine import FAR, Machine
from tests.crashes.mortal import BEGIN
from tests.replication.world import Image, image, index
from twinport.replication.local_destination import HOLD

pytestmark = pytest.mark.large

LARGE = bytes(range(256)) * (17 << 10)


async def a_large_layer(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    return await _carried(machine, ledger, mark, image(LARGE + mark))


async def an_index_with_its_children(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    one, two = image(b"one" + mark), image(b"two" + mark)
    return await _carried(machine, ledger, mark, one, two, index(one, two))


async def a_tag_that_moves(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    await machine.push(image(b"before" + mark), f"tag-{mark.decode()}")
    return await _carried(machine, ledger, mark, image(b"after" + mark))


async def _carried(machine: Machine, ledger: Ledger, mark: bytes, *images: Image) -> Act:
    """What the last telling left to be carried is carried in peace, and these images, the last with a tag, are not."""
    del ledger
    await machine.deliver_everything()
    for each in images:
        await machine.push(each, f"tag-{mark.decode()}" if each is images[-1] else None)
    return machine.deliver_everything


STORIES: list[Story] = [an_index_with_its_children, a_tag_that_moves]


@on_both(STORIES, a_large_layer)
async def test_wherever_a_copy_is_killed_the_next_process_brings_it_once(
    machine: Machine, ledger: Ledger, story: Story
) -> None:
    assert await kill_everywhere(machine, ledger, story) >= 10
    await ledger.every_copy_was_made()


@on_both(STORIES, a_large_layer)
async def test_a_copy_whose_outcome_is_unknown_is_made_once(machine: Machine, ledger: Ledger, story: Story) -> None:
    """A COMMIT at the destination whose answer was lost must cost no bytes that its rows name."""
    assert await doubt_everywhere(machine, ledger, story) >= 4
    await ledger.every_copy_was_made()


async def an_offer_that_expires(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    """A process ends when everything was brought and nothing committed, and no courier comes back in time."""
    await machine.deliver_everything()
    await machine.push(image(b"abandoned" + mark), None)
    machine.go_on(killed_at_its(5, [BEGIN]))
    with pytest.raises(Killed):
        await machine.deliver()
    machine.crash()
    machine.clock.advance(HOLD * 2)
    await ledger.excuse_what_is_swept(FAR.region)
    return partial(_sweep, machine)


async def _sweep(machine: Machine) -> None:
    await machine.office.sweep_offers()
    await machine.sweep_what_is_old()


async def test_what_killed_copies_brought_is_swept_once_their_offers_expire(machine: Machine, ledger: Ledger) -> None:
    async def next_sweep() -> None:
        await _sweep(machine)
        rows = await ledger.rows(FAR.region)
        assert rows.noted == rows.held_by_offers == set()

    assert await kill_everywhere(machine, ledger, an_offer_that_expires, next_sweep) >= 3
    rows = await ledger.rows(FAR.region)
    assert rows.noted == rows.held_by_offers == set()
