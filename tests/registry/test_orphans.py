"""Files that nothing knows of go; files that a row is about to name stay, or their row is refused."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.registry.dump import REGION, TICK, Dump
from twinport.blobs.store import PARTS
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import blobs, schema
from twinport.catalog.regional.blobs import NewBlob
from twinport.clock import ManualClock
from twinport.model.content import Digest, Key
from twinport.refusals.storage import BytesGivenUp, StoreOfAnother

ORPHAN, LAYER = b"an orphan", b"a layer"


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    """A dump whose clock is near that of its files."""
    dump = Dump(catalog, tmp_path, ManualClock(datetime.now(UTC) + timedelta(minutes=1)))
    await dump.make()
    return dump


async def test_a_file_that_nothing_knows_of_goes_when_it_is_old(dump: Dump) -> None:
    await dump.leave(ORPHAN)
    await dump.upload(LAYER)
    await dump.begin(b"part of an upload")
    await dump.tidy()
    await dump.sweep(dump.retention.reader_grace + TICK)
    assert await dump.stored() == {ORPHAN, LAYER, b"part of an upload"}, "it may be being written"
    dump.world.advance(dump.retention.orphan_age - dump.retention.reader_grace)
    await dump.tidy()
    await dump.garbage.sweep_keys(REGION)
    assert ORPHAN in await dump.stored(), "a row may be about to name it"
    dump.world.advance(dump.retention.reader_grace + TICK)
    await dump.garbage.sweep_keys(REGION)
    assert await dump.stored() == {LAYER, b"part of an upload"}


async def test_bytes_that_were_taken_for_orphaned_cannot_be_named_any_more(dump: Dump) -> None:
    file = await dump.leave(ORPHAN)
    dump.world.advance(dump.retention.orphan_age * 2)
    await dump.tidy()
    with pytest.raises(BytesGivenUp):
        await dump.region.write(
            lambda db: blobs.record(db, NewBlob(Digest.of(ORPHAN), Key(file.name), len(ORPHAN)), dump.world.now())
        )


async def test_bytes_that_were_named_since_the_folder_was_read_are_not_orphaned(dump: Dump) -> None:
    file, now = await dump.leave(ORPHAN), dump.world.now()
    dump.world.advance(dump.retention.orphan_age * 2)
    found = await dump.orphans.find(REGION, file.parent.name)
    assert [each.key for each in found] == [file.name]
    await dump.region.write(lambda db: blobs.record(db, NewBlob(Digest.of(ORPHAN), Key(file.name), len(ORPHAN)), now))
    assert await dump.orphans.collect(REGION, found) == 0


async def test_files_that_are_not_ours_are_left_alone(dump: Dump) -> None:
    foreign = [(await dump.leave(ORPHAN)).parent / name for name in ("README", "f" * 31, "F" * 32)]
    for path in foreign:
        path.write_bytes(b"not ours")
        os.utime(path, (0, 0))
    dump.world.advance(dump.retention.orphan_age * 2)
    await dump.tidy()
    await dump.settle()
    assert [path for path in foreign if path.exists()] == foreign


async def test_the_blobs_of_another_catalog_are_not_orphaned(dump: Dump, tmp_path: Path) -> None:
    await dump.upload(LAYER)
    await dump.tidy()
    (tmp_path / "second").mkdir()
    second = Dump(EmbeddedCatalog(tmp_path / "second", dump.world), dump.folder, dump.world)
    await second.make()
    dump.world.advance(dump.retention.orphan_age * 2)
    with pytest.raises(StoreOfAnother):
        await second.tidy()
    second.catalog.close()
    await dump.tidy()
    await dump.sweep(dump.retention.reader_grace + TICK)
    assert await dump.stored() == {LAYER}


async def test_every_folder_has_its_turn_in_one_round_and_none_before(dump: Dump) -> None:
    seen = []
    for _ in range(len(PARTS) + 1):
        await dump.orphans.look(REGION)
        seen.append(await position(dump))
        await dump.orphans.look(REGION)
        assert await position(dump) == seen[-1]
        dump.world.advance(dump.retention.orphan_round / len(PARTS))
    assert seen == [*PARTS, PARTS[0]]


async def test_what_was_missed_while_nothing_ran_is_not_made_up_for_at_once(dump: Dump) -> None:
    await dump.orphans.look(REGION)
    dump.world.advance(dump.retention.orphan_round * 3)
    await dump.orphans.look(REGION)
    assert await position(dump) == PARTS[1]


async def position(dump: Dump) -> str:
    """Return the folder that was looked through last."""
    query = select(schema.chore.c.position).where(schema.chore.c.name == "litter")
    return await dump.region.read(lambda db: str(db.execute(query).scalar_one()))
