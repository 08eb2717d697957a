"""What goes, and when; and what stays whatever happens to what it came with."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.fakes import REGISTRY
from tests.registry.dump import API, ME, OTHER, TICK, Dump, fresh, pieces_of
from tests.upload_ids import open_upload
from twinport.catalog.partition import maintenance
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import blobs, garbage, schema
from twinport.catalog.regional.blobs import NewBlob
from twinport.model.content import Digest, Key
from twinport.refusals.images import LayersMissing, UploadNotFound
from twinport.refusals.storage import BytesGivenUp
from twinport.registry.garbage import Swept
from twinport.registry.uploads import Part

CONFIG, LAYER, SHARED = b"config", b"a layer", b"a shared layer"
ABANDONED = 250


@pytest.fixture
async def dump(catalog: WholeCatalog, tmp_path: Path) -> Dump:
    dump = Dump(catalog, tmp_path)
    await dump.make()
    return dump


async def test_the_bytes_of_a_deleted_image_go_after_the_delay_and_not_before(dump: Dump) -> None:
    await dump.delete(await dump.push(CONFIG, LAYER))
    assert await dump.sweep(dump.retention.garbage_delay - TICK) == Swept()
    assert await dump.stored() == {CONFIG, LAYER}
    assert await dump.sweep(TICK * 2) == Swept(layers=2, blobs=2)
    assert await dump.stored() == {CONFIG, LAYER}, "a client may be reading"
    assert await dump.sweep(dump.retention.reader_grace + TICK) == Swept(keys=2)
    assert await dump.stored() == set()


async def test_nothing_goes_while_the_operator_has_paused_the_collection(dump: Dump) -> None:
    await dump.delete(await dump.push(CONFIG, LAYER))
    now, hours = dump.world.now(), dump.retention.garbage_delay + TICK
    await dump.catalog.partition.write(lambda db: maintenance.pause_garbage(db, now, now + hours + hours))
    assert await dump.sweep(hours) == Swept()
    assert await dump.stored() == {CONFIG, LAYER}
    assert await dump.sweep(hours) == Swept(layers=2, blobs=2), "the pause has ended by itself"
    await dump.catalog.partition.write(lambda db: maintenance.pause_garbage(db, now, None))
    assert await dump.sweep(dump.retention.reader_grace + TICK) == Swept(), "the bytes stay, too"
    await dump.catalog.partition.write(maintenance.resume_garbage)
    assert await dump.sweep() == Swept(keys=2)


async def test_a_layer_that_another_image_names_stays(dump: Dump) -> None:
    first = await dump.push(CONFIG, SHARED, LAYER, tag="first")
    await dump.push(CONFIG, SHARED, tag="second")
    await dump.delete(first)
    await dump.settle()
    assert await dump.stored() == {CONFIG, SHARED}
    assert await dump.has(Digest.of(SHARED))


async def test_an_image_whose_tag_has_moved_on_keeps_its_layers(dump: Dump) -> None:
    await dump.push(CONFIG, LAYER)
    await dump.push(CONFIG, SHARED)
    await dump.settle()
    assert await dump.stored() == {CONFIG, LAYER, SHARED}


async def test_a_layer_that_was_mounted_elsewhere_outlives_the_repository_it_came_from(dump: Dump) -> None:
    await dump.push(CONFIG, SHARED)
    assert await dump.mount(Digest.of(SHARED))
    await dump.upload(CONFIG, OTHER)
    await dump.put(CONFIG, SHARED, name=OTHER)
    await dump.drop(API)
    await dump.settle()
    assert await dump.stored() == {CONFIG, SHARED}
    assert await dump.has(Digest.of(SHARED), OTHER)


async def test_a_mount_from_a_repository_whose_last_image_is_gone_works_until_the_delay_is_over(dump: Dump) -> None:
    await dump.delete(await dump.push(CONFIG, SHARED))
    await dump.sweep(dump.retention.garbage_delay - TICK)
    assert await dump.mount(Digest.of(SHARED))
    await dump.sweep(TICK * 2)
    assert not await dump.mount(Digest.of(CONFIG))
    assert await dump.has(Digest.of(SHARED), OTHER)


async def test_a_deleted_repository_leaves_nothing(dump: Dump) -> None:
    await dump.push(CONFIG, LAYER)
    await dump.begin(fresh())
    await dump.drop()
    await dump.settle()
    assert dump.files() == set()


async def test_a_layer_without_an_image_is_kept_as_long_as_documented(dump: Dump) -> None:
    await dump.upload(LAYER)
    await dump.sweep(dump.retention.garbage_delay - TICK)
    await dump.upload(CONFIG)
    await dump.put(CONFIG, LAYER)
    await dump.settle()
    assert await dump.stored() == {CONFIG, LAYER}


async def test_a_layer_that_was_said_to_be_there_can_be_pushed_for_half_the_delay(dump: Dump) -> None:
    await dump.delete(await dump.push(CONFIG, LAYER))
    dump.world.advance(dump.retention.promise - TICK)
    assert await dump.has(Digest.of(LAYER))
    await dump.sweep(dump.retention.garbage_delay - dump.retention.promise)
    await dump.put(CONFIG, LAYER)
    await dump.settle()
    assert await dump.has(Digest.of(LAYER))


async def test_a_layer_that_goes_soon_is_said_to_be_gone_and_an_upload_renews_it(dump: Dump) -> None:
    await dump.delete(await dump.push(CONFIG, LAYER))
    dump.world.advance(dump.retention.promise + TICK)
    assert not await dump.has(Digest.of(LAYER))
    await dump.upload(LAYER)
    assert await dump.has(Digest.of(LAYER))
    await dump.sweep(dump.retention.garbage_delay - TICK)
    await dump.upload(CONFIG)
    await dump.put(CONFIG, LAYER)


async def test_a_layer_that_an_image_names_is_said_to_be_there_however_long_ago_it_came(dump: Dump) -> None:
    await dump.push(CONFIG, LAYER)
    dump.world.advance(dump.retention.garbage_delay * 10)
    assert await dump.has(Digest.of(LAYER))
    await dump.settle()
    assert await dump.has(Digest.of(LAYER))


async def test_an_image_of_layers_that_went_is_refused_and_pushing_them_again_heals_it(dump: Dump) -> None:
    await dump.delete(await dump.push(CONFIG, LAYER))
    await dump.settle()
    with pytest.raises(LayersMissing):
        await dump.put(CONFIG, LAYER)
    await dump.push(CONFIG, LAYER)


async def test_abandoned_uploads_go_with_their_bytes_and_the_others_stay(dump: Dump) -> None:
    for number in range(ABANDONED):
        opening = partial(open_upload, repository=REGISTRY.repository(API), id_=f"u{number}", now=dump.world.now())
        await dump.region.write(opening)
    abandoned, in_use = await dump.begin(b"abandoned"), await dump.begin(b"in use")
    dump.world.advance(dump.retention.upload_expiry - TICK)
    await dump.uploads.append(ME, REGISTRY.repository(API), in_use, Part(pieces_of(b" and more")))
    assert await dump.sweep(TICK * 2) == Swept(uploads=ABANDONED + 1)
    with pytest.raises(UploadNotFound):
        await dump.uploads.status(ME, REGISTRY.repository(API), abandoned)
    assert await dump.sweep(dump.retention.reader_grace + TICK) == Swept(keys=1)
    assert await dump.stored() == {b"in use", b" and more"}


async def test_the_loser_of_two_uploads_is_swept_after_a_while_and_the_winner_stays(dump: Dump) -> None:
    await dump.upload(LAYER)
    winner = dump.files()
    await dump.upload(LAYER)
    assert len(dump.files()) == 2
    assert await dump.sweep(dump.retention.reader_grace + TICK) == Swept(keys=1)
    assert dump.files() == winner


async def test_a_sweep_that_was_cut_off_is_taken_up_again_when_its_lease_is_over(dump: Dump) -> None:
    await dump.upload(LAYER)
    await dump.upload(LAYER)
    dump.world.advance(dump.retention.reader_grace + TICK)
    now = dump.world.now()
    leased = await dump.region.write(lambda db: garbage.lease_discarded(db, now, now, now + TICK, 10))
    assert len(leased) == 1
    assert await dump.sweep() == Swept()
    assert await dump.sweep(TICK * 2) == Swept(keys=1)
    assert len(dump.files()) == 1


async def test_a_key_that_is_noted_as_discarded_can_no_longer_be_named(dump: Dump) -> None:
    key, now = Key("ab" * 16), dump.world.now()
    await dump.region.write(lambda db: blobs.discard(db, [key], now))
    with pytest.raises(BytesGivenUp):
        await dump.region.write(lambda db: blobs.record(db, NewBlob(Digest.of(LAYER), key, 7), now))


async def test_a_note_of_a_key_that_a_row_names_goes_and_the_bytes_stay(dump: Dump) -> None:
    await dump.upload(LAYER)
    now, [key] = dump.world.now(), [Key(name) for name in dump.files()]
    await dump.region.write(lambda db: blobs.discard(db, [key], now))
    assert await dump.sweep(dump.retention.reader_grace + TICK) == Swept()
    assert await dump.keys() == dump.files() == {key}
    assert await dump.region.read(lambda db: db.execute(schema.discarded_key.select()).all()) == []


async def test_a_region_that_was_never_written_to_is_not_made_by_sweeping_it(
    catalog: WholeCatalog, tmp_path: Path
) -> None:
    await Dump(catalog, tmp_path).sweep(timedelta(days=30))
    assert not (tmp_path / "regions").exists()
